/* op_flash_attn.c - attention over the paged cache: which kernels compute it.
 *
 * "decode" is for few tokens: blocks share the keys of each, on tensor cores with
 * inputs in several pieces, so that nothing is rounded to 16 bits. Caches that
 * those kernels do not read go the way of "exact". "tile" is for many tokens, on
 * tensor cores with inputs rounded to 16 bits; where an option asks for it, "sparse" is
 * the same over some of the keys, and "shared" reads what sequences have in common once.
 * "exact" is the reference; it covers every shape. */
#include "attn.h"
#include "attn_shared.h"
#include "attn_sparse.h"

enum { VARIANT_SHARED, VARIANT_DECODE, VARIANT_SPARSE, VARIANT_TILE, VARIANT_EXACT, N_VARIANTS };

enum {
	DECODE_TOKENS = 16,
	MOST_TILES = 65535, /* of a grid */
	CHUNK = EXACT_CHUNK_PAGES * ZINC_KV_PAGE
};

/* Chunks of exact have blocks of their own while their sums fit in this. */
static const uint64_t most_parts_bytes = UINT64_C(64) << 20;

static const struct zinc_variant variants[] = {
	[VARIANT_SHARED] = {"shared", ADA_SHARED_TOKENS, ZINC_NUM_FREE16},
	[VARIANT_DECODE] = {"decode", DECODE_TOKENS, ZINC_NUM_FREE},
	[VARIANT_SPARSE] = {"sparse", MOST_TILES, ZINC_NUM_FREE16},
	[VARIANT_TILE] = {"tile", 0, ZINC_NUM_FREE16},
	[VARIANT_EXACT] = {"exact", 0, ZINC_NUM_F32},
};

/* A kernel for heads of up to max_lanes. */
struct kernel {
	const char *name;
	uint32_t max_lanes, smem; /* bytes of dynamic shared memory */
	uint32_t threads;
	/* Of a tile: its queries, keys that it takes at once, blocks of a
	 * multiprocessor. */
	uint32_t rows, keys, per_sm;
};

#define DECODES(name, sets)                                                                        \
	{"attn_decode_" name "_64", 64, DEC_SMEM(64, sets), 256, 0, 0, 0},                         \
		{"attn_decode_" name "_128", 128, DEC_SMEM(128, sets), 256, 0, 0, 0},              \
		{"attn_decode_" name "_256", 256, DEC_SMEM(256, sets), 256, 0, 0, 0},              \
		{"attn_decode_" name "_512", 512, DEC_SMEM(512, sets), 256, 0, 0, 0}

#define TILES(name)                                                                                \
	{name "_64", 64, TILE_SMEM(64, 128, 64, 0), 256, 128, 64, 2},                              \
		{name "_128", 128, TILE_SMEM(128, 128, 64, 0), 256, 128, 64, 2},                   \
		{name "_256", 256, TILE_SMEM(256, 128, 32, 0), 256, 128, 32, 1},                   \
		{name "_512", 512, TILE_SMEM(512, 64, 32, 256), 256, 64, 32, 1},                   \
		{name "_512_small", 512, TILE_SMEM(512, 32, 16, 128), 128, 32, 16, 1}

enum { N_DECODES = 4, N_TILES = 5 };

static const struct kernel decodes_f16[] = {DECODES("f16", 1)};
static const struct kernel decodes_bf16[] = {DECODES("bf16", 2)};
static const struct kernel decodes_q8[] = {DECODES("q8", 2)};
static const struct kernel tiles_f16[] = {TILES("attn_tile_f16")};
static const struct kernel tiles_sparse[] = {TILES("attn_sparse_f16")};
static const struct kernel tiles_prefix[] = {TILES("attn_prefix_f16")};
static const struct kernel tiles_rest[] = {TILES("attn_rest_f16")};
static const struct kernel tiles_bf16[] = {TILES("attn_tile_bf16")};
static const struct kernel tiles_convert[] = {TILES("attn_tile_convert")};

static uint32_t lanes_of(const struct zinc_op_flash_attn *d)
{
	return d->q_head_dim < d->kv_head_dim ? d->q_head_dim : d->kv_head_dim;
}

/* The first kernel of the list that is wide enough and runs here. */
static const struct kernel *choose(struct zinc_dev *dev, const struct zinc_op_flash_attn *d,
                                   const struct kernel *list, uint32_t n)
{
	uint32_t k = lanes_of(d), v = d->v_cache.ne[0], lanes = k > v ? k : v;

	for (uint32_t i = 0; i < n; i++)
		if (lanes <= list[i].max_lanes && list[i].smem <= ada_limits(dev)->smem_block)
			return &list[i];
	return NULL;
}

