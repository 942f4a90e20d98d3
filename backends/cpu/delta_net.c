/* delta_net.c - the gated delta rule, token by token, and the op's entry.
 *
 * The columns of a state do not see each other, so a piece of work is some
 * blocks of columns of one head of one sequence, over all tokens of the step:
 * all blocks, where there are heads enough for all threads, else one. */
#include <math.h>
#include <string.h>

#include "delta.h"
#include "shape.h"

enum { VARIANT_STEP = 0, VARIANT_CHUNK = 1 };

/* In the order of preference. A CPU keeps a block of the state in its first
 * level cache, where chunks save no traffic and cost more arithmetic: on AVX2
 * they are a third slower than steps, whatever the number of tokens. */
static const struct zinc_variant variants[] = {
	[VARIANT_STEP] = {"step", 0, ZINC_NUM_F32},
	[VARIANT_CHUNK] = {"chunk64", 0, ZINC_NUM_FREE},
};

void delta_unit_row(const struct delta_head *h, const struct zinc_view *x, uint64_t token,
                    float scale, float *out)
{
	const float *row = cpu_f32(x, h->k_head, token);
	uint32_t n = x->ne[0];

	if (h->d->l2_eps != 0)
		scale /= sqrtf(h->kern->sum_squares(row, n) + h->d->l2_eps);
	for (uint32_t i = 0; i < n; i++)
		out[i] = row[i] * scale;
}

float delta_log_decay(const struct delta_head *h, uint64_t token)
{
	float x = cpu_f32(&h->d->alpha, token, 0)[h->head] + cpu_f32(&h->d->dt, 0, 0)[h->head];
	/* softplus; e^x is out of range long after softplus(x) is x */
	float soft = x > 20.0f ? x : log1pf(expf(x));

	return cpu_f32(&h->d->a, 0, 0)[h->head] * soft;
}

float delta_beta(const struct delta_head *h, uint64_t token)
{
	return 1.0f / (1.0f + expf(-cpu_f32(&h->d->beta, token, 0)[h->head]));
}

static bool rows_ok(const struct zinc_op_delta_net *d)
{
	uint32_t n = d->n.imm, n_k = d->k.ne[1], n_v = d->v.ne[1];

	return zinc_shape_f32_3d(&d->k, d->k.ne[0], n_k, n) &&
	       zinc_shape_f32_3d(&d->q, d->k.ne[0], n_k, n) &&
	       zinc_shape_f32_3d(&d->v, d->v.ne[0], n_v, n) &&
	       zinc_shape_f32_3d(&d->y, d->v.ne[0], n_v, n) &&
	       zinc_shape_2d(&d->alpha, ZINC_F32, n_v, n) && zinc_shape_2d(&d->beta, ZINC_F32, n_v, n) &&
	       zinc_shape_1d(&d->a, ZINC_F32, n_v) && zinc_shape_1d(&d->dt, ZINC_F32, n_v);
}

static int supports(struct zinc_dev *dev, const void *desc, uint32_t variant)
{
	const struct zinc_op_delta_net *d = desc;
	uint64_t elems = (uint64_t)d->v.ne[1] * d->k.ne[0] * d->v.ne[0];

	(void)dev;
	if (variant > VARIANT_CHUNK || d->flags || d->head_map > ZINC_DELTA_GROUPED)
		return ZINC_E_UNSUPPORTED;
	if (!rows_ok(d) || d->v.ne[1] % d->k.ne[1] || elems > UINT32_MAX ||
	    !zinc_shape_2d(&d->state, ZINC_F32, (uint32_t)elems, 1) ||
	    !zinc_shape_1d(&d->seq_first, ZINC_I32, d->n_seqs.imm + 1) ||
	    !zinc_shape_1d(&d->state_slot, ZINC_I32, d->n_seqs.imm))
		return ZINC_E_UNSUPPORTED;
	return ZINC_OK;
}

/* Tokens whose rows stay at hand while the blocks of a head go over them. */
enum { TILE = 16 };

/* A thread's memory in the token-by-token form. */
struct step_space {
	float *q, *k;              /* [TILE][d_k]                                */
	float decay[TILE], beta[TILE];
	float *v, *y;              /* KERN_DELTA_COLS                            */
	float *block;              /* [d_k][KERN_DELTA_COLS], for a narrow block */
};

static uint64_t step_bytes(const struct zinc_op_delta_net *d)
{
	uint64_t floats = 2 * TILE * (uint64_t)delta_dk(d) + 2 * KERN_DELTA_COLS +
	                  (uint64_t)delta_dk(d) * KERN_DELTA_COLS;

	return floats * sizeof(float);
}

