/* conv1d.c - causal depthwise convolution with carried state.
 *
 * A piece of work is one sequence and one block of channels, over all tokens
 * of the step: its state belongs to one thread. A state slot holds the last
 * taps - 1 inputs, oldest first, [taps - 1][C]. */
#include <string.h>

#include "kernels.h"
#include "shape.h"

static int supports(struct zinc_dev *dev, const void *desc, uint32_t variant)
{
	const struct zinc_op_conv1d *d = desc;
	uint32_t taps = d->w.ne[0], channels = d->x.ne[0];

	(void)dev;
	if (variant != 0 || d->flags || taps < 2 || taps > KERN_CONV_MAX || d->act > ZINC_ACT_SILU)
		return ZINC_E_UNSUPPORTED;
	if (!zinc_shape_2d(&d->x, ZINC_F32, channels, d->n.imm) || !zinc_shape_f32_as(&d->y, &d->x) ||
	    !zinc_shape_2d(&d->w, ZINC_F32, taps, channels) || d->w.ne[1] != channels ||
	    !zinc_shape_2d(&d->state, ZINC_F32, (taps - 1) * channels, 1) ||
	    !zinc_shape_1d(&d->seq_first, ZINC_I32, d->n_seqs.imm + 1) ||
	    !zinc_shape_1d(&d->state_slot, ZINC_I32, d->n_seqs.imm))
		return ZINC_E_UNSUPPORTED;
	return ZINC_OK;
}

/* One sequence's tokens, for the channels [first, first + n). */
struct piece {
	const struct zinc_op_conv1d *d;
	uint32_t token, n_tokens;
	uint32_t first, n;
	float before[KERN_CONV_MAX - 1][KERN_CONV_COLS]; /* inputs before the first token */
	float w[KERN_CONV_MAX * KERN_CONV_COLS];
};

/* Input i of the sequence; negative ones came before this step. */
static const float *input(const struct piece *p, int64_t i)
{
	uint32_t kept = p->d->w.ne[0] - 1;

	if (i < 0)
		return p->before[kept + i];
	return cpu_f32(&p->d->x, p->token + (uint64_t)i, 0) + p->first;
}

static void load_piece(struct piece *p, const float *state)
{
	uint32_t taps = p->d->w.ne[0], channels = p->d->x.ne[0];

	for (uint32_t t = 0; t + 1 < taps; t++)
		memcpy(p->before[t], state + (uint64_t)t * channels + p->first,
		       p->n * sizeof(float));
	memset(p->w, 0, sizeof(p->w));
	for (uint32_t c = 0; c < p->n; c++)
		for (uint32_t t = 0; t < taps; t++)
			p->w[t * KERN_CONV_COLS + c] = cpu_f32(&p->d->w, p->first + c, 0)[t];
}

static void run_piece(const struct cpu_ctx *ctx, struct piece *p, float *state)
{
	const struct zinc_op_conv1d *d = p->d;
	uint32_t taps = d->w.ne[0], channels = d->x.ne[0];
	struct kern_conv c = {.w = p->w, .taps = taps, .n = p->n, .silu = d->act == ZINC_ACT_SILU};

	load_piece(p, state);
	for (uint32_t i = 0; i < p->n_tokens; i++) {
		for (uint32_t t = 0; t < taps; t++)
			c.rows[t] = input(p, (int64_t)i - (taps - 1) + t);
		c.y = cpu_f32(&d->y, p->token + i, 0) + p->first;
		ctx->dev->kernels->conv_token(&c);
	}
	for (uint32_t t = 0; t + 1 < taps; t++)
		memcpy(state + (uint64_t)t * channels + p->first,
		       input(p, (int64_t)p->n_tokens - (taps - 1) + t), p->n * sizeof(float));
}

static uint32_t count_blocks(const struct zinc_op_conv1d *d)
{
	return (d->x.ne[0] + KERN_CONV_COLS - 1) / KERN_CONV_COLS;
}

static uint64_t cut(const struct cpu_ctx *ctx, const void *desc)
{
	enum { WEIGHTS_NS = 200, TOKEN_NS = 40 };
	const struct zinc_op_conv1d *d = desc;
	uint64_t seqs = cpu_live(ctx, d->n_seqs), tokens = cpu_live(ctx, d->n);

	return seqs ? shape_cut(ctx, seqs * count_blocks(d), WEIGHTS_NS + TOKEN_NS * tokens / seqs)
	            : 0;
}

static void run(const struct cpu_ctx *ctx, const void *desc)
{
	const struct zinc_op_conv1d *d = desc;
	uint32_t channels = d->x.ne[0], n = cpu_live(ctx, d->n), blocks = count_blocks(d);
	struct shape_part part = shape_share(ctx, (uint64_t)cpu_live(ctx, d->n_seqs) * blocks);
	const int32_t *seq_first = cpu_i32(&d->seq_first, 0);
	struct piece p = {.d = d};

	for (uint64_t i = part.first; i < part.end; i++) {
		uint64_t seq = i / blocks;
		uint32_t slot = (uint32_t)cpu_i32(&d->state_slot, 0)[seq];
		uint32_t from = (uint32_t)seq_first[seq], to = (uint32_t)seq_first[seq + 1];

		to = to < n ? to : n;
		if (slot >= d->state.ne[1] || from >= to)
			continue;
		p.token = from;
		p.n_tokens = to - from;
		p.first = (uint32_t)(i % blocks) * KERN_CONV_COLS;
		p.n = channels - p.first < KERN_CONV_COLS ? channels - p.first : KERN_CONV_COLS;
		run_piece(ctx, &p, cpu_f32(&d->state, slot, 0));
	}
}

static int record(struct zinc_cmd *cmd, const void *desc, uint32_t variant)
{
	static const struct cpu_work work = {.first = {cut, run}};

	return cpu_record(cmd, &cpu_op_conv1d, desc, variant, &work);
}

static const struct zinc_variant variants[] = {{"channels", 0, ZINC_NUM_F32}};

const struct zinc_op_impl cpu_op_conv1d = {
	.struct_size = sizeof(cpu_op_conv1d),
	.op = ZINC_OP_CONV1D,
	.name = "conv1d",
	.desc_size = sizeof(struct zinc_op_conv1d),
	.n_variants = 1,
	.variants = variants,
	.supports = supports,
	.record = record,
};
