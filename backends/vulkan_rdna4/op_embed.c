/* op_embed.c - rows of a table by id, as F32. */
#include "args.h"
#include "layout.h"
#include "ops.h"
#include "weight.h"

enum { GROUP = 64 };

struct args {
	uint64_t slots, table, ids;
	struct rdna4_rows y;
	struct rdna4_count n;
	uint64_t table_row;
	uint32_t n_rows, lanes;
	float scale;
	uint32_t pad0;
};

/* In host memory rows lie as in a file. */
static bool table_ok(const struct zinc_view *w)
{
	struct zinc_view t = *w;

	if (t.layout == RDNA4_WEIGHT_HOST) {
		t.layout = RDNA4_WEIGHT_GGUF;
		t.nb[0] = rdna4_block_bytes(t.dtype);
	}
	return rdna4_weight_ok(&t) && t.ne[2] == 1 && t.ne[3] == 1;
}

static int supports(struct zinc_dev *dev, const void *desc, uint32_t variant)
{
	const struct zinc_op_embed *d = desc;

	(void)dev;
	if (variant != 0 || d->flags || !table_ok(&d->table))
		return ZINC_E_UNSUPPORTED;
	if (!zinc_shape_1d(&d->ids, ZINC_I32, d->n.imm) ||
	    !zinc_shape_2d(&d->y, ZINC_F32, d->table.ne[0], d->n.imm) || !rdna4_fits(&d->y))
		return ZINC_E_UNSUPPORTED;
	return ZINC_OK;
}

static int run(struct zinc_cmd *cmd, const void *desc, uint32_t variant)
{
	const struct zinc_op_embed *d = desc;
	struct args args = {.table = rdna4_address(&d->table), .ids = rdna4_address(&d->ids),
	                    .y = rdna4_rows_2d(&d->y), .n = rdna4_count(d->n),
	                    .table_row = d->table.nb[1], .n_rows = d->table.ne[1],
	                    .lanes = d->table.ne[0], .scale = d->scale != 0 ? d->scale : 1.0f};
	struct rdna4_call call = {.shader = "rows/embed", .spec = {GROUP, d->table.dtype,
	                                   rdna4_weight_is_packed(&d->table),
	                                   d->table.layout == RDNA4_WEIGHT_HOST},
	                          .n_spec = 4, .args = &args, .args_bytes = sizeof(args)};

	(void)variant;
	rdna4_reads(&call, &d->table);
	rdna4_reads(&call, &d->ids);
	rdna4_writes(&call, &d->y);
	rdna4_grid(&call, (uint64_t)d->n.imm * ((args.lanes + 31) / 32), GROUP);
	return rdna4_dispatch(cmd, &call);
}

static int record(struct zinc_cmd *cmd, const void *desc, uint32_t variant)
{
	return rdna4_record(cmd, &rdna4_op_embed, desc, variant, run);
}

static const struct zinc_variant variants[] = {{"rows", 0, ZINC_NUM_F32}};

const struct zinc_op_impl rdna4_op_embed = {
	.struct_size = sizeof(rdna4_op_embed),
	.op = ZINC_OP_EMBED,
	.name = "embed",
	.desc_size = sizeof(struct zinc_op_embed),
	.n_variants = 1,
	.variants = variants,
	.wtypes = ZINC_TMASK_WEIGHT,
	.supports = supports,
	.record = record,
};
