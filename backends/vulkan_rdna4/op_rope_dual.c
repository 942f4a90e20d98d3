/* op_rope_dual.c - rotary position embedding of Q and K, with their norms. */
#include "join.h"

#include <string.h>

#include "kv.h"
#include "ops.h"

enum { GROUP = 64, MAX_LANES = 1024 };

struct args {
	uint64_t slots, pos, pos_row, freqs, factors, q_norm, k_norm;
	struct rdna4_rows q, k, q_out, k_out;
	struct rdna4_count n;
	uint32_t pos_stride, n_pos_rows;
	uint32_t q_heads, k_heads, q_lanes, k_lanes;
	uint32_t n_rot, mode;
	float eps;
	/* What a kv_write that joins has besides. */
	uint32_t v_heads;
	uint64_t tok_seq, tok_pos;
	struct rdna4_rows v;
	struct rdna4_kv k_cache, v_cache;
	struct rdna4_table table;
	uint32_t v_lanes;
	float v_eps;
	struct rdna4_rows raw;
};

static bool norm_ok(const struct zinc_view *norm, const struct zinc_view *x)
{
	return !zinc_view_present(norm) ||
	       (zinc_view_present(x) && zinc_shape_1d(norm, ZINC_F32, 1) &&
	        norm->ne[0] == x->ne[0]);
}

static bool heads_ok(const struct zinc_op_rope_dual *d, const struct zinc_view *x,
                     const struct zinc_view *out)
{
	return zinc_shape_f32_3d(x, x->ne[0], x->ne[1], d->n.imm) && zinc_shape_f32_as(out, x) &&
	       d->n_rot <= x->ne[0] && x->ne[0] <= MAX_LANES && rdna4_fits(x) && rdna4_fits(out);
}

static bool positions_ok(const struct zinc_op_rope_dual *d)
{
	uint32_t pairs = d->n_rot / 2;

	if (zinc_view_present(&d->pos_row))
		return zinc_shape_1d(&d->pos_row, ZINC_I32, pairs) &&
		       zinc_shape_2d(&d->pos, ZINC_I32, d->pos.ne[0], 1) &&
		       d->pos.ne[0] >= d->n.imm;
	return zinc_shape_1d(&d->pos, ZINC_I32, d->n.imm);
}

static int supports(struct zinc_dev *dev, const void *desc, uint32_t variant)
{
	const struct zinc_op_rope_dual *d = desc;
	uint32_t pairs = d->n_rot / 2;

	(void)dev;
	if (variant != 0 || d->flags || d->n_rot % 2 || d->mode > ZINC_ROPE_INTERLEAVED)
		return ZINC_E_UNSUPPORTED;
	if (!heads_ok(d, &d->q, &d->q_out) ||
	    zinc_view_present(&d->k) != zinc_view_present(&d->k_out) ||
	    (zinc_view_present(&d->k) && !heads_ok(d, &d->k, &d->k_out)))
		return ZINC_E_UNSUPPORTED;
	if (!positions_ok(d) || !zinc_shape_1d(&d->freqs, ZINC_F32, pairs) ||
	    (zinc_view_present(&d->factors) && !zinc_shape_1d(&d->factors, ZINC_F32, pairs)) ||
	    !norm_ok(&d->q_norm, &d->q) || !norm_ok(&d->k_norm, &d->k))
		return ZINC_E_UNSUPPORTED;
	return ZINC_OK;
}

static struct args args_of(const struct zinc_op_rope_dual *d)
{
	bool has_k = zinc_view_present(&d->k);
	struct args a = {
		.pos = rdna4_address(&d->pos), .pos_row = rdna4_address(&d->pos_row),
		.freqs = rdna4_address(&d->freqs), .factors = rdna4_address(&d->factors),
		.q_norm = rdna4_address(&d->q_norm), .k_norm = rdna4_address(&d->k_norm),
		.q = rdna4_rows_3d(&d->q), .q_out = rdna4_rows_3d(&d->q_out),
		.n = rdna4_count(d->n), .pos_stride = (uint32_t)(d->pos.nb[1] / 4),
		.n_pos_rows = d->pos.ne[1], .q_heads = d->q.ne[1], .q_lanes = d->q.ne[0],
		.n_rot = d->n_rot, .mode = d->mode, .eps = d->norm_eps};

	if (has_k) {
		a.k = rdna4_rows_3d(&d->k);
		a.k_out = rdna4_rows_3d(&d->k_out);
		a.k_heads = d->k.ne[1];
		a.k_lanes = d->k.ne[0];
	}
	return a;
}

/* The norm of V that some families record before this joins it; nothing changed where it
 * does not. */
static bool join_norm(struct zinc_cmd *cmd, const struct rdna4_call *rope,
                      const struct args *without)
{
	struct rdna4_call call = *rope;
	struct args args = *without;
	struct rdna4_plain_norm norm;

	if (!rdna4_plain_norm_before(cmd, &norm) || norm.group != GROUP || norm.lanes > MAX_LANES ||
	    memcmp(&norm.n, &args.n, sizeof(norm.n)))
		return false;
	if (norm.lanes > call.spec[1])
		call.spec[1] = norm.lanes;
	call.spec[7] = norm.lanes;
	call.args = &args;
	args.v = norm.y;
	args.raw = norm.x;
	args.v_heads = norm.heads;
	args.v_eps = norm.eps;
	rdna4_grid(&call, (uint64_t)args.n.imm * (args.q_heads + args.k_heads + args.v_heads), 1);
	return rdna4_call_instead(cmd, &call);
}

