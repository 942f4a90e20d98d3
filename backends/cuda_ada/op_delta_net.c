/* op_delta_net.c - the gated delta rule: token by token, and in chunks.
 *
 * Token by token a step costs the time of its longest sequence, however many
 * there are: right for decode. A prompt goes in chunks, in two launches; where
 * sequences may be many, the short ones among them go token by token in a third. */
#include "op_rows.h"

#include "ssm/args.h"

enum { VARIANT_STEP, VARIANT_CHUNK, VARIANT_STEP_ANY, N_VARIANTS };
enum { STEP_TOKENS = 64, SHORT_TOKENS = 32, MAX_GRID = 65535 };

static const struct zinc_variant variants[N_VARIANTS] = {
	[VARIANT_STEP] = {"step", STEP_TOKENS, ZINC_NUM_F32},
	[VARIANT_CHUNK] = {"chunk64", 0, ZINC_NUM_FREE},
	[VARIANT_STEP_ANY] = {"step_any", 0, ZINC_NUM_F32},
};

static bool rows_ok(const struct zinc_op_delta_net *d)
{
	uint32_t n = d->n.imm, n_k = d->k.ne[1], n_v = d->v.ne[1];

	return zinc_shape_f32_3d(&d->k, d->k.ne[0], n_k, n) &&
	       zinc_shape_f32_3d(&d->q, d->k.ne[0], n_k, n) &&
	       zinc_shape_f32_3d(&d->v, d->v.ne[0], n_v, n) &&
	       zinc_shape_f32_3d(&d->y, d->v.ne[0], n_v, n) &&
	       zinc_shape_2d(&d->alpha, ZINC_F32, n_v, n) &&
	       zinc_shape_2d(&d->beta, ZINC_F32, n_v, n) &&
	       zinc_shape_1d(&d->a, ZINC_F32, n_v) && zinc_shape_1d(&d->dt, ZINC_F32, n_v);
}

static int supports(struct zinc_dev *dev, const void *desc, uint32_t variant)
{
	const struct zinc_op_delta_net *d = desc;
	uint64_t elems = (uint64_t)d->v.ne[1] * d->k.ne[0] * d->v.ne[0];

	(void)dev;
	if (variant >= N_VARIANTS || d->flags || d->head_map > ZINC_DELTA_GROUPED)
		return ZINC_E_UNSUPPORTED;
	if (!rows_ok(d) || d->v.ne[1] % d->k.ne[1] || elems > UINT32_MAX ||
	    !zinc_shape_2d(&d->state, ZINC_F32, (uint32_t)elems, 1) ||
	    !zinc_shape_1d(&d->seq_first, ZINC_I32, d->n_seqs.imm + 1) ||
	    !zinc_shape_1d(&d->state_slot, ZINC_I32, d->n_seqs.imm))
		return ZINC_E_UNSUPPORTED;
	if (d->v.ne[1] > MAX_GRID || d->n_seqs.imm > MAX_GRID ||
	    (variant == VARIANT_CHUNK && d->k.ne[0] > DELTA_LANES))
		return ZINC_E_UNSUPPORTED;
	return ZINC_OK;
}

/* Sequences up to this long go token by token in the chunked variant. */
static uint32_t short_tokens(const struct zinc_op_delta_net *d)
{
	return d->n_seqs.imm > 1 ? SHORT_TOKENS : 0;
}

/* The most chunks that a step can have: each sequence may end in a part of one. */
static uint32_t max_chunks(const struct zinc_op_delta_net *d)
{
	uint64_t n = d->n.imm, seqs = ada_div_up(n, short_tokens(d) + 1);

	seqs = seqs < d->n_seqs.imm ? seqs : d->n_seqs.imm;
	return (uint32_t)((n + (DELTA_CHUNK - 1) * seqs) / DELTA_CHUNK);
}

static uint64_t scratch(struct zinc_dev *dev, const void *desc, uint32_t variant)
{
	const struct zinc_op_delta_net *d = desc;

	(void)dev;
	if (variant != VARIANT_CHUNK)
		return 0;
	return max_chunks(d) * d->v.ne[1] * DELTA_RECORD_FLOATS(d->v.ne[0]) * sizeof(float);
}

