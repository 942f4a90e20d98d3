/* layout.c - sizes of packed weights and activations, and who gets packed. */
#include "layout.h"

#include "table.h"
#include "transfer.h"
#include "weight.h"

static uint64_t up16(uint64_t bytes)
{
	return (bytes + 15) / 16 * 16;
}

/* Bytes of a block of 32 in each array of a packed row; factors: of 8 blocks. */
static const struct {
	uint8_t quants, high, scales, factors;
} arrays[] = {
	[ZINC_Q8_0] = {32, 0, 2, 0},   [ZINC_Q4_0] = {16, 0, 2, 0},   [ZINC_Q4_1] = {16, 0, 4, 0},
	[ZINC_Q5_0] = {16, 4, 2, 0},   [ZINC_Q5_1] = {16, 4, 4, 0},   [ZINC_Q2_K] = {8, 0, 2, 4},
	[ZINC_Q3_K] = {8, 4, 2, 2},    [ZINC_Q4_K] = {16, 0, 2, 0},   [ZINC_Q5_K] = {16, 4, 2, 0},
	[ZINC_Q6_K] = {16, 8, 2, 2},   [ZINC_IQ4_NL] = {16, 0, 2, 0}, [ZINC_IQ4_XS] = {16, 0, 1, 2},
	[ZINC_MXFP4] = {16, 0, 1, 0},
};

uint64_t rdna4_packed_row_bytes(uint32_t dtype, uint32_t k)
{
	uint64_t n = k / 32;

	return up16(n * arrays[dtype].quants) + up16(n * arrays[dtype].high) +
	       up16(n * arrays[dtype].scales) + up16(n / 8 * arrays[dtype].factors);
}

uint64_t rdna4_act_row_bytes(uint32_t layout, uint32_t k)
{
	switch (layout) {
	case RDNA4_ACT_Q8: return up16(k + UINT64_C(8) * (k / 32));
	case RDNA4_ACT_F16: return UINT64_C(2) * k;
	default: return UINT64_C(4) * k;
	}
}

int rdna4_weight_layout(struct zinc_dev *dev, const struct zinc_weight_use *use,
                        struct zinc_weight_layout *out)
{
	const struct zinc_view *v = &use->view;
	uint64_t rows = (uint64_t)v->ne[1] * v->ne[2] * v->ne[3];
	bool fits = v->nb[1] <= RDNA4_TRANSFER_MAX;

	out->layout = RDNA4_WEIGHT_GGUF;
	out->row_bytes = v->nb[1];
	out->bytes = v->nb[3] * v->ne[3];
	if (rdna4_table_goes_to_host(dev, use)) {
		out->layout = RDNA4_WEIGHT_HOST;
		out->bytes = RDNA4_TABLE_PLACE;
		return ZINC_OK;
	}
	if (!(use->roles & (ZINC_ROLE_LINEAR | ZINC_ROLE_EXPERTS)) || !fits ||
	    !(ZINC_TMASK_BLOCK & ZINC_TBIT(v->dtype)) || v->ne[0] % rdna4_block_elems(v->dtype))
		return ZINC_OK;
	out->layout = RDNA4_WEIGHT_ROWS;
	out->row_bytes = rdna4_packed_row_bytes(v->dtype, v->ne[0]);
	out->bytes = out->row_bytes * rows;
	return ZINC_OK;
}

int rdna4_weight_pack(struct zinc_dev *dev, const struct zinc_weight_use *use, uint32_t layout,
                      const void *src, struct zinc_buf *dst, uint64_t off, struct zinc_err *err)
{
	const struct zinc_view *v = &use->view;
	struct rdna4_packing p = {.dtype = v->dtype, .k = v->ne[0],
	                          .rows = (uint64_t)v->ne[1] * v->ne[2] * v->ne[3],
	                          .src_row = (uint32_t)v->nb[1],
	                          .dst_row = (uint32_t)rdna4_packed_row_bytes(v->dtype, v->ne[0])};
	uint64_t bytes = layout == RDNA4_WEIGHT_HOST ? RDNA4_TABLE_PLACE : p.rows * p.dst_row;

	if ((layout != RDNA4_WEIGHT_ROWS && layout != RDNA4_WEIGHT_HOST) || off > dst->bytes ||
	    bytes > dst->bytes - off || off % 16)
		return rdna4_err(err, ZINC_E_INVALID, "no room for a packed weight, or layout %u",
		                 layout);
	if (layout == RDNA4_WEIGHT_HOST)
		return rdna4_table_create(dev, v, src, dst, off, err);
	rdna4_table_forget(dst, off, bytes);
	return rdna4_transfer_pack(dev->transfer, &p, dst, off, src, err);
}