/* All that the angles are made of is there before the list runs. */
static bool knows_angles(const struct zinc_cmd *cmd, const struct zinc_op_rope_dual *d)
{
	return rdna4_is_input(cmd, &d->pos) && rdna4_is_input(cmd, &d->pos_row) &&
	       rdna4_is_input(cmd, &d->freqs) && rdna4_is_input(cmd, &d->factors);
}

static int run(struct zinc_cmd *cmd, const void *desc, uint32_t variant)
{
	const struct zinc_op_rope_dual *d = desc;
	struct args args = args_of(d);
	uint32_t lanes = args.q_lanes > args.k_lanes ? args.q_lanes : args.k_lanes;
	struct rdna4_call call = {.shader = "attn/rope_dual",
	                          .spec = {GROUP, lanes, zinc_view_present(&d->factors),
	                                   zinc_view_present(&d->pos_row), 0, 0, 0, 0,
	                                   knows_angles(cmd, d)},
	                          .n_spec = 9, .args = &args, .args_bytes = sizeof(args)};

	(void)variant;
	rdna4_reads(&call, &d->q);
	rdna4_reads(&call, &d->k);
	rdna4_reads(&call, &d->pos);
	rdna4_reads(&call, &d->pos_row);
	rdna4_reads(&call, &d->freqs);
	rdna4_reads(&call, &d->factors);
	rdna4_reads(&call, &d->q_norm);
	rdna4_reads(&call, &d->k_norm);
	rdna4_writes(&call, &d->q_out);
	rdna4_writes(&call, &d->k_out);
	if (join_norm(cmd, &call, &args))
		return ZINC_OK;
	rdna4_grid(&call, (uint64_t)d->n.imm * (args.q_heads + args.k_heads), 1);
	return rdna4_dispatch(cmd, &call);
}

bool rdna4_rope_join(struct zinc_cmd *cmd, const struct zinc_op_kv_write *w)
{
	struct rdna4_call call = {.n_spec = 0};
	struct args args;
	struct rdna4_rows k = rdna4_rows_3d(&w->k);
	struct rdna4_rows v = rdna4_rows_3d(&w->v);
	uint32_t v_lanes = w->v.ne[0];

	if (!rdna4_call_before(cmd, "attn/rope_dual", &call, &args, sizeof(args)) || call.spec[4] ||
	    memcmp(&k, &args.k_out, sizeof(k)) || args.k_heads != w->k.ne[1] ||
	    args.k_lanes != w->k.ne[0] || v_lanes > call.spec[1] ||
	    memcmp(&args.n, &(struct rdna4_count){w->n.imm, w->n.slot}, sizeof(args.n)))
		return false;
	if (call.spec[7] && (call.spec[7] != v_lanes || args.v_heads != w->v.ne[1] ||
	                     memcmp(&args.v, &v, sizeof(v))))
		return false;
	call.spec[4] = 1;
	call.spec[5] = w->k_cache.dtype;
	call.spec[6] = w->v_cache.dtype;
	call.spec[8] = call.spec[8] && rdna4_is_input(cmd, &w->tok_seq) &&
	               rdna4_is_input(cmd, &w->tok_pos) && rdna4_is_input(cmd, &w->block_table);
	args.v_heads = w->v.ne[1];
	args.tok_seq = rdna4_address(&w->tok_seq);
	args.tok_pos = rdna4_address(&w->tok_pos);
	args.v = v;
	args.k_cache = rdna4_kv(&w->k_cache);
	args.v_cache = rdna4_kv(&w->v_cache);
	args.table = rdna4_table(&w->block_table);
	args.v_lanes = v_lanes;
	if (!call.spec[7])
		rdna4_reads(&call, &w->v);
	rdna4_reads(&call, &w->tok_seq);
	rdna4_reads(&call, &w->tok_pos);
	rdna4_reads(&call, &w->block_table);
	rdna4_writes(&call, &w->k_cache);
	rdna4_writes(&call, &w->v_cache);
	rdna4_grid(&call, (uint64_t)w->n.imm * (args.q_heads + args.k_heads + args.v_heads), 1);
	return rdna4_call_instead(cmd, &call);
}

static int record(struct zinc_cmd *cmd, const void *desc, uint32_t variant)
{
	return rdna4_record(cmd, &rdna4_op_rope_dual, desc, variant, run);
}

static const struct zinc_variant variants[] = {{"head", 0, ZINC_NUM_F32}};

const struct zinc_op_impl rdna4_op_rope_dual = {
	.struct_size = sizeof(rdna4_op_rope_dual),
	.op = ZINC_OP_ROPE_DUAL,
	.name = "rope_dual",
	.desc_size = sizeof(struct zinc_op_rope_dual),
	.n_variants = 1,
	.variants = variants,
	.supports = supports,
	.record = record,
};
