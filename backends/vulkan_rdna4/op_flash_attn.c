/* op_flash_attn.c - attention over the paged cache. */
#include "join.h"
#include "kv.h"
#include "ops.h"
#include "tile.h"

enum { COOP, TILE, PAGES, N_VARIANTS };

/* "pages" takes a query head of a token alone: the same bits whatever is beside it. */
static const struct zinc_variant variants[N_VARIANTS] = {
	[COOP] = {"coop_f16", 0, ZINC_NUM_FREE16},
	[TILE] = {"tile", 0, ZINC_NUM_FREE},
	[PAGES] = {"pages", 0, ZINC_NUM_F32},
};

enum { GROUP = 128, MAX_LANES = 1024, MERGE_GROUP = 64 };
/* WORK: workgroups that occupy a device, about */
enum { TILE_LANES = 512, TILE_ROWS = 16, LONG_ROWS = 8, MAX_SPLITS = 64, WORK = 512 };
/* COLUMNS: subgroups that share the rows of a matrix */
enum { COOP_ROWS = 64, COOP_LEAST = 32, COLUMNS = 2 };

struct args {
	uint64_t slots, tok_seq, tok_pos;
	struct rdna4_rows q, y, gate;
	struct rdna4_kv k_cache, v_cache;
	struct rdna4_table table;
	struct rdna4_count n;
	uint32_t heads, heads_per_kv;
	uint32_t dot_lanes, v_lanes;
	uint32_t window, pad0;
	float scale, softcap;
};

/* shaders/attn/rows.glsl and merge.comp */
struct tile_args {
	uint64_t slots, tok_seq, tok_pos, seq_first, partial;
	struct rdna4_rows q, y, gate;
	struct rdna4_kv k_cache, v_cache;
	struct rdna4_table table;
	struct rdna4_count n;
	uint32_t heads, heads_per_kv;
	uint32_t v_lanes, window;
	float scale, softcap;
	uint64_t quants;
	uint32_t quant_row, pad0;
	uint64_t counters;
};

struct merge_args {
	uint64_t slots, partial, quants;
	struct rdna4_rows y, gate;
	struct rdna4_count n;
	uint32_t heads, v_lanes;
	uint32_t quant_row, pad0;
};

/* How a tile is cut: rows are tokens times heads. */
struct cut {
	uint32_t rows, heads, head_groups, splits;
};

static bool has_gate(const struct zinc_op_flash_attn *d)
{
	return zinc_view_present(&d->gate);
}

static bool batch_ok(const struct zinc_op_flash_attn *d)
{
	return zinc_shape_1d(&d->tok_seq, ZINC_I32, d->n.imm) &&
	       zinc_shape_1d(&d->tok_pos, ZINC_I32, d->n.imm) &&
	       zinc_shape_1d(&d->seq_first, ZINC_I32, d->n_seqs.imm + 1) &&
	       zinc_shape_1d(&d->seq_kv_len, ZINC_I32, d->n_seqs.imm) &&
	       rdna4_table_ok(&d->block_table);
}

static bool cache_ok(const struct zinc_op_flash_attn *d)
{
	return rdna4_cache_ok(&d->k_cache) && rdna4_cache_ok(&d->v_cache) &&
	       d->k_cache.ne[0] == d->kv_head_dim && d->k_cache.ne[2] == d->n_head_kv &&
	       d->v_cache.ne[2] == d->n_head_kv && d->v_cache.ne[0] <= MAX_LANES &&
	       d->q_head_dim <= MAX_LANES;
}

static uint32_t dot_lanes(const struct zinc_op_flash_attn *d)
{
	return d->q_head_dim < d->kv_head_dim ? d->q_head_dim : d->kv_head_dim;
}

/* Rows at addresses where four lanes are one load. */
static bool by_four(const struct zinc_view *cache)
{
	uint32_t align = cache->dtype == ZINC_F32 ? 16 : cache->dtype == ZINC_Q8_0 ? 2 : 8;

	return cache->ne[0] % 4 == 0 && cache->off % align == 0 && cache->nb[1] % align == 0 &&
	       cache->nb[2] % align == 0 && cache->nb[3] % align == 0;
}

