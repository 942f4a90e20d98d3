/* op_delta_net.c - the gated delta rule. */
#include "args.h"
#include "ops.h"

enum { CHUNK, STEP, N_VARIANTS };

/* "step" is the order of decode. */
static const struct zinc_variant variants[N_VARIANTS] = {
	[CHUNK] = {"chunk", 0, ZINC_NUM_FREE},
	[STEP] = {"step", 0, ZINC_NUM_F32},
};

enum { GROUP = 64, MAX_DK = 256, TEAM = 8, OWN_COLS = 2 };
/* shaders/ssm/delta_chunk.comp; MANY: tokens of a sequence for which it pays */
enum { CHUNK_GROUP = 128, CHUNK_DK = 128, COLUMNS = 32, CHUNK_SHARED = 32 << 10, MANY = 32 };

struct args {
	uint64_t slots, a, dt, state, seq_first, state_slot;
	struct rdna4_rows q, k, v, y, alpha, beta;
	uint64_t state_row;
	struct rdna4_count n, n_seqs;
	uint32_t k_heads, v_heads, d_v, n_slots;
	float q_scale, l2_eps;
};

static bool rows_ok(const struct zinc_op_delta_net *d)
{
	uint32_t n = d->n.imm, n_k = d->k.ne[1], n_v = d->v.ne[1];

	return zinc_shape_f32_3d(&d->k, d->k.ne[0], n_k, n) &&
	       zinc_shape_f32_3d(&d->q, d->k.ne[0], n_k, n) &&
	       zinc_shape_f32_3d(&d->v, d->v.ne[0], n_v, n) &&
	       zinc_shape_f32_3d(&d->y, d->v.ne[0], n_v, n) &&
	       zinc_shape_2d(&d->alpha, ZINC_F32, n_v, n) &&
	       zinc_shape_2d(&d->beta, ZINC_F32, n_v, n) && zinc_shape_1d(&d->a, ZINC_F32, n_v) &&
	       zinc_shape_1d(&d->dt, ZINC_F32, n_v) && rdna4_fits(&d->q) && rdna4_fits(&d->k) &&
	       rdna4_fits(&d->v) && rdna4_fits(&d->y);
}

static bool chunk_ok(const struct zinc_dev *dev, const struct zinc_op_delta_net *d)
{
	return d->k.ne[0] % 32 == 0 && d->k.ne[0] <= CHUNK_DK && d->v.ne[0] % COLUMNS == 0 &&
	       d->n.imm >= MANY * d->n_seqs.imm &&
	       dev->gpu->props.limits.maxComputeSharedMemorySize >= CHUNK_SHARED;
}

static int supports(struct zinc_dev *dev, const void *desc, uint32_t variant)
{
	const struct zinc_op_delta_net *d = desc;
	uint64_t elems = (uint64_t)d->v.ne[1] * d->k.ne[0] * d->v.ne[0];

	if (variant >= N_VARIANTS || (variant == CHUNK && !chunk_ok(dev, d)) ||
	    dev->gpu->subgroup < TEAM || GROUP % dev->gpu->subgroup || d->flags ||
	    d->head_map > ZINC_DELTA_GROUPED || !rows_ok(d) ||
	    d->v.ne[1] % d->k.ne[1] || elems > UINT32_MAX || d->k.ne[0] > MAX_DK ||
	    d->v.ne[1] > RDNA4_GROUPS_MAX || d->n_seqs.imm > RDNA4_GROUPS_MAX)
		return ZINC_E_UNSUPPORTED;
	if (!zinc_shape_2d(&d->state, ZINC_F32, (uint32_t)elems, 1) ||
	    !zinc_shape_1d(&d->seq_first, ZINC_I32, d->n_seqs.imm + 1) ||
	    !zinc_shape_1d(&d->state_slot, ZINC_I32, d->n_seqs.imm))
		return ZINC_E_UNSUPPORTED;
	return ZINC_OK;
}

static struct args args_of(const struct zinc_op_delta_net *d)
{
	return (struct args){
		.a = rdna4_address(&d->a), .dt = rdna4_address(&d->dt),
		.state = rdna4_address(&d->state), .seq_first = rdna4_address(&d->seq_first),
		.state_slot = rdna4_address(&d->state_slot), .q = rdna4_rows_3d(&d->q),
		.k = rdna4_rows_3d(&d->k), .v = rdna4_rows_3d(&d->v), .y = rdna4_rows_3d(&d->y),
		.alpha = rdna4_rows_2d(&d->alpha), .beta = rdna4_rows_2d(&d->beta),
		.state_row = d->state.nb[1], .n = rdna4_count(d->n),
		.n_seqs = rdna4_count(d->n_seqs), .k_heads = d->k.ne[1], .v_heads = d->v.ne[1],
		.d_v = d->v.ne[0], .n_slots = d->state.ne[1], .q_scale = d->q_scale,
		.l2_eps = d->l2_eps};
}

static bool by_four(const struct zinc_view *v)
{
	return v->off % 16 == 0 && v->nb[1] % 16 == 0 && v->nb[2] % 16 == 0;
}

static int run(struct zinc_cmd *cmd, const void *desc, uint32_t variant)
{
	const struct zinc_op_delta_net *d = desc;
	struct args args = args_of(d);
	uint32_t cols = GROUP / TEAM * OWN_COLS;
	struct rdna4_call call = {
		.shader = "ssm/delta_net",
		.spec = {GROUP, d->k.ne[0], d->head_map == ZINC_DELTA_GROUPED,
		         by_four(&d->q) && by_four(&d->k), rdna4_cmd_dev(cmd)->gpu->subgroup},
		.n_spec = 5,
		.groups = {args.v_heads, d->n_seqs.imm, (args.d_v + cols - 1) / cols},
		.args = &args, .args_bytes = sizeof(args)};

	if (variant == CHUNK) {
		call.shader = "ssm/delta_chunk";
		call.spec[0] = CHUNK_GROUP;
		call.n_spec = 4;
		call.groups[2] = args.d_v / COLUMNS;
	}
	rdna4_reads(&call, &d->q);
	rdna4_reads(&call, &d->k);
	rdna4_reads(&call, &d->v);
	rdna4_reads(&call, &d->alpha);
	rdna4_reads(&call, &d->beta);
	rdna4_reads(&call, &d->a);
	rdna4_reads(&call, &d->dt);
	rdna4_reads(&call, &d->seq_first);
	rdna4_reads(&call, &d->state_slot);
	rdna4_writes(&call, &d->state);
	rdna4_writes(&call, &d->y);
	return rdna4_dispatch(cmd, &call);
}

static int record(struct zinc_cmd *cmd, const void *desc, uint32_t variant)
{
	return rdna4_record(cmd, &rdna4_op_delta_net, desc, variant, run);
}

const struct zinc_op_impl rdna4_op_delta_net = {
	.struct_size = sizeof(rdna4_op_delta_net),
	.op = ZINC_OP_DELTA_NET,
	.name = "delta_net",
	.desc_size = sizeof(struct zinc_op_delta_net),
	.n_variants = N_VARIANTS,
	.variants = variants,
	.supports = supports,
	.record = record,
};
