/* dense.h - F16 copies of quantised weights in GPU memory that nothing else wants, so that
 * long prompts, whose products go through the vendor's library, need not dequantise them
 * for every chunk.
 *
 * Weights get a copy in the order in which lists are recorded, which is that of layers,
 * until the budget is spent: option "dense_mib", or half of what is free when the first
 * list with such a product is recorded, and by then the core has all that it planned. The
 * copies are the first to go: when an allocation fails, all are freed, and the lists that
 * read them dequantise again. */
#ifndef ADA_DENSE_H
#define ADA_DENSE_H

#include <cuda.h>

#include "ada.h"

struct ada_dense; /* one weight's copy; lives as long as the device */

/* [cmd] A copy of this packed weight, NULL where there is none to be had. The next submit
 * fills it. */
struct ada_dense *ada_dense_of(struct zinc_dev *dev, const struct zinc_view *w);
/* Its address; 0 for NULL and from when it is gone. */
uint64_t ada_dense_address(const struct ada_dense *d);

/* [any] Enqueues what fills new copies, before the work that reads them. */
CUresult ada_dense_fill(struct zinc_dev *dev);
/* [any] This memory is written or freed: copies of weights in it go. */
void ada_dense_forget(struct zinc_dev *dev, uint64_t address, uint64_t bytes);
/* [any] Memory is short: frees all copies for good. False: there were none. */
bool ada_dense_drop(struct zinc_dev *dev);
/* Changes with every copy that goes: a graph captured before may read what is freed. */
uint64_t ada_dense_generation(struct zinc_dev *dev);

void ada_dense_finish(struct zinc_dev *dev);

#endif