static bool tile_ok(const struct zinc_dev *dev, const struct zinc_op_flash_attn *d)
{
	return dot_lanes(d) % 4 == 0 && dot_lanes(d) <= TILE_LANES &&
	       d->v_cache.ne[0] <= TILE_LANES && by_four(&d->k_cache) && by_four(&d->v_cache) &&
	       dev->gpu->subgroup >= 8 && (uint64_t)d->n_head * d->n.imm <= UINT32_MAX / MAX_SPLITS;
}

static uint32_t power_of_two(uint32_t n)
{
	uint32_t p = 1;

	while (p < n)
		p *= 2;
	return p;
}

/* A token or two of each sequence: a tile is then one token. */
static bool is_decode(const struct zinc_op_flash_attn *d)
{
	return d->n.imm <= 2 * d->n_seqs.imm;
}

/* Bytes of shared memory of shaders/attn/coop.comp. */
static uint32_t coop_shared(const struct zinc_op_flash_attn *d, uint32_t rows, uint32_t c)
{
	uint32_t dot = dot_lanes(d), v = d->v_cache.ne[0], most = dot > v ? dot : v;

	return rows * (dot / 4 + 2) * 8 + ZINC_KV_PAGE * (most / 4 + 2) * 8 +
	       rows * (ZINC_KV_PAGE / 4 + 2) * 8 + rows * c * 4 +
	       rows * (ZINC_KV_PAGE + 3) * 4;
}

/* Rows of a tile by matrices; 0: not for this device or these lanes, or too few. */
static uint32_t coop_rows(const struct zinc_dev *dev, const struct zinc_op_flash_attn *d)
{
	const struct rdna4_gpu *gpu = dev->gpu;
	uint32_t c = gpu->coop_m, rows = COOP_ROWS, heads = d->n_head / d->n_head_kv;

	if (rdna4_tier_of(dev) != RDNA4_TIER_COOPMAT || gpu->coop_n != c || gpu->coop_k != c ||
	    dot_lanes(d) % c || d->v_cache.ne[0] % (COLUMNS * c) || c * COLUMNS > ZINC_KV_PAGE ||
	    c % 8 || !rdna4_has_shader(dev, "attn/coop"))
		return 0;
	while (rows >= COOP_LEAST &&
	       (coop_shared(d, rows, c) > gpu->props.limits.maxComputeSharedMemorySize ||
	        rows / c * COLUMNS * gpu->subgroup > gpu->props.limits.maxComputeWorkGroupInvocations))
		rows /= 2;
	return rows >= COOP_LEAST && d->n.imm * heads >= rows / 2 && !is_decode(d) ? rows : 0;
}

/* Pages are split among workgroups where tiles are too few. */
static struct cut cut_of(const struct zinc_op_flash_attn *d)
{
	uint32_t heads = d->n_head / d->n_head_kv, most, tiles, seen = d->block_table.ne[0];
	struct cut c = {.splits = 1};

	most = dot_lanes(d) > 256 ? LONG_ROWS : TILE_ROWS;
	c.heads = power_of_two(heads) < most ? power_of_two(heads) : most;
	c.rows = is_decode(d) ? c.heads : most;
	c.head_groups = (heads + c.heads - 1) / c.heads;
	tiles = (d->n.imm + c.rows / c.heads - 1) / (c.rows / c.heads) * d->n_head_kv *
	        c.head_groups;
	if (d->window && d->window / ZINC_KV_PAGE + 2 < seen)
		seen = d->window / ZINC_KV_PAGE + 2;
	while (c.splits < MAX_SPLITS && tiles * c.splits < WORK && 2 * c.splits <= seen)
		c.splits *= 2;
	return c;
}

/* A part: sums of V, maximum and sum of weights. */
static uint64_t scratch(struct zinc_dev *dev, const void *desc, uint32_t variant)
{
	const struct zinc_op_flash_attn *d = desc;
	uint32_t splits = cut_of(d).splits;

	(void)dev;
	if (variant != TILE || splits == 1)
		return 0;
	return 4ull * d->n.imm * d->n_head * splits * (d->v_cache.ne[0] + 4);
}

