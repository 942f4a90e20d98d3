/* linear_expect.c - what a product must be, and how far off rounding may take
 * it.
 *
 * The terms are independent and so are their errors, which add up as the root of
 * the sum of their squares. Beyond the classes:
 *   F32   TOL_F32 (op_check.h) of the root of the sum of the squared terms
 *   Q8    7 standard deviations of the rounding of x to 127 steps of the largest
 *         of its 32 neighbours, uniform in +-1/2 step
 *   F16   every term off by 2^-8 of itself (weight and activation each rounded
 *         to bfloat16 at worst), 4 times the root of the sum of squares
 * and never more than all errors on one side. FREE is bounded as F32, FREE16 as
 * F16, FREE8 as Q8. A weight with a minimum counts with the sizes of both its
 * parts. */
#include "linear.h"
#include "conformance/ref.h"

enum { BLOCK = 32 };

/* A value, and the bound on its error: in F32, with 8-bit and with 16-bit
 * inputs. */
enum { IN_F32, IN_8, IN_16, N_WAYS };

struct approx {
	double v, e[N_WAYS];
};

struct row {
	double *w, *min; /* k */
};

/* One block of 32 (or fewer) lanes. */
struct sums {
	double v, r2, h2, h1, q2, q1;
};

static void add_block(struct sums *t, const struct row *row, const float *x, uint32_t first,
                      uint32_t end)
{
	double top = 0, w1 = 0, w2 = 0, step;

	for (uint32_t i = first; i < end; i++) {
		double w = row->w[i], m = fabs(row->min[i]), a = fabs(w), xi = fabs((double)x[i]);
		double size = (a + 2 * m) * xi, half = xi * (a * 0x1p-8 + m * 0x1p-10);

		t->v += w * x[i];
		t->r2 += size * size;
		t->h2 += half * half;
		t->h1 += half;
		w2 += a * a + m * m;
		w1 += a + m;
		top = fmax(top, xi);
	}
	step = top / 127;
	t->q2 += step * step / 12 * w2;
	t->q1 += step / 2 * w1;
}

static struct approx dot(const struct row *row, const float *x, uint32_t k)
{
	struct sums t = {0};
	struct approx a;

	for (uint32_t i = 0; i < k; i += BLOCK)
		add_block(&t, row, x, i, i + BLOCK < k ? i + BLOCK : k);
	a.v = t.v;
	a.e[IN_F32] = TOL_F32 * (sqrt(t.r2) + fabs(t.v));
	a.e[IN_8] = a.e[IN_F32] + fmin(7 * sqrt(t.q2), 1.02 * t.q1);
	a.e[IN_16] = a.e[IN_F32] + fmin(4 * sqrt(t.h2), t.h1);
	return a;
}

/* y = act(g) * y */
static struct approx gated(struct approx y, struct approx g, uint32_t act)
{
	double a = act == ZINC_ACT_SILU ? ref_silu(g.v) : ref_gelu_tanh(g.v);

	for (int i = 0; i < N_WAYS; i++) {
		/* Both functions rise by less than 1.13 per unit. */
		double off = 1.13 * g.e[i] + TOL_ROUNDING * 4 * (1 + fabs(g.v));

		y.e[i] = y.e[i] * (fabs(a) + off) + fabs(y.v) * off;
	}
	y.v *= a;
	return y;
}

static void decode_row(const struct kit_region *r, uint64_t n, uint32_t k, struct row *out)
{
	uint32_t dtype = r->use.view.dtype;

	num_decode(dtype, r->image + n * num_row_bytes(dtype, k), k, out->w, out->min);
}

static void store(struct kit_want *w, size_t i, struct approx y)
{
	for (int way = 0; way < N_WAYS; way++)
		y.e[way] += TOL_ROUNDING * fabs(y.v);
	w->want[i] = y.v;
	w->slack[i] = y.e[IN_F32];
	w->slack8[i] = y.e[IN_8] - y.e[IN_F32];
	w->slack16[i] = y.e[IN_16] - y.e[IN_F32];
}

/* Row `m` of expert `e` for every cell that wants it. */
static void one_row(struct kit_case *c, const struct linear_shape *s, uint32_t e, uint32_t m,
                    struct row rows[2])
{
	const struct linear_data *d = c->data;
	uint64_t at = (uint64_t)e * d->rows_of_tensor + d->first_row + m;
	uint32_t slots = s->slots ? s->slots : 1;
	double scale = s->scale != 0 ? (double)s->scale : 1;

	decode_row(d->w, at, s->k, &rows[0]);
	if (s->act)
		decode_row(d->gate, at, s->k, &rows[1]);
	for (uint32_t cell = 0; cell < s->n * slots; cell++) {
		size_t i = (size_t)cell * s->m + m;
		const float *x = d->x + (size_t)(s->x_per_slot ? cell : cell / slots) * s->k;
		struct approx y;

		if (s->slots && d->ids[cell] != (int32_t)e)
			continue;
		y = dot(&rows[0], x, s->k);
		y.v *= scale;
		for (int way = 0; way < N_WAYS; way++)
			y.e[way] *= fabs(scale);
		if (s->act)
			y = gated(y, dot(&rows[1], x, s->k), s->act);
		if (s->residual) {
			y.v += d->residual[i];
			y.e[IN_F32] += TOL_ROUNDING * fabs((double)d->residual[i]);
		}
		store(&c->wants[0], i, y);
	}
}

void linear_expect(struct kit_case *c, const void *shape)
{
	const struct linear_shape *s = shape;
	uint32_t slots = s->slots ? s->slots : 1, experts = s->slots ? s->n_expert : 1;
	size_t n = (size_t)s->n * slots * s->m;
	struct kit_want *w = kit_want(c, 0, ZINC_F32, slots * s->m, s->n);
	/* Of large products a sample of the rows, the ends among them; any finite
	 * value will do for the others. */
	double work = (double)s->k * s->m * s->n * slots;
	uint32_t step = work > 0x1p23 ? 1 + (uint32_t)(work / 0x1p23) : 1;
	struct row rows[2];

	w->slack8 = kit_alloc(c, n, sizeof(double));
	w->slack16 = kit_alloc(c, n, sizeof(double));
	for (size_t i = 0; i < n; i++)
		w->slack[i] = step > 1 ? INFINITY : 0;
	for (int i = 0; i < 2; i++)
		rows[i] = (struct row){kit_alloc(c, s->k, sizeof(double)),
		                       kit_alloc(c, s->k, sizeof(double))};
	for (uint32_t e = 0; e < experts; e++) {
		for (uint32_t m = 0; m < s->m; m += step)
			one_row(c, s, e, m, rows);
		if ((s->m - 1) % step)
			one_row(c, s, e, s->m - 1, rows);
	}
}