/* What both kinds of tensor core kernels ask: whole chunks of 16 bytes. */
static bool chunks_ok(const struct zinc_op_flash_attn *d)
{
	const struct zinc_view *k = &d->k_cache, *v = &d->v_cache;

	if (k->dtype != v->dtype || lanes_of(d) % 8 || v->ne[0] % 8 ||
	    !ada_rows_aligned(&d->q, 16) || !ada_rows_aligned(&d->out, 16) ||
	    (zinc_view_present(&d->gate) && !ada_rows_aligned(&d->gate, 16)))
		return false;
	return k->dtype == ZINC_Q8_0 || (ada_rows_aligned(k, 16) && ada_rows_aligned(v, 16));
}

static const struct kernel *decode_kernel(struct zinc_dev *dev, const struct zinc_op_flash_attn *d)
{
	if (!chunks_ok(d))
		return NULL;
	switch (d->k_cache.dtype) {
	case ZINC_F16: return choose(dev, d, decodes_f16, N_DECODES);
	case ZINC_BF16: return choose(dev, d, decodes_bf16, N_DECODES);
	case ZINC_Q8_0: return choose(dev, d, decodes_q8, N_DECODES);
	default: return NULL;
	}
}

/* Query heads of a block, and its rows. */
static struct ada_sparse_tile sparse_tile(const struct zinc_op_flash_attn *d,
                                          const struct kernel *k)
{
	uint32_t group = d->n_head / d->n_head_kv;

	return (struct ada_sparse_tile){group < k->rows ? group : k->rows, k->rows};
}

static const struct kernel *tile_kernel(struct zinc_dev *dev, const struct zinc_op_flash_attn *d)
{
	/* Scores of 0 would make a product of 0 and infinity of the mask. */
	if (!chunks_ok(d) || d->scale == 0)
		return NULL;
	switch (d->k_cache.dtype) {
	case ZINC_F16: return choose(dev, d, tiles_f16, N_TILES);
	case ZINC_BF16: return choose(dev, d, tiles_bf16, N_TILES);
	default: return choose(dev, d, tiles_convert, N_TILES);
	}
}

/* NULL: these pages are not to be chosen among, or not here. */
static const struct kernel *sparse_kernel(struct zinc_dev *dev, const struct zinc_op_flash_attn *d)
{
	const struct kernel *k = chunks_ok(d) && d->scale != 0
	                                 ? choose(dev, d, tiles_sparse, N_TILES)
	                                 : NULL;

	return k && ada_sparse_takes(dev, d, sparse_tile(d, k), lanes_of(d)) ? k : NULL;
}

static uint64_t exact_smem(const struct zinc_op_flash_attn *d)
{
	return sizeof(float) * (ATTN_ROWS * ((uint64_t)lanes_of(d) + 2 * d->v_cache.ne[0]) +
	                        ZINC_KV_PAGE * (EXACT_SLICE + 1) + ATTN_ROWS * ZINC_KV_PAGE);
}

/* Chunks that one token can see. */
static uint32_t max_chunks(const struct zinc_op_flash_attn *d)
{
	uint64_t n = ada_div_up((uint64_t)d->block_table.ne[0] * ZINC_KV_PAGE, CHUNK);
	uint64_t in_window = d->window / CHUNK + 2;

	return (uint32_t)(d->window && in_window < n ? in_window : n);
}

/* A part: dv floats of sums, a maximum and a sum of weights. */
static uint64_t parts_bytes(const struct zinc_op_flash_attn *d, uint32_t n_split)
{
	return (uint64_t)d->n.imm * d->n_head * n_split * (d->v_cache.ne[0] + UINT64_C(2)) *
	               sizeof(float) + 256;
}

static uint32_t lesser(uint64_t a, uint64_t b)
{
	return (uint32_t)(a < b ? a : b);
}

/* Keys that a query can see, at most. */
static uint64_t most_keys(const struct zinc_op_flash_attn *d)
{
	uint64_t all = (uint64_t)d->block_table.ne[0] * ZINC_KV_PAGE;

	return d->window && d->window < all ? d->window : all;
}

/* Blocks that share a token's keys: enough to occupy the device. */
static uint32_t decode_split(struct zinc_dev *dev, const struct zinc_op_flash_attn *d)
{
	uint32_t group = d->n_head / d->n_head_kv;
	uint64_t blocks = (uint64_t)d->n.imm * d->n_head_kv * ada_div_up(group, ATTN_ROWS);
	uint32_t units = ada_div_up(most_keys(d), DEC_UNIT) + 1, n;

	if (!blocks || blocks > ATTN_TICKETS || units <= DEC_ALONE)
		return 1;
	n = lesser(ada_limits(dev)->n_sm / blocks, ada_div_up(units, DEC_WARPS));
	return n < 1 ? 1 : lesser(n, DEC_MAX_SPLIT);
}