static int supports(struct zinc_dev *dev, const void *desc, uint32_t variant)
{
	const struct zinc_op_flash_attn *d = desc;
	uint32_t n = d->n.imm;

	if (variant >= N_VARIANTS || d->flags || !d->n_head_kv || !d->n_head ||
	    d->n_head % d->n_head_kv || !(d->softcap >= 0) || !cache_ok(d) || !batch_ok(d))
		return ZINC_E_UNSUPPORTED;
	if (!zinc_shape_f32_3d(&d->q, d->q_head_dim, d->n_head, n) || !rdna4_fits(&d->q) ||
	    !zinc_shape_f32_3d(&d->out, d->v_cache.ne[0], d->n_head, n) || !rdna4_fits(&d->out))
		return ZINC_E_UNSUPPORTED;
	if (zinc_view_present(&d->gate) &&
	    (!zinc_shape_f32_as(&d->gate, &d->out) || !rdna4_fits(&d->gate)))
		return ZINC_E_UNSUPPORTED;
	if (variant != PAGES && !tile_ok(dev, d))
		return ZINC_E_UNSUPPORTED;
	return variant != COOP || coop_rows(dev, d) ? ZINC_OK : ZINC_E_UNSUPPORTED;
}

static struct args args_of(const struct zinc_op_flash_attn *d)
{
	return (struct args){
		.tok_seq = rdna4_address(&d->tok_seq), .tok_pos = rdna4_address(&d->tok_pos),
		.q = rdna4_rows_3d(&d->q), .y = rdna4_rows_3d(&d->out),
		.gate = rdna4_rows_3d(&d->gate), .k_cache = rdna4_kv(&d->k_cache),
		.v_cache = rdna4_kv(&d->v_cache), .table = rdna4_table(&d->block_table),
		.n = rdna4_count(d->n), .heads = d->n_head,
		.heads_per_kv = d->n_head / d->n_head_kv,
		.dot_lanes = dot_lanes(d),
		.v_lanes = d->v_cache.ne[0], .window = d->window,
		.scale = d->scale,
		.softcap = d->softcap};
}

/* A token sees half of the pages, say. */
static void note_reads(struct rdna4_call *call, const struct zinc_op_flash_attn *d)
{
	call->flops = (uint64_t)d->n.imm * d->n_head * (dot_lanes(d) + d->v_cache.ne[0]) *
	              ZINC_KV_PAGE * d->block_table.ne[0];
	rdna4_reads(call, &d->q);
	rdna4_reads(call, &d->k_cache);
	rdna4_reads(call, &d->v_cache);
	rdna4_reads(call, &d->tok_seq);
	rdna4_reads(call, &d->tok_pos);
	rdna4_reads(call, &d->seq_first);
	rdna4_reads(call, &d->block_table);
	rdna4_reads(call, &d->gate);
}

static int run_pages(struct zinc_cmd *cmd, const struct zinc_op_flash_attn *d)
{
	struct args args = args_of(d);
	uint32_t lanes = args.dot_lanes > args.v_lanes ? args.dot_lanes : args.v_lanes;
	struct rdna4_call call = {.shader = "attn/flash_attn",
	                          .spec = {GROUP, d->k_cache.dtype, d->v_cache.dtype, lanes,
	                                   has_gate(d)},
	                          .n_spec = 5, .args = &args, .args_bytes = sizeof(args)};

	note_reads(&call, d);
	rdna4_writes(&call, &d->out);
	rdna4_grid(&call, (uint64_t)d->n.imm * d->n_head, 1);
	return rdna4_dispatch(cmd, &call);
}

static int merge(struct zinc_cmd *cmd, const struct zinc_op_flash_attn *d, uint32_t splits,
                 const struct zinc_view *parts)
{
	struct merge_args args = {.partial = rdna4_address(parts), .y = rdna4_rows_3d(&d->out),
	                          .gate = rdna4_rows_3d(&d->gate), .n = rdna4_count(d->n),
	                          .heads = d->n_head, .v_lanes = d->v_cache.ne[0]};
	struct rdna4_call call = {.shader = "attn/merge",
	                          .spec = {MERGE_GROUP, splits, has_gate(d), 0}, .n_spec = 4,
	                          .args = &args, .args_bytes = sizeof(args)};

	rdna4_reads(&call, parts);
	rdna4_reads(&call, &d->gate);
	rdna4_writes(&call, &d->out);
	rdna4_grid(&call, (uint64_t)d->n.imm * d->n_head, 1);
	return rdna4_dispatch(cmd, &call);
}

