/* linear.h - a matrix product with random data, plain or by experts. */
#ifndef KIT_LINEAR_H
#define KIT_LINEAR_H

#include <zinc/op.h>

#include "case.h"

/* Which rows of its tensor w is. */
enum linear_window { WHOLE, FIRST_HALF, SECOND_HALF, ODD_ROWS };

/* Zero means absent. */
struct linear_shape {
	uint32_t dtype, gate_dtype;
	uint32_t k, m, n, n_max;
	uint32_t n_expert, slots;
	bool x_per_slot;
	bool crowd;  /* every token goes to the same experts           */
	bool pack;   /* in the backend's own layout, where it has one  */
	bool mapped; /* read where the file is, where it does that     */
	bool tied;   /* the weight is an embedding table as well       */
	enum linear_window window;
	float scale;
	uint32_t act;
	bool residual, alias; /* alias: y is its own residual           */
	uint32_t pad;         /* elements between the rows of x, y, ... */
	uint8_t fill;         /* see num_random()                       */
	bool sparse;          /* x has a few elements that are not 0    */
};

/* What build() leaves for expect(). */
struct linear_data {
	float *x, *residual;
	int32_t *ids;                  /* [n][slots]        */
	const struct kit_region *w, *gate;
	uint32_t rows_of_tensor, first_row; /* of w and gate */
};

extern const struct kit_recipe linear_dmmv, linear_mmq;

void linear_expect(struct kit_case *c, const void *shape);

#endif
