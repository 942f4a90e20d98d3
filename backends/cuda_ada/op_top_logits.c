/* op_top_logits.c - the largest elements of each row, in order. */
#include "ada.h"
#include "out/args.h"

/* PART: keys of a block. There is progress while at most half of them are kept. */
enum { PART = 4096, MAX_KEPT = PART / 2, MAX_GRID_Y = 65535 };

static int supports(struct zinc_dev *dev, const void *desc, uint32_t variant)
{
	const struct zinc_op_top_logits *d = desc;

	(void)dev;
	if (variant != 0 || d->flags || !zinc_shape_2d(&d->x, ZINC_F32, d->x.ne[0], d->n.imm) ||
	    d->n_top == 0 || d->n_top > d->x.ne[0] || d->x.ne[0] > (uint32_t)PART * MAX_GRID_Y ||
	    !zinc_shape_2d(&d->ids, ZINC_I32, d->n_top, d->n.imm) ||
	    !zinc_shape_2d(&d->values, ZINC_F32, d->n_top, d->n.imm))
		return ZINC_E_UNSUPPORTED;
	return ZINC_OK;
}

static uint32_t rows_of(const struct zinc_op_top_logits *d)
{
	return d->n.imm ? d->n.imm : 1;
}

/* What each launch but the last leaves stands behind what the one before left. */
static uint64_t scratch(struct zinc_dev *dev, const void *desc, uint32_t variant)
{
	const struct zinc_op_top_logits *d = desc;
	uint64_t keys = 0;

	(void)dev;
	(void)variant;
	for (uint32_t lanes = d->x.ne[0]; d->n_top <= MAX_KEPT && lanes > PART;) {
		lanes = ada_div_up(lanes, PART) * d->n_top;
		keys += lanes;
	}
	return keys * rows_of(d) * sizeof(uint64_t);
}

static int find_top(struct zinc_cmd *cmd, struct ada_top_args *a, uint32_t rows)
{
	uint64_t space = ada_scratch(cmd);

	for (;;) {
		uint32_t parts = ada_div_up(a->lanes, PART);
		struct ada_launch l = {.kernel = "top_part", .grid = {rows, parts, 1},
		                       .block = {256, 1, 1}, .args = a, .args_size = sizeof(*a)};

		a->to = parts > 1 ? space : 0;
		if (ada_launch(cmd, &l) || parts == 1)
			return ada_cmd_status(cmd);
		a->from = space;
		a->lanes = parts * a->n_top;
		space += (uint64_t)rows * a->lanes * sizeof(uint64_t);
	}
}

static int record(struct zinc_cmd *cmd, const void *desc, uint32_t variant)
{
	const struct zinc_op_top_logits *d = desc;
	struct ada_top_args a = {.x = ada_arg(&d->x), .ids = ada_arg(&d->ids),
	                         .values = ada_arg(&d->values), .params = ada_params(cmd),
	                         .n = ada_count(d->n), .lanes = d->x.ne[0], .n_top = d->n_top};
	uint32_t blocks = ada_div_up(a.lanes, 256);
	struct ada_launch l = {.kernel = "top_rank", .block = {256, 1, 1},
	                       .grid = {rows_of(d), blocks < MAX_GRID_Y ? blocks : MAX_GRID_Y, 1},
	                       .args = &a, .args_size = sizeof(a)};

	if (ada_op_begin(cmd, &ada_op_top_logits, desc, variant))
		return ada_cmd_status(cmd);
	return d->n_top <= MAX_KEPT ? find_top(cmd, &a, rows_of(d)) : ada_launch(cmd, &l);
}

static const struct zinc_variant variants[] = {{"parts", 0, ZINC_NUM_F32}};

const struct zinc_op_impl ada_op_top_logits = {
	.struct_size = sizeof(ada_op_top_logits),
	.op = ZINC_OP_TOP_LOGITS,
	.name = "top_logits",
	.desc_size = sizeof(struct zinc_op_top_logits),
	.n_variants = 1,
	.variants = variants,
	.supports = supports,
	.scratch = scratch,
	.record = record,
};