static struct step_space step_space_at(const struct zinc_op_delta_net *d, uint8_t *mem)
{
	struct step_space s = {.q = (float *)(void *)mem};

	s.k = s.q + TILE * (uint64_t)delta_dk(d);
	s.v = s.k + TILE * (uint64_t)delta_dk(d);
	s.y = s.v + KERN_DELTA_COLS;
	s.block = s.y + KERN_DELTA_COLS;
	return s;
}

static uint64_t thread_bytes(const struct zinc_op_delta_net *d, uint32_t variant)
{
	uint64_t bytes = variant == VARIANT_CHUNK ? delta_chunk_bytes(d) : step_bytes(d);

	return (bytes + 63) / 64 * 64;
}

static uint64_t scratch(struct zinc_dev *dev, const void *desc, uint32_t variant)
{
	return dev->n_threads * thread_bytes(desc, variant);
}

/* Between a narrow block and its place in the state. */
static void widen(float *block, const float *state, uint32_t d_k, uint32_t cols)
{
	memset(block, 0, (uint64_t)d_k * KERN_DELTA_COLS * sizeof(float));
	for (uint32_t i = 0; i < d_k; i++)
		memcpy(block + (uint64_t)i * KERN_DELTA_COLS, state + (uint64_t)i * cols,
		       cols * sizeof(float));
}

static void narrow(float *state, const float *block, uint32_t d_k, uint32_t cols)
{
	for (uint32_t i = 0; i < d_k; i++)
		memcpy(state + (uint64_t)i * cols, block + (uint64_t)i * KERN_DELTA_COLS,
		       cols * sizeof(float));
}

static void load_tile(const struct delta_head *h, struct step_space *s, uint64_t token,
                      uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		uint64_t at = (uint64_t)i * delta_dk(h->d);

		delta_unit_row(h, &h->d->q, token + i, h->d->q_scale, s->q + at);
		delta_unit_row(h, &h->d->k, token + i, 1.0f, s->k + at);
		s->decay[i] = expf(delta_log_decay(h, token + i));
		s->beta[i] = delta_beta(h, token + i);
	}
}

/* The tile's tokens against one block of columns. */
static void step_tokens(const struct delta_head *h, const struct step_space *s, float *block,
                        uint64_t token, uint32_t n, uint32_t first, uint32_t cols)
{
	const struct zinc_op_delta_net *d = h->d;
	struct kern_delta step = {.state = block, .v = s->v, .y = s->y, .d_k = delta_dk(d)};

	memset(s->v, 0, KERN_DELTA_COLS * sizeof(float));
	for (uint32_t i = 0; i < n; i++) {
		memcpy(s->v, cpu_f32(&d->v, h->head, token + i) + first, cols * sizeof(float));
		step.q = s->q + (uint64_t)i * step.d_k;
		step.k = s->k + (uint64_t)i * step.d_k;
		step.decay = s->decay[i];
		step.beta = s->beta[i];
		h->kern->delta_step(&step);
		memcpy(cpu_f32(&d->y, h->head, token + i) + first, s->y, cols * sizeof(float));
	}
}

static void step_block(const struct delta_head *h, const struct step_space *s, uint64_t token,
                       uint32_t n, uint32_t first)
{
	uint32_t d_k = delta_dk(h->d), cols = delta_block_cols(delta_dv(h->d), first);
	float *place = h->state + (uint64_t)first * d_k;

	if (cols == KERN_DELTA_COLS) {
		step_tokens(h, s, place, token, n, first, cols);
		return;
	}
	widen(s->block, place, d_k, cols);
	step_tokens(h, s, s->block, token, n, first, cols);
	narrow(place, s->block, d_k, cols);
}

/* All tokens of the head, for its columns [first, end). */
static void step_columns(const struct delta_head *h, struct step_space *s, uint32_t first,
                         uint32_t end)
{
	uint64_t last = h->token + (uint64_t)h->n_tokens;

	for (uint64_t t = h->token; t < last; t += TILE) {
		uint32_t n = last - t < TILE ? (uint32_t)(last - t) : TILE;

		load_tile(h, s, t, n);
		for (uint32_t col = first; col < end; col += KERN_DELTA_COLS)
			step_block(h, s, t, n, col);
	}
}

