/* inspect.h - what the driver's compiler makes of the kernels, on a device that need not
 * be able to run them: Mesa compiles for AMD cards that are not there. */
#ifndef RDNA4_INSPECT_H
#define RDNA4_INSPECT_H

#include "rdna4.h"

struct rdna4_inspection;

/* Records the op in all variants that take it, and notes the kernels it binds. made_for
 * is one of a few words that outlive the inspection's end. */
int rdna4_inspect_op(struct rdna4_inspection *in, const struct zinc_op_impl *op,
                     const void *desc, const char *made_for);
/* The same for dmmv and mmq, of which each variant reads x in a layout of its own. */
int rdna4_inspect_linear(struct rdna4_inspection *in, const struct zinc_op_impl *op,
                         const struct zinc_op_linear *desc, const char *made_for);
/* Stands for all memory; nothing is ever read or written. */
struct zinc_buf *rdna4_inspect_memory(struct rdna4_inspection *in);
/* Text of printf's that lives as long as the inspection. */
__attribute__((format(printf, 2, 3))) const char *rdna4_inspect_text(struct rdna4_inspection *in,
                                                                     const char *fmt, ...);

/* Calls rdna4_inspect_op() for what models of today ask of each op (inspect_cases.c). */
int rdna4_inspect_cases(struct rdna4_inspection *in);

/* The entry of the backend table. */
int rdna4_dev_kernels(void *self, uint32_t i,
                      void (*tell)(void *ctx, const struct zinc_kernel_info *), void *ctx,
                      struct zinc_err *err);

#endif
