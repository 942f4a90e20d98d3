/* choice_table.c - looking up what was measured. */
#include <math.h>

#include "choice.h"

/* Distances in powers of two: columns count most, since ways differ most by them. */
static double distance(const struct ada_choice *c, double rows, double k, double cols)
{
	return 8 * fabs(log2(c->cols / cols)) + fabs(log2(c->rows / rows)) +
	       fabs(log2(c->k / k));
}

const struct ada_choice *ada_choice_near(const struct ada_choices *all,
                                         const struct zinc_op_linear *op, uint32_t type)
{
	double rows = op->w.ne[1] * (zinc_view_present(&op->gate_w) ? 2.0 : 1.0), nearest = 0;
	const struct ada_choice *best = NULL;

	if (!all || zinc_view_present(&op->ids))
		return NULL;
	for (uint32_t i = 0; i < all->n; i++) {
		const struct ada_choice *c = &all->list[i];
		double d;

		if (c->type != type)
			continue;
		d = distance(c, rows, op->w.ne[0], op->n.imm);
		if (!best || d < nearest) {
			best = c;
			nearest = d;
		}
	}
	return best;
}

enum ada_way ada_choice_fastest(const struct ada_choice *c)
{
	enum ada_way best = ADA_WAY_TILES;

	for (int w = 0; w < ADA_N_WAYS; w++)
		if (c->ns[w] && (!c->ns[best] || c->ns[w] < c->ns[best]))
			best = (enum ada_way)w;
	return best;
}
