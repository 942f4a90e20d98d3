/* weight.c - which weights are packed, and packing them: in the calling thread alone, as
 * the pool's may have better to do. Who is in a hurry calls from several. */
#include "weight.h"

#include "linear.h"

/* What products read, where both halves of its rows are whole groups: gate and up
 * projections may be one tensor. A table that only embed reads stays as it is: a
 * few rows of it are wanted at a time. */
static bool wants_packing(const struct zinc_weight_use *use)
{
	const struct zinc_view *w = &use->view;
	const struct quant_format *f = quant_format(w->dtype);

	return (use->roles & (ZINC_ROLE_LINEAR | ZINC_ROLE_EXPERTS)) &&
	       !(use->roles & ZINC_ROLE_VECTOR) && f && w->ne[0] &&
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

int cpu_weight_pack(struct zinc_dev *dev, const struct zinc_weight_use *use, uint32_t layout,
                    const void *src, struct zinc_buf *dst, uint64_t off, struct zinc_err *err)
{
	uint64_t row_bytes = use->view.nb[1], bytes = row_bytes * n_rows(&use->view);
	const uint8_t *from = src;

	if (layout != LIN_PACKED || !wants_packing(use))
		return cpu_err(err, ZINC_E_INVALID, "no packed layout %u for this weight", layout);
	if (dst->imported || off > dst->bytes || bytes > dst->bytes - off)
		return cpu_err(err, ZINC_E_INVALID, "a packed weight ends past its buffer");
	for (uint64_t at = 0; at < bytes; at += LIN_ROWS * row_bytes)
		lin_pack(lin_isa_of(dev->isa), use->view.dtype, from + at, row_bytes, LIN_ROWS,
		         use->view.ne[0], dst->base + off + at);
	return ZINC_OK;
}