/* Head `head` of sequence seq; no tokens when there is nothing to do. */
static struct delta_head head_of(const struct cpu_ctx *ctx, const struct zinc_op_delta_net *d,
                                 uint64_t seq, uint32_t head)
{
	const int32_t *seq_first = cpu_i32(&d->seq_first, 0);
	uint32_t n = cpu_live(ctx, d->n), n_k = d->k.ne[1], n_v = d->v.ne[1];
	uint32_t first = (uint32_t)seq_first[seq], end = (uint32_t)seq_first[seq + 1];
	uint32_t slot = (uint32_t)cpu_i32(&d->state_slot, 0)[seq];
	struct delta_head h = {.d = d, .kern = ctx->dev->kernels, .head = head, .token = first};

	end = end < n ? end : n;
	h.k_head = d->head_map == ZINC_DELTA_TILED ? head % n_k : head / (n_v / n_k);
	if (slot >= d->state.ne[1] || first >= end)
		return h;
	h.n_tokens = end - first;
	h.state = cpu_f32(&d->state, slot, 0) + (uint64_t)head * delta_dk(d) * delta_dv(d);
	return h;
}

/* Piece i of a step whose pieces are `width` columns wide. */
static void step_piece(const struct cpu_ctx *ctx, const struct zinc_op_delta_net *d,
                       struct step_space *space, uint32_t width, uint64_t i)
{
	uint32_t d_v = delta_dv(d), pieces = (d_v + width - 1) / width;
	uint64_t head = i / pieces;
	uint32_t first = (uint32_t)(i % pieces) * width;
	struct delta_head h =
		head_of(ctx, d, head / d->v.ne[1], (uint32_t)(head % d->v.ne[1]));

	if (h.n_tokens)
		step_columns(&h, space, first, d_v - first < width ? d_v : first + width);
}

static uint64_t count_heads(const struct cpu_ctx *ctx, const struct zinc_op_delta_net *d)
{
	return (uint64_t)cpu_live(ctx, d->n_seqs) * d->v.ne[1];
}

static bool is_decode(const struct cpu_ctx *ctx, const struct zinc_op_delta_net *d)
{
	return cpu_live(ctx, d->n) <= cpu_live(ctx, d->n_seqs);
}

/* Columns of a unit of work. */
static uint32_t step_width(const struct cpu_ctx *ctx, const struct zinc_op_delta_net *d)
{
	bool few = is_decode(ctx, d) || count_heads(ctx, d) < 2 * (uint64_t)ctx->nth;

	return few ? KERN_DELTA_COLS : delta_dv(d);
}

static uint64_t step_units(const struct cpu_ctx *ctx, const struct zinc_op_delta_net *d)
{
	uint32_t width = step_width(ctx, d);

	return count_heads(ctx, d) * ((delta_dv(d) + width - 1) / width);
}

static uint64_t step_cut(const struct cpu_ctx *ctx, const void *desc)
{
	const struct zinc_op_delta_net *d = desc;
	uint64_t n = step_units(ctx, d);

	return is_decode(ctx, d) ? shape_cut(ctx, n, UINT64_C(10) * delta_dk(d)) : n;
}

static void run_step(const struct cpu_ctx *ctx, const void *desc)
{
	const struct zinc_op_delta_net *d = desc;
	struct shape_part part = shape_share(ctx, step_units(ctx, d));
	uint32_t width = step_width(ctx, d);
	struct step_space space =
		step_space_at(d, ctx->scratch + ctx->ith * thread_bytes(d, VARIANT_STEP));

	for (uint64_t i = part.first; i < part.end; i++)
		step_piece(ctx, d, &space, width, i);
}

static uint64_t chunk_cut(const struct cpu_ctx *ctx, const void *desc)
{
	return count_heads(ctx, desc);
}

static void run_chunk(const struct cpu_ctx *ctx, const void *desc)
{
	const struct zinc_op_delta_net *d = desc;
	uint32_t heads = d->v.ne[1];
	struct shape_part part = shape_share(ctx, count_heads(ctx, d));
	uint8_t *mem = ctx->scratch + ctx->ith * thread_bytes(d, VARIANT_CHUNK);

	for (uint64_t i = part.first; i < part.end; i++) {
		struct delta_head h = head_of(ctx, d, i / heads, (uint32_t)(i % heads));

		if (h.n_tokens)
			delta_chunk_head(&h, mem);
	}
}

static int record(struct zinc_cmd *cmd, const void *desc, uint32_t variant)
{
	static const struct cpu_work works[] = {
		[VARIANT_STEP] = {.first = {step_cut, run_step}},
		[VARIANT_CHUNK] = {.first = {chunk_cut, run_chunk}},
	};

	return cpu_record(cmd, &cpu_op_delta_net, desc, variant, &works[variant == VARIANT_CHUNK]);
}

const struct zinc_op_impl cpu_op_delta_net = {
	.struct_size = sizeof(cpu_op_delta_net),
	.op = ZINC_OP_DELTA_NET,
	.name = "delta_net",
	.desc_size = sizeof(struct zinc_op_delta_net),
	.n_variants = 2,
	.variants = variants,
	.supports = supports,
	.scratch = scratch,
	.record = record,
};