/* A grid of tiles: x KV heads and parts of their query heads, y tiles, of which
 * each sequence may end with one that is not full. */
struct tile_grid {
	uint32_t x, y, n_split;
};

/* Tokens of a tile. */
static uint32_t tile_tokens(const struct zinc_op_flash_attn *d, const struct kernel *k)
{
	uint32_t group = d->n_head / d->n_head_kv;

	return group < k->rows ? k->rows / group : 1;
}

/* Blocks that share the keys of each of so many tiles. */
static uint32_t tile_split(struct zinc_dev *dev, const struct zinc_op_flash_attn *d,
                           const struct kernel *k, uint64_t tiles)
{
	uint32_t steps = ada_div_up(most_keys(d) + tile_tokens(d, k), k->keys) + 1, n;

	if (!tiles || tiles > ATTN_TICKETS || steps <= TILE_ALONE)
		return 1;
	n = lesser(ada_limits(dev)->n_sm * k->per_sm / tiles, ada_div_up(steps, TILE_LEAST));
	n = n < 1 ? 1 : lesser(n, TILE_MAX_SPLIT);
	while (n > 1 && parts_bytes(d, n) > most_parts_bytes)
		n--;
	return n;
}

static struct tile_grid tile_grid_of(struct zinc_dev *dev, const struct zinc_op_flash_attn *d,
                                     const struct kernel *k)
{
	uint32_t tokens = tile_tokens(d, k);
	struct tile_grid g = {.x = d->n_head_kv * ada_div_up(d->n_head / d->n_head_kv, k->rows)};

	g.y = lesser((uint64_t)d->n.imm / tokens + d->n_seqs.imm, d->n.imm);
	g.n_split = tile_split(dev, d, k, (uint64_t)g.x * g.y);
	return g;
}

/* Tiles of the prefix are fewer, since tokens of all sequences are in one. */
static struct ada_shared_split shared_split(struct zinc_dev *dev,
                                            const struct zinc_op_flash_attn *d,
                                            const struct kernel *k)
{
	struct tile_grid g = tile_grid_of(dev, d, k);
	uint64_t tiles = (uint64_t)g.x * ada_div_up(d->n.imm, tile_tokens(d, k));
	struct ada_shared_split s = {tile_split(dev, d, k, tiles), g.n_split};

	while (s.prefix + s.rest > 2 && parts_bytes(d, s.prefix + s.rest) > most_parts_bytes)
		*(s.prefix > s.rest ? &s.prefix : &s.rest) -= 1;
	return s;
}

static uint32_t exact_split(const struct zinc_op_flash_attn *d)
{
	uint32_t n = max_chunks(d);

	return d->n.imm <= DECODE_TOKENS && n <= 65535 && parts_bytes(d, n) <= most_parts_bytes
	               ? n
	               : 1;
}

static const struct kernel *many_kernel(struct zinc_dev *dev, const struct zinc_op_flash_attn *d,
                                        uint32_t variant)
{
	return variant == VARIANT_SPARSE ? sparse_kernel(dev, d) : tile_kernel(dev, d);
}

static bool batch_ok(const struct zinc_op_flash_attn *d)
{
	return ada_batch_ok(&d->tok_seq, &d->tok_pos, &d->block_table, d->n.imm) &&
	       zinc_shape_1d(&d->seq_first, ZINC_I32, d->n_seqs.imm + 1) &&
	       zinc_shape_1d(&d->seq_kv_len, ZINC_I32, d->n_seqs.imm) &&
	       d->block_table.ne[0] <= UINT32_MAX / ZINC_KV_PAGE;
}