/* The rows of heads are, one beside the other, the row that is quantised. */
static bool are_row(const struct zinc_op_quant_act *q, const struct rdna4_rows *y, uint32_t heads,
                    uint32_t v_lanes, struct rdna4_count n)
{
	struct rdna4_rows x = rdna4_rows_2d(&q->x);

	return rdna4_dims(&q->x, q->n).heads == 1 && x.at == y->at &&
	       (n.imm == 1 || x.token == y->token) && (heads == 1 || y->head == v_lanes) &&
	       v_lanes % 32 == 0 && q->x.ne[0] == heads * v_lanes && n.imm == q->n.imm &&
	       n.slot == q->n.slot;
}

static bool join_merge(struct zinc_cmd *cmd, const struct zinc_op_quant_act *q, uint32_t how)
{
	struct rdna4_call call = {.n_spec = 0};
	struct merge_args args;

	if (!rdna4_call_before(cmd, "attn/merge", &call, &args, sizeof(args)) || call.spec[3] ||
	    !are_row(q, &args.y, args.heads, args.v_lanes, args.n))
		return false;
	call.spec[3] = how;
	args.quant_row = (uint32_t)q->row_bytes;
	return rdna4_quants_instead(cmd, q, &call, &args.quants);
}

static bool join_decode(struct zinc_cmd *cmd, const struct zinc_op_quant_act *q, uint32_t how)
{
	struct rdna4_call call = {.n_spec = 0};
	struct tile_args args;

	if (!rdna4_call_before(cmd, "attn/decode", &call, &args, sizeof(args)) || call.spec[8] ||
	    !are_row(q, &args.y, args.heads, args.v_lanes, args.n))
		return false;
	call.spec[8] = how;
	call.more = NULL;
	args.quant_row = (uint32_t)q->row_bytes;
	return rdna4_quants_instead(cmd, q, &call, &args.quants);
}

/* The row that a token's heads make. */
bool rdna4_attn_join(struct zinc_cmd *cmd, const struct zinc_op_quant_act *q, uint32_t how)
{
	return join_merge(cmd, q, how) || join_decode(cmd, q, how);
}

static struct tile_args tile_args_of(const struct zinc_op_flash_attn *d)
{
	struct args a = args_of(d);

	return (struct tile_args){
		.tok_seq = a.tok_seq, .tok_pos = a.tok_pos,
		.seq_first = rdna4_address(&d->seq_first), .q = a.q, .y = a.y, .gate = a.gate,
		.k_cache = a.k_cache, .v_cache = a.v_cache, .table = a.table, .n = a.n,
		.heads = a.heads, .heads_per_kv = a.heads_per_kv, .v_lanes = a.v_lanes,
		.window = a.window, .scale = a.scale,
		.softcap = a.softcap};
}

static int run_tile(struct zinc_cmd *cmd, const struct zinc_op_flash_attn *d)
{
	struct cut c = cut_of(d);
	struct tile_args args = tile_args_of(d);
	struct zinc_view parts = rdna4_cmd_scratch(cmd);
	struct rdna4_call call = {
		.shader = "attn/tile",
		.spec = {GROUP, d->k_cache.dtype, d->v_cache.dtype, dot_lanes(d),
		         power_of_two((args.v_lanes + 3) / 4), c.rows, c.heads, c.splits,
		         has_gate(d)},
		.n_spec = 9, .args = &args, .args_bytes = sizeof(args),
		.groups = {(d->n.imm + c.rows / c.heads - 1) / (c.rows / c.heads),
		           d->n_head_kv * c.head_groups, c.splits}};
	int rc;

	note_reads(&call, d);
	if (c.splits == 1) {
		rdna4_writes(&call, &d->out);
		return rdna4_dispatch(cmd, &call);
	}
	args.partial = rdna4_address(&parts);
	rdna4_writes(&call, &parts);
	rc = rdna4_dispatch(cmd, &call);
	return rc ? rc : merge(cmd, d, c.splits, &parts);
}

