/* compare.c - results against what they must be, and against each other. */
#include <stdio.h>

#include "run.h"

bool kit_is_strict(uint32_t numerics)
{
	return numerics == ZINC_NUM_F32 || numerics == ZINC_NUM_Q8 || numerics == ZINC_NUM_F16;
}

/* How far a result of this class may be off. */
static double allowed(const struct kit_want *w, size_t i, uint32_t numerics)
{
	double slack = w->slack[i];

	if ((numerics == ZINC_NUM_Q8 || numerics == ZINC_NUM_FREE8) && w->slack8)
		slack += w->slack8[i];
	if ((numerics == ZINC_NUM_F16 || numerics == ZINC_NUM_FREE16) && w->slack16)
		slack += w->slack16[i];
	return slack;
}

static bool check_row(struct kit_run *r, const struct kit_want *w, uint32_t row,
                      const double *got)
{
	uint32_t numerics = r->impl->variants[r->variant].numerics;

	for (uint32_t k = 0; k < w->row_elems; k++) {
		size_t i = (size_t)row * w->row_elems + k;
		double slack = allowed(w, i, numerics), off = fabs(got[k] - w->want[i]);

		if (isnan(slack) || got[k] == w->want[i] || (isnan(w->want[i]) && isnan(got[k])))
			continue;
		if (off <= slack) {
			r->worst = fmax(r->worst, slack > 0 && slack < INFINITY ? off / slack : 0);
			continue;
		}
		r->worst = INFINITY;
		snprintf(r->msg, KIT_MSG, "result %d, row %u, element %u is %.9g, should be %.9g "
		         "within %.3g", (int)(w - r->c->wants), row, k, got[k], w->want[i], slack);
		return false;
	}
	return true;
}

bool kit_check_values(struct kit_run *r, const struct kit_results *got)
{
	bool ok = true;

	for (uint32_t i = 0; i < KIT_OUTS && r->c->wants[i].want; i++) {
		const struct kit_want *w = &r->c->wants[i];
		double *row = must_calloc(w->row_elems, sizeof(*row));

		for (uint32_t n = 0; n < w->n_rows && ok; n++) {
			if (!got->seen[i][n])
				continue;
			num_decode(w->dtype, got->rows[i] + n * got->row_bytes[i], w->row_elems,
			           row, NULL);
			ok = check_row(r, w, n, row);
		}
		free(row);
	}
	return ok;
}

bool kit_check_bits(struct kit_run *r, const struct kit_results *a, const struct kit_results *b,
                    const char *what)
{
	for (uint32_t i = 0; i < KIT_OUTS && a->rows[i]; i++) {
		for (uint32_t n = 0; n < r->c->wants[i].n_rows; n++) {
			const uint8_t *x = a->rows[i] + n * a->row_bytes[i];
			const uint8_t *y = b->rows[i] + n * a->row_bytes[i];

			if (!a->seen[i][n] || !b->seen[i][n] || !memcmp(x, y, a->row_bytes[i]))
				continue;
			snprintf(r->msg, KIT_MSG, "result %u, row %u has other bits: %s", i, n,
			         what);
			return false;
		}
	}
	return true;
}
