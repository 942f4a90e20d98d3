/* op_rows.h - how the ops that go over rows describe them to their kernels, and
 * their launch grids. */
#ifndef ADA_OP_ROWS_H
#define ADA_OP_ROWS_H

#include "ada.h"
#include "rows/args.h"

/* All rows of v begin on 16 bytes. An absent view does. */
static inline bool ada_is_vec(const struct zinc_view *v)
{
	uint64_t bits = ada_address(v);

	for (int i = 1; i < ZINC_MAX_DIMS; i++)
		if (v->ne[i] > 1)
			bits |= v->nb[i];
	return bits % 16 == 0;
}

/* The rows of a [N, D] or [N, H, D] view (op.h): with n.imm == 1 all of dimension
 * 1 belongs to the one row. */
static inline struct ada_rows ada_rows_of(const struct zinc_cmd *cmd, const struct zinc_view *v,
                                          struct zinc_u32 n)
{
	struct ada_rows r = {.params = ada_params(cmd), .n = ada_count(n), .ne0 = v->ne[0],
	                     .inner = v->ne[1], .per_n = v->ne[1], .vec = ada_is_vec(v)};

	if (v->ne[2] == 1 && n.imm > 1)
		r.per_n = 1;
	return r;
}

/* Also these begin on 16 bytes? */
static inline void ada_rows_also(struct ada_rows *r, const struct zinc_view *v)
{
	r->vec = r->vec && ada_is_vec(v);
}

/* Has the norm recorded just before, of which x is the result, multiply it by
 * *factor as well? Then the present op has nothing left to do. */
bool ada_norm_takes_factor(struct zinc_cmd *cmd, const struct ada_view *x,
                           const struct ada_rows *rows, uint64_t factor);

/* Grid and block of a launch with a thread for each of `lanes` pieces of a row,
 * at least 32 beside each other, 256 to a block. */
static inline void ada_grid_over(struct ada_launch *l, uint32_t lanes, uint64_t rows)
{
	uint32_t width = 32;
	uint64_t high;

	while (width < 256 && width < lanes)
		width *= 2;
	high = (rows + 256 / width - 1) / (256 / width);
	l->block[0] = width;
	l->block[1] = 256 / width;
	l->block[2] = 1;
	l->grid[0] = ada_div_up(lanes ? lanes : 1, width);
	l->grid[1] = high < 1 ? 1 : high > 65535 ? 65535 : (uint32_t)high;
	l->grid[2] = 1;
}

/* The same for quads of elements of all rows. */
static inline void ada_grid_of_rows(struct ada_launch *l, const struct ada_rows *r)
{
	ada_grid_over(l, ada_div_up(r->ne0, 4), (uint64_t)r->n.imm * r->per_n);
}

#endif
