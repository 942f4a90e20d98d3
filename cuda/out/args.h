/* args.h - arguments of the kernels that read results out of rows of logits. */
#ifndef ADA_OUT_ARGS_H
#define ADA_OUT_ARGS_H

#include "common/args.h"

/* Candidates are 64-bit keys (keys.cuh). A row of `lanes` elements is cut into
 * parts; each leaves its n_top best keys, which the next launch takes in again.
 * to == 0: this launch writes ids and values. */
struct ada_top_args {
	struct ada_view x, ids, values;
	uint64_t params;
	uint64_t from, to; /* [rows][lanes] (0: x), [rows][parts][n_top] */
	struct ada_count n;
	uint32_t lanes, n_top;
	uint32_t part, pad0; /* argmax */
};

#endif
