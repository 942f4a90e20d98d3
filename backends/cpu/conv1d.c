/* conv1d.c - causal depthwise convolution with carried state.
 *
 * A unit of work is one block of channels over all tokens of a sequence, or of all
 * sequences where each has few: then they share the weights' way into a kernel's order.
 * A state slot holds the last taps - 1 inputs, oldest first, [taps - 1][C]. */
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

/* The weights of p->n channels from `src` on, taps of a channel side by side, to [taps]
 * rows of channels. */
static inline __attribute__((always_inline)) void transpose(struct piece *p, const float *src,
                                                            uint64_t stride, const uint32_t taps)
{
	for (uint32_t c = 0; c < p->n; c++)
		for (uint32_t t = 0; t < taps; t++)
			p->w[t * KERN_CONV_COLS + c] = src[c * stride + t];
}

static void load_weights(struct piece *p)
{
	const struct zinc_view *w = &p->d->w;
	const float *src = cpu_f32(w, p->first, 0);
	uint32_t taps = w->ne[0];

	if (p->n < KERN_CONV_COLS)
		memset(p->w, 0, taps * KERN_CONV_COLS * sizeof(float));
	if (taps == 4 && w->nb[1] == 4 * sizeof(float))
		transpose(p, src, 4, 4);
	else
		transpose(p, src, w->nb[1] / sizeof(float), taps);
}

/* Rows lie so far apart that the hardware does not see which comes next. */
static void fetch_token(const struct piece *p, uint32_t token)
{
	const char *x = (const char *)(cpu_f32(&p->d->x, token, 0) + p->first);
	const char *y = (const char *)(cpu_f32(&p->d->y, token, 0) + p->first);

	for (uint32_t i = 0; i < p->n * sizeof(float); i += 64) {
		__builtin_prefetch(x + i);
		__builtin_prefetch(y + i, 1);
	}
}

static void run_piece(const struct cpu_ctx *ctx, struct piece *p, float *state)
{
	enum { AHEAD = 4 }; /* tokens */
	const struct zinc_op_conv1d *d = p->d;
	uint32_t taps = d->w.ne[0], channels = d->x.ne[0];
	struct kern_conv c = {.w = p->w, .taps = taps, .n = p->n, .silu = d->act == ZINC_ACT_SILU};

	for (uint32_t t = 0; t + 1 < taps; t++)
		memcpy(p->before[t], state + (uint64_t)t * channels + p->first,
		       p->n * sizeof(float));
	for (uint32_t i = 0; i < p->n_tokens; i++) {
		if (i + AHEAD < p->n_tokens)
			fetch_token(p, p->token + i + AHEAD);
		for (uint32_t t = 0; t < taps; t++)
			c.rows[t] = input(p, (int64_t)i - (taps - 1) + t);
		c.y = cpu_f32(&d->y, p->token + i, 0) + p->first;
		ctx->dev->kernels->conv_token(&c);
	}
	for (uint32_t t = 0; t + 1 < taps; t++)
		memcpy(state + (uint64_t)t * channels + p->first,
		       input(p, (int64_t)p->n_tokens - (taps - 1) + t), p->n * sizeof(float));
}

/* Sequence seq, the channels of the piece. */
static void run_seq(const struct cpu_ctx *ctx, struct piece *p, uint64_t seq)
{
	const struct zinc_op_conv1d *d = p->d;
	const int32_t *seq_first = cpu_i32(&d->seq_first, 0);
	uint32_t slot = (uint32_t)cpu_i32(&d->state_slot, 0)[seq], n = cpu_live(ctx, d->n);
	uint32_t from = (uint32_t)seq_first[seq], to = (uint32_t)seq_first[seq + 1];

	to = to < n ? to : n;
	if (slot >= d->state.ne[1] || from >= to)
		return;
	p->token = from;
	p->n_tokens = to - from;
	run_piece(ctx, p, cpu_f32(&d->state, slot, 0));
}

static uint32_t count_blocks(const struct zinc_op_conv1d *d)
{
	return (d->x.ne[0] + KERN_CONV_COLS - 1) / KERN_CONV_COLS;
}

/* Sequences of a unit. */
static uint32_t seqs_at_once(const struct cpu_ctx *ctx, const struct zinc_op_conv1d *d)
{
	enum { FEW = 4 }; /* tokens, on average */
	uint32_t seqs = cpu_live(ctx, d->n_seqs);

	return cpu_live(ctx, d->n) <= (uint64_t)FEW * seqs ? seqs : 1;
}

static uint64_t cut(const struct cpu_ctx *ctx, const void *desc)
{
	enum { WEIGHTS_NS = 100, TOKEN_NS = 80 };
	const struct zinc_op_conv1d *d = desc;
	uint64_t seqs = cpu_live(ctx, d->n_seqs), tokens = cpu_live(ctx, d->n), units;

	if (!seqs)
		return 0;
	units = seqs / seqs_at_once(ctx, d);
	return shape_cut(ctx, units * count_blocks(d), WEIGHTS_NS + TOKEN_NS * tokens / units);
}

static void run(const struct cpu_ctx *ctx, const void *desc)
{
	const struct zinc_op_conv1d *d = desc;
	uint32_t channels = d->x.ne[0], blocks = count_blocks(d);
	uint32_t seqs = cpu_live(ctx, d->n_seqs), at_once = seqs_at_once(ctx, d);
	struct shape_part part = shape_share(ctx, (uint64_t)seqs / at_once * blocks);
	struct piece p;

	p.d = d;
	for (uint64_t i = part.first; i < part.end; i++) {
		uint64_t seq = i / blocks * at_once;

		p.first = (uint32_t)(i % blocks) * KERN_CONV_COLS;
		p.n = channels - p.first < KERN_CONV_COLS ? channels - p.first : KERN_CONV_COLS;
		load_weights(&p);
		for (uint32_t s = 0; s < at_once; s++)
			run_seq(ctx, &p, seq + s);
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
