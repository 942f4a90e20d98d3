/* layout.c - which weights are packed, and packing them on the device. */
#include "dense.h"
#include "linear.h"
#include "table.h"

#include "linear/args.h"

enum { STAGE_BYTES = 64 << 20, PACK_THREADS = 256 };

#define SAME(name) _Static_assert((uint32_t)ADA_##name == (uint32_t)ZINC_##name, #name)
SAME(F32);
SAME(F16);
SAME(BF16);
SAME(Q8_0);
SAME(Q4_0);
SAME(Q4_1);
SAME(Q5_0);
SAME(Q5_1);
SAME(Q2_K);
SAME(Q3_K);
SAME(Q4_K);
SAME(Q5_K);
SAME(Q6_K);
SAME(IQ4_NL);
SAME(IQ4_XS);
SAME(MXFP4);

/* Block types that a product reads. A table that only embed reads stays as it
 * is: a few rows of it are wanted at a time. */
static bool wants_packing(const struct zinc_weight_use *use)
{
	const struct zinc_view *w = &use->view;

	return (use->roles & (ZINC_ROLE_LINEAR | ZINC_ROLE_EXPERTS)) &&
	       !(use->roles & ZINC_ROLE_VECTOR) && w->dtype < ZINC_DTYPE_MAX &&
	       (ZINC_TMASK_BLOCK & ZINC_TBIT(w->dtype)) && w->ne[0] &&
	       w->ne[0] <= ADA_MAX_K && w->ne[0] % ada_gguf_block(w->dtype).elems == 0;
}

/* A table that only embed reads, of any type. */
static bool is_table(const struct zinc_weight_use *use)
{
	const struct zinc_view *w = &use->view;

	return use->roles == ZINC_ROLE_TABLE && w->dtype < ZINC_DTYPE_MAX &&
	       (ZINC_TMASK_WEIGHT & ZINC_TBIT(w->dtype)) && w->ne[2] == 1 && w->ne[3] == 1 &&
	       w->ne[1] && w->ne[0] && w->ne[0] <= ADA_MAX_K &&
	       w->ne[0] % ada_gguf_block(w->dtype).elems == 0;
}

static uint64_t n_rows(const struct zinc_view *w)
{
	return (uint64_t)w->ne[1] * w->ne[2] * w->ne[3];
}

int ada_weight_layout(struct zinc_dev *dev, const struct zinc_weight_use *use,
                      struct zinc_weight_layout *out)
{
	const struct zinc_view *w = &use->view;

	out->layout = ADA_WEIGHT_GGUF;
	out->row_bytes = w->nb[1];
	out->bytes = w->nb[1] * n_rows(w);
	if (wants_packing(use)) {
		out->layout = ADA_WEIGHT_ROWS;
		out->row_bytes = ada_row_layout(w->dtype, w->ne[0]).bytes;
		out->bytes = out->row_bytes * n_rows(w);
	} else if (is_table(use) && ada_table_goes_to_host(dev, w)) {
		out->layout = ADA_WEIGHT_HOST;
		out->row_bytes = ada_table_row_bytes(w);
		out->bytes = ADA_TABLE_PLACE;
	}
	return ZINC_OK;
}

/* Whole rows at a time, as many as the staging memory takes. */
static int pack_rows(struct zinc_dev *dev, const struct ada_pack_args *all, const uint8_t *src,
                     struct zinc_err *err)
{
	uint64_t piece = STAGE_BYTES / all->src_row < 1 ? 1 : STAGE_BYTES / all->src_row;
	uint64_t done = 0, n = all->rows;
	int rc = ZINC_OK;

	for (; done < n && !rc; done += piece) {
		struct ada_pack_args a = *all;
		struct ada_launch l = {.kernel = "linear_pack", .block = {PACK_THREADS, 1, 1},
		                       .args = &a, .args_size = sizeof(a)};

		a.rows = n - done < piece ? n - done : piece;
		a.dst += done * a.row.bytes;
		l.grid[0] = ada_div_up(a.rows * (a.k / 32), PACK_THREADS);
		l.grid[1] = l.grid[2] = 1;
		rc = ada_stage(dev, src + done * a.src_row, a.rows * a.src_row, &a.src, err);
		if (rc)
			return rc;
		rc = ada_run_now(dev, &l, err);
		ada_unstage(dev, a.src);
	}
	return rc;
}

int ada_weight_pack(struct zinc_dev *dev, const struct zinc_weight_use *use, uint32_t layout,
                    const void *src, struct zinc_buf *dst, uint64_t off, struct zinc_err *err)
{
	const struct zinc_view *w = &use->view;
	struct ada_gguf_block b = ada_gguf_block(w->dtype);
	struct ada_pack_args a = {.type = w->dtype, .k = w->ne[0], .rows = n_rows(w)};

	if (layout == ADA_WEIGHT_HOST && is_table(use) && off + ADA_TABLE_PLACE <= dst->bytes)
		return ada_table_create(dev, w, src, dst->address + off, err);
	if (layout != ADA_WEIGHT_ROWS || !wants_packing(use))
		return ada_err(err, ZINC_E_INVALID, "no packed layout %u for this weight", layout);
	a.row = ada_row_layout(a.type, a.k);
	a.src_row = (uint64_t)a.k / b.elems * b.bytes;
	a.dst = dst->address + off;
	if (off + a.row.bytes * a.rows > dst->bytes)
		return ada_err(err, ZINC_E_INVALID, "a packed weight ends past its buffer");
	ada_dense_forget(dev, a.dst, a.row.bytes * a.rows);
	ada_table_forget(dev, a.dst, a.row.bytes * a.rows);
	return pack_rows(dev, &a, src, err);
}