static int supports(struct zinc_dev *dev, const void *desc, uint32_t variant)
{
	const struct zinc_op_flash_attn *d = desc;
	uint32_t n = d->n.imm;

	if (variant >= N_VARIANTS || d->flags || !d->n_head_kv || !d->n_head ||
	    d->n_head % d->n_head_kv || d->n_head > 65535 || !(d->softcap >= 0))
		return ZINC_E_UNSUPPORTED;
	if (!zinc_shape_f32_3d(&d->q, d->q_head_dim, d->n_head, n) ||
	    !zinc_shape_f32_3d(&d->out, d->v_cache.ne[0], d->n_head, n) || !batch_ok(d))
		return ZINC_E_UNSUPPORTED;
	if (!ada_cache_ok(&d->k_cache) || !ada_cache_ok(&d->v_cache) ||
	    d->k_cache.ne[0] != d->kv_head_dim || d->k_cache.ne[2] != d->n_head_kv ||
	    d->v_cache.ne[2] != d->n_head_kv)
		return ZINC_E_UNSUPPORTED;
	if (zinc_view_present(&d->gate) && !zinc_shape_f32_as(&d->gate, &d->out))
		return ZINC_E_UNSUPPORTED;
	if (variant == VARIANT_TILE || variant == VARIANT_SPARSE)
		return n <= MOST_TILES && many_kernel(dev, d, variant) ? ZINC_OK
		                                                       : ZINC_E_UNSUPPORTED;
	if (variant == VARIANT_SHARED)
		return ada_shared_takes(dev, d) && tile_kernel(dev, d) ? ZINC_OK
		                                                       : ZINC_E_UNSUPPORTED;
	if (variant == VARIANT_DECODE && n > DECODE_TOKENS)
		return ZINC_E_UNSUPPORTED;
	if (variant == VARIANT_DECODE && decode_kernel(dev, d))
		return ZINC_OK;
	return exact_smem(d) <= ada_limits(dev)->smem_block ? ZINC_OK : ZINC_E_UNSUPPORTED;
}

/* Does a kernel of decode.cu compute it? */
static const struct kernel *as_decode(struct zinc_dev *dev, const struct zinc_op_flash_attn *d,
                                      uint32_t variant)
{
	return variant == VARIANT_DECODE ? decode_kernel(dev, d) : NULL;
}

static uint64_t tile_scratch(struct zinc_dev *dev, const struct zinc_op_flash_attn *d,
                             uint32_t variant)
{
	struct tile_grid g = tile_grid_of(dev, d, many_kernel(dev, d, variant));
	uint64_t n = g.n_split > 1 ? parts_bytes(d, g.n_split) : 0;

	return variant == VARIANT_SPARSE ? n + ada_sparse_scratch(d, lanes_of(d), g.x * g.y) : n;
}

static uint64_t shared_scratch(struct zinc_dev *dev, const struct zinc_op_flash_attn *d)
{
	struct ada_shared_split s = shared_split(dev, d, tile_kernel(dev, d));

	return ADA_SHARED_HEAD + parts_bytes(d, s.prefix + s.rest);
}

static uint64_t scratch(struct zinc_dev *dev, const void *desc, uint32_t variant)
{
	const struct zinc_op_flash_attn *d = desc;
	uint32_t n;

	if (variant == VARIANT_SHARED)
		return shared_scratch(dev, d);
	if (variant == VARIANT_TILE || variant == VARIANT_SPARSE)
		return tile_scratch(dev, d, variant);
	n = as_decode(dev, d, variant) ? decode_split(dev, d) : exact_split(d);
	return n > 1 ? parts_bytes(d, n) : 0;
}

static struct ada_attn_args args_of(struct zinc_cmd *cmd, const struct zinc_op_flash_attn *d,
                                    uint32_t rows, uint32_t n_split)
{
	uint32_t group = d->n_head / d->n_head_kv, in_block = group < rows ? group : rows;
	struct ada_attn_args a = {
		.q = ada_arg(&d->q), .out = ada_arg(&d->out), .gate = ada_arg(&d->gate),
		.k = ada_arg(&d->k_cache), .v = ada_arg(&d->v_cache),
		.batch = {.tok_seq = ada_address(&d->tok_seq), .tok_pos = ada_address(&d->tok_pos),
		          .seq_first = ada_address(&d->seq_first),
		          .blocks = ada_address(&d->block_table), .row_bytes = d->block_table.nb[1],
		          .n_blocks = d->block_table.ne[0], .n_rows = d->block_table.ne[1]},
		.params = ada_params(cmd), .part_ml = ada_scratch(cmd), .n = ada_count(d->n),
		.n_seqs = ada_count(d->n_seqs), .n_head = d->n_head, .group = group,
		.group_parts = ada_div_up(group, rows), .lanes = lanes_of(d),
		.dv = d->v_cache.ne[0], .dtype_k = d->k_cache.dtype, .dtype_v = d->v_cache.dtype,
		.window = d->window, .scale = d->scale, .softcap = d->softcap, .n_split = n_split,
		.tile_tokens = rows / in_block};
	uint64_t ml_bytes = (uint64_t)d->n.imm * d->n_head * n_split * 2 * sizeof(float);

	a.parts = a.part_ml + (ml_bytes + 255) / 256 * 256;
	return a;
}

