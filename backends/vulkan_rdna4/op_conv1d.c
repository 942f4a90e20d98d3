/* op_conv1d.c - causal depthwise convolution with carried state. */
#include "args.h"
#include "ops.h"

enum { GROUP = 64, TOKENS = 32, MAX_TAPS = 16 };

struct args {
	uint64_t slots, w, state, seq_first, state_slot;
	struct rdna4_rows x, y;
	struct rdna4_count n, n_seqs;
	uint32_t channels, w_row, state_row, n_slots;
};

static int supports(struct zinc_dev *dev, const void *desc, uint32_t variant)
{
	const struct zinc_op_conv1d *d = desc;
	uint32_t taps = d->w.ne[0], channels = d->x.ne[0];

	(void)dev;
	if (variant != 0 || d->flags || taps < 2 || taps > MAX_TAPS || d->act > ZINC_ACT_SILU ||
	    d->n_seqs.imm > RDNA4_GROUPS_MAX)
		return ZINC_E_UNSUPPORTED;
	if (!zinc_shape_2d(&d->x, ZINC_F32, channels, d->n.imm) || !rdna4_fits(&d->x) ||
	    !zinc_shape_f32_as(&d->y, &d->x) || !rdna4_fits(&d->y) || !rdna4_fits(&d->state) ||
	    !zinc_shape_2d(&d->w, ZINC_F32, taps, channels) || d->w.ne[1] != channels ||
	    !zinc_shape_2d(&d->state, ZINC_F32, (taps - 1) * channels, 1) ||
	    !zinc_shape_1d(&d->seq_first, ZINC_I32, d->n_seqs.imm + 1) ||
	    !zinc_shape_1d(&d->state_slot, ZINC_I32, d->n_seqs.imm))
		return ZINC_E_UNSUPPORTED;
	return ZINC_OK;
}

static int run(struct zinc_cmd *cmd, const void *desc, uint32_t variant)
{
	const struct zinc_op_conv1d *d = desc;
	struct args args = {
		.w = rdna4_address(&d->w), .state = rdna4_address(&d->state),
		.seq_first = rdna4_address(&d->seq_first),
		.state_slot = rdna4_address(&d->state_slot), .x = rdna4_rows_2d(&d->x),
		.y = rdna4_rows_2d(&d->y), .n = rdna4_count(d->n),
		.n_seqs = rdna4_count(d->n_seqs), .channels = d->x.ne[0],
		.w_row = (uint32_t)(d->w.nb[1] / 4), .state_row = (uint32_t)(d->state.nb[1] / 4),
		.n_slots = d->state.ne[1]};
	struct rdna4_call call = {
		.shader = "ssm/conv1d",
		.spec = {GROUP, d->w.ne[0], d->act == ZINC_ACT_SILU, TOKENS}, .n_spec = 4,
		.groups = {(args.channels + GROUP - 1) / GROUP, d->n_seqs.imm,
		           (d->n.imm + TOKENS - 1) / TOKENS},
		.args = &args, .args_bytes = sizeof(args)};

	(void)variant;
	rdna4_reads(&call, &d->x);
	rdna4_reads(&call, &d->w);
	rdna4_reads(&call, &d->seq_first);
	rdna4_reads(&call, &d->state_slot);
	rdna4_writes(&call, &d->state);
	rdna4_writes(&call, &d->y);
	return rdna4_dispatch(cmd, &call);
}

static int record(struct zinc_cmd *cmd, const void *desc, uint32_t variant)
{
	return rdna4_record(cmd, &rdna4_op_conv1d, desc, variant, run);
}

static const struct zinc_variant variants[] = {{"channels", 0, ZINC_NUM_F32}};

const struct zinc_op_impl rdna4_op_conv1d = {
	.struct_size = sizeof(rdna4_op_conv1d),
	.op = ZINC_OP_CONV1D,
	.name = "conv1d",
	.desc_size = sizeof(struct zinc_op_conv1d),
	.n_variants = 1,
	.variants = variants,
	.supports = supports,
	.record = record,
};