/* Invocations that share a key: an eighth of its lanes' fours, as few as make a
 * workgroup of 128. */
static uint32_t key_team(const struct zinc_dev *dev, const struct zinc_op_flash_attn *d)
{
	uint32_t team = GROUP / ZINC_KV_PAGE, most = dev->gpu->subgroup < 16 ? dev->gpu->subgroup : 16;

	while (2 * team <= most && 32 * team < dot_lanes(d))
		team *= 2;
	return team;
}

static int run_decode(struct zinc_cmd *cmd, const struct zinc_op_flash_attn *d)
{
	struct cut c = cut_of(d);
	struct tile_args args = tile_args_of(d);
	struct zinc_view parts = rdna4_cmd_scratch(cmd);
	bool known = rdna4_is_input(cmd, &d->tok_seq) && rdna4_is_input(cmd, &d->tok_pos);
	struct rdna4_call call = {
		.shader = "attn/decode",
		.spec = {key_team(rdna4_cmd_dev(cmd), d) * ZINC_KV_PAGE, d->k_cache.dtype,
		         d->v_cache.dtype, dot_lanes(d), power_of_two((args.v_lanes + 3) / 4),
		         c.heads, c.splits, has_gate(d), 0, known},
		.n_spec = 10, .args = &args, .args_bytes = sizeof(args),
		.groups = {d->n.imm, d->n_head_kv * c.head_groups, c.splits}};

	if (known && c.splits > 1)
		call.signals = call.groups[0] * call.groups[1];
	call.more_bytes = (uint32_t)sizeof(uint32_t) * call.groups[0] * call.groups[1];
	note_reads(&call, d);
	if (c.splits > 1) {
		args.partial = rdna4_address(&parts);
		rdna4_writes(&call, &parts);
	}
	rdna4_writes(&call, &d->out);
	return rdna4_dispatch(cmd, &call);
}

static int run_coop(struct zinc_cmd *cmd, const struct zinc_op_flash_attn *d)
{
	const struct zinc_dev *dev = rdna4_cmd_dev(cmd);
	uint32_t rows = coop_rows(dev, d), of_kv = d->n_head / d->n_head_kv;
	uint32_t heads = power_of_two(of_kv) < rows ? power_of_two(of_kv) : rows;
	uint32_t tokens = rows / heads, groups = (of_kv + heads - 1) / heads;
	struct tile_args args = tile_args_of(d);
	struct rdna4_call call = {
		.shader = "attn/coop",
		.spec = {rows / dev->gpu->coop_m * COLUMNS * dev->gpu->subgroup, d->k_cache.dtype,
		         d->v_cache.dtype, dot_lanes(d), args.v_lanes, rows, heads,
		         dev->gpu->subgroup, has_gate(d), dev->gpu->coop_m},
		.n_spec = 10, .args = &args, .args_bytes = sizeof(args),
		.groups = {(d->n.imm + tokens - 1) / tokens, d->n_head_kv * groups,
		           d->n_seqs.imm < tokens ? d->n_seqs.imm : tokens}};

	note_reads(&call, d);
	rdna4_writes(&call, &d->out);
	return rdna4_dispatch(cmd, &call);
}

static int run(struct zinc_cmd *cmd, const void *desc, uint32_t variant)
{
	switch (variant) {
	case COOP: return run_coop(cmd, desc);
	case TILE: return is_decode(desc) ? run_decode(cmd, desc) : run_tile(cmd, desc);
	default: return run_pages(cmd, desc);
	}
}

static int record(struct zinc_cmd *cmd, const void *desc, uint32_t variant)
{
	return rdna4_record(cmd, &rdna4_op_flash_attn, desc, variant, run);
}

const struct zinc_op_impl rdna4_op_flash_attn = {
	.struct_size = sizeof(rdna4_op_flash_attn),
	.op = ZINC_OP_FLASH_ATTN,
	.name = "flash_attn",
	.desc_size = sizeof(struct zinc_op_flash_attn),
	.n_variants = N_VARIANTS,
	.variants = variants,
	.supports = supports,
	.scratch = scratch,
	.record = record,
};