static int record_decode(struct zinc_cmd *cmd, const struct zinc_op_flash_attn *d,
                         const struct kernel *k)
{
	uint32_t n_split = decode_split(ada_cmd_dev(cmd), d);
	struct ada_attn_args a = args_of(cmd, d, ATTN_ROWS, n_split);
	struct ada_launch l = {.kernel = k->name,
	                       .grid = {d->n_head_kv * a.group_parts, n_split, d->n.imm},
	                       .block = {k->threads, 1, 1}, .smem = k->smem, .args = &a,
	                       .args_size = sizeof(a)};

	return ada_launch(cmd, &l);
}

static int record_tile(struct zinc_cmd *cmd, const struct zinc_op_flash_attn *d,
                       const struct kernel *k, uint32_t variant)
{
	struct tile_grid g = tile_grid_of(ada_cmd_dev(cmd), d, k);
	uint64_t unused = ada_scratch(cmd);
	struct ada_attn_args a = args_of(cmd, d, k->rows, g.n_split);
	struct ada_launch l = {.kernel = k->name, .grid = {g.x, g.y, g.n_split},
	                       .block = {k->threads, 1, 1}, .smem = k->smem, .args = &a,
	                       .args_size = sizeof(a)};

	if (variant == VARIANT_TILE)
		return ada_launch(cmd, &l);
	if (g.n_split > 1)
		unused += parts_bytes(d, g.n_split);
	return ada_sparse_record(cmd, &l, sparse_tile(d, k), unused);
}

/* Tiles of the prefix are of tokens of any sequence. */
static int record_shared(struct zinc_cmd *cmd, const struct zinc_op_flash_attn *d)
{
	struct zinc_dev *dev = ada_cmd_dev(cmd);
	const struct kernel *k = choose(dev, d, tiles_prefix, N_TILES);
	struct tile_grid g = tile_grid_of(dev, d, k);
	struct ada_shared_split s = shared_split(dev, d, k);
	struct ada_attn_args a = args_of(cmd, d, k->rows, s.prefix + s.rest);
	struct ada_launch prefix = {
		.kernel = k->name, .block = {k->threads, 1, 1}, .smem = k->smem,
		.grid = {g.x, ada_div_up(d->n.imm, a.tile_tokens), s.prefix}};
	struct ada_launch rest = {.kernel = choose(dev, d, tiles_rest, N_TILES)->name,
	                          .block = {k->threads, 1, 1}, .smem = k->smem,
	                          .grid = {g.x, g.y, s.rest}};

	return ada_shared_record(cmd, &a, s, &prefix, &rest);
}

static int record_exact(struct zinc_cmd *cmd, const struct zinc_op_flash_attn *d)
{
	uint32_t n_split = exact_split(d);
	struct ada_attn_args a = args_of(cmd, d, ATTN_ROWS, n_split);
	struct ada_launch l = {.kernel = n_split > 1 ? "attn_exact_parts" : "attn_exact",
	                       .grid = {d->n.imm, d->n_head_kv * a.group_parts, n_split},
	                       .block = {256, 1, 1}, .smem = (uint32_t)exact_smem(d), .args = &a,
	                       .args_size = sizeof(a)};
	struct ada_launch merge = {.kernel = "attn_exact_merge", .grid = {d->n.imm, d->n_head, 1},
	                           .block = {128, 1, 1}, .args = &a, .args_size = sizeof(a)};

	ada_launch(cmd, &l);
	return n_split > 1 ? ada_launch(cmd, &merge) : ada_cmd_status(cmd);
}

static int record(struct zinc_cmd *cmd, const void *desc, uint32_t variant)
{
	const struct zinc_op_flash_attn *d = desc;
	struct zinc_dev *dev = ada_cmd_dev(cmd);
	const struct kernel *decode;

	if (ada_op_begin(cmd, &ada_op_flash_attn, desc, variant) || !d->n.imm)
		return ada_cmd_status(cmd);
	decode = as_decode(dev, d, variant);
	if (variant == VARIANT_SHARED)
		return record_shared(cmd, d);
	if (variant == VARIANT_TILE || variant == VARIANT_SPARSE)
		return record_tile(cmd, d, many_kernel(dev, d, variant), variant);
	return decode ? record_decode(cmd, d, decode) : record_exact(cmd, d);
}

const struct zinc_op_impl ada_op_flash_attn = {
	.struct_size = sizeof(ada_op_flash_attn),
	.op = ZINC_OP_FLASH_ATTN,
	.name = "flash_attn",
	.desc_size = sizeof(struct zinc_op_flash_attn),
	.n_variants = N_VARIANTS,
	.variants = variants,
	.supports = supports,
	.scratch = scratch,
	.record = record,
};