static int launch_step(struct zinc_cmd *cmd, const struct zinc_op_delta_net *d,
                       const struct ada_delta_args *a)
{
	const char *kernel = a->d_k <= 32    ? "delta_step_1"
	                     : a->d_k <= 64  ? "delta_step_2"
	                     : a->d_k <= 128 ? "delta_step_4"
	                     : a->d_k <= 256 ? "delta_step_8"
	                                     : "delta_step_wide";
	uint32_t columns = a->d_k <= 256 ? 16 : 4; /* to a block */
	struct ada_launch l = {.kernel = kernel, .block = {128, 1, 1},
	                       .grid = {ada_div_up(a->d_v, columns), a->n_v_head, d->n_seqs.imm},
	                       .args = a, .args_size = sizeof(*a)};

	return ada_launch(cmd, &l);
}

static int launch_chunks(struct zinc_cmd *cmd, const struct zinc_op_delta_net *d,
                         const struct ada_delta_args *a)
{
	uint64_t blocks = (uint64_t)ada_div_up(a->d_v, 32) * a->n_v_head * d->n_seqs.imm;
	/* Narrower blocks where wide ones would leave half of the device idle. */
	uint32_t columns = blocks * 2 <= ada_limits(ada_cmd_dev(cmd))->n_sm ? 16 : 32;
	struct ada_launch prepare = {
		.kernel = "delta_prepare", .grid = {max_chunks(d), a->n_v_head, 1},
		.block = {256, 1, 1}, .args = a, .args_size = sizeof(*a),
		.smem = DELTA_CHUNK * (DELTA_LANES + 16 + DELTA_CHUNK + 4) * sizeof(float)};
	struct ada_launch scan = {
		.kernel = columns == 16 ? "delta_scan_16" : "delta_scan_32",
		.grid = {ada_div_up(a->d_v, columns), a->n_v_head, d->n_seqs.imm},
		.block = {256, 1, 1}, .args = a, .args_size = sizeof(*a),
		.smem = (DELTA_LANES + 2 * DELTA_CHUNK) * (columns + 1) * 2 * sizeof(float)};

	if (ada_launch(cmd, &prepare) || ada_launch(cmd, &scan))
		return ada_cmd_status(cmd);
	return a->short_tokens ? launch_step(cmd, d, a) : ZINC_OK;
}

static int record(struct zinc_cmd *cmd, const void *desc, uint32_t variant)
{
	const struct zinc_op_delta_net *d = desc;
	struct ada_delta_args a = {
		.q = ada_arg(&d->q), .k = ada_arg(&d->k), .v = ada_arg(&d->v),
		.alpha = ada_arg(&d->alpha), .beta = ada_arg(&d->beta), .y = ada_arg(&d->y),
		.state = ada_arg(&d->state), .a = ada_address(&d->a), .dt = ada_address(&d->dt),
		.seq_first = ada_address(&d->seq_first), .state_slot = ada_address(&d->state_slot),
		.params = ada_params(cmd), .records = ada_scratch(cmd), .n = ada_count(d->n),
		.n_seqs = ada_count(d->n_seqs), .n_k_head = d->k.ne[1], .n_v_head = d->v.ne[1],
		.d_k = d->k.ne[0], .d_v = d->v.ne[0], .grouped = d->head_map == ZINC_DELTA_GROUPED,
		.q_scale = d->q_scale, .l2_eps = d->l2_eps, .short_tokens = UINT32_MAX};

	if (ada_op_begin(cmd, &ada_op_delta_net, desc, variant) || !d->n.imm || !d->n_seqs.imm)
		return ada_cmd_status(cmd);
	a.vec = ada_is_vec(&d->q) && ada_is_vec(&d->k) && ada_is_vec(&d->state) && a.d_k % 4 == 0;
	if (variant != VARIANT_CHUNK)
		return launch_step(cmd, d, &a);
	a.short_tokens = short_tokens(d);
	return launch_chunks(cmd, d, &a);
}

const struct zinc_op_impl ada_op_delta_net = {
	.struct_size = sizeof(ada_op_delta_net),
	.op = ZINC_OP_DELTA_NET,
	.name = "delta_net",
	.desc_size = sizeof(struct zinc_op_delta_net),
	.n_variants = N_VARIANTS,
	.variants = variants,
	.supports = supports,
	.scratch = scratch,
	.record = record,
};
