/* op_conv1d.c - causal depthwise convolution with carried state. */
#include "op_rows.h"

#include "ssm/args.h"

/* A thread goes over a tile of tokens: one for decode, where tokens are of
 * different sequences, else as many as make its first taps - 1 inputs cheap. */
enum { MAX_TAPS = 16, DECODE_TOKENS = 64, TILE = 16, THREADS = 128, MAX_GRID_Y = 65535 };

static int supports(struct zinc_dev *dev, const void *desc, uint32_t variant)
{
	const struct zinc_op_conv1d *d = desc;
	uint32_t taps = d->w.ne[0], channels = d->x.ne[0];

	(void)dev;
	if (variant != 0 || d->flags || taps < 2 || taps > MAX_TAPS || d->act > ZINC_ACT_SILU ||
	    d->n.imm > (uint32_t)MAX_GRID_Y * TILE)
		return ZINC_E_UNSUPPORTED;
	if (!zinc_shape_2d(&d->x, ZINC_F32, channels, d->n.imm) ||
	    !zinc_shape_f32_as(&d->y, &d->x) ||
	    !zinc_shape_2d(&d->w, ZINC_F32, taps, channels) || d->w.ne[1] != channels ||
	    !zinc_shape_2d(&d->state, ZINC_F32, (taps - 1) * channels, 1) ||
	    !zinc_shape_1d(&d->seq_first, ZINC_I32, d->n_seqs.imm + 1) ||
	    !zinc_shape_1d(&d->state_slot, ZINC_I32, d->n_seqs.imm))
		return ZINC_E_UNSUPPORTED;
	return ZINC_OK;
}

static int record(struct zinc_cmd *cmd, const void *desc, uint32_t variant)
{
	const struct zinc_op_conv1d *d = desc;
	uint32_t tokens = d->n.imm ? d->n.imm : 1;
	struct ada_conv1d_args a = {
		.x = ada_arg(&d->x), .w = ada_arg(&d->w), .y = ada_arg(&d->y),
		.state = ada_arg(&d->state), .seq_first = ada_address(&d->seq_first),
		.state_slot = ada_address(&d->state_slot), .params = ada_params(cmd),
		.n = ada_count(d->n), .n_seqs = ada_count(d->n_seqs), .channels = d->x.ne[0],
		.taps = d->w.ne[0], .silu = d->act == ZINC_ACT_SILU,
		.tile = tokens <= DECODE_TOKENS ? 1 : TILE};
	struct ada_launch l = {
		.kernel = a.taps <= 4 ? "conv1d_4" : "conv1d_16",
		.grid = {ada_div_up(a.channels, 4 * THREADS), ada_div_up(tokens, a.tile), 1},
		.block = {THREADS, 1, 1}, .args = &a, .args_size = sizeof(a)};

	if (ada_op_begin(cmd, &ada_op_conv1d, desc, variant))
		return ada_cmd_status(cmd);
	a.vec = ada_is_vec(&d->x) && ada_is_vec(&d->y) && ada_is_vec(&d->state) &&
	        a.channels % 4 == 0;
	return ada_launch(cmd, &l);
}

static const struct zinc_variant variants[] = {{"window", 0, ZINC_NUM_F32}};

const struct zinc_op_impl ada_op_conv1d = {
	.struct_size = sizeof(ada_op_conv1d),
	.op = ZINC_OP_CONV1D,
	.name = "conv1d",
	.desc_size = sizeof(struct zinc_op_conv1d),
	.n_variants = 1,
	.variants = variants,
	.supports = supports,
	.record = record,
};
