/* weight.c - which weights are packed at load, and packing them with all threads. */
#include "weight.h"

#include "linear.h"
#include "pool.h"

/* What products read, where both halves of its rows are whole groups: gate and up
 * projections may be one tensor. A table that only embed reads stays as it is: a
 * few rows of it are wanted at a time. */
static bool wants_packing(const struct zinc_weight_use *use)
{
	const struct zinc_view *w = &use->view;
	const struct quant_format *f = quant_format(w->dtype);

	return (use->roles & (ZINC_ROLE_LINEAR | ZINC_ROLE_EXPERTS)) &&
	       !(use->roles & ZINC_ROLE_VECTOR) && f && f->sub && w->ne[0] &&
	       w->ne[0] % f->elems == 0 && w->ne[1] && w->ne[1] % (2 * LIN_ROWS) == 0;
}

static uint64_t n_rows(const struct zinc_view *w)
{
	return (uint64_t)w->ne[1] * w->ne[2] * w->ne[3];
}

int cpu_weight_layout(struct zinc_dev *dev, const struct zinc_weight_use *use,
                      struct zinc_weight_layout *out)
{
	(void)dev;
	out->layout = wants_packing(use) ? LIN_PACKED : 0;
	out->row_bytes = use->view.nb[1];
	out->bytes = use->view.nb[1] * n_rows(&use->view);
	return ZINC_OK;
}

/* One weight on its way, as a job of one stage. */
struct packing {
	struct cpu_job job;
	const struct zinc_view *w;
	const uint8_t *src;
	uint8_t *dst;
	uint32_t pieces;
	bool begun;
};

static uint32_t next_stage(struct cpu_job *job)
{
	struct packing *p = (struct packing *)(void *)job;
	bool done = p->begun;

	p->begun = true;
	return done ? 0 : p->pieces;
}

static void pack_piece(struct cpu_job *job, uint32_t piece, uint32_t ith)
{
	const struct packing *p = (const struct packing *)(const void *)job;
	uint64_t row_bytes = p->w->nb[1], groups = n_rows(p->w) / LIN_ROWS;

	(void)ith;
	for (uint64_t g = groups * piece / p->pieces; g < groups * (piece + 1) / p->pieces; g++)
		lin_pack(p->w->dtype, p->src + g * LIN_ROWS * row_bytes, row_bytes, LIN_ROWS,
		         p->w->ne[0], p->dst + g * LIN_ROWS * row_bytes);
}

enum { PIECE = 1 << 20 }; /* bytes */

int cpu_weight_pack(struct zinc_dev *dev, const struct zinc_weight_use *use, uint32_t layout,
                    const void *src, struct zinc_buf *dst, uint64_t off, struct zinc_err *err)
{
	struct packing p = {.job = {next_stage, pack_piece}, .w = &use->view, .src = src};
	uint64_t bytes = use->view.nb[1] * n_rows(&use->view);

	if (layout != LIN_PACKED || !wants_packing(use))
		return cpu_err(err, ZINC_E_INVALID, "no packed layout %u for this weight", layout);
	if (dst->imported || off > dst->bytes || bytes > dst->bytes - off)
		return cpu_err(err, ZINC_E_INVALID, "a packed weight ends past its buffer");
	p.dst = dst->base + off;
	p.pieces = bytes / PIECE < CPU_MAX_PIECES ? (uint32_t)(bytes / PIECE) + 1 : CPU_MAX_PIECES;
	cpu_pool_run(dev->pool, &p.job);
	return ZINC_OK;
}
