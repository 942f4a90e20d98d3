/* args.h - arguments of the attention kernels: rope, kv_write, flash_attn. */
#ifndef ADA_ATTN_ARGS_H
#define ADA_ATTN_ARGS_H

#include "common/args.h"

enum {
	ADA_KV_PAGE = 32, /* tokens of a cache page: ZINC_KV_PAGE */
	/* Decode and exact: query heads of a block. */
	ATTN_ROWS = 8,
	/* Groups of blocks that may share keys. */
	ATTN_TICKETS = 8192,
	/* Decode: keys that a warp takes at once; warps of a block; units that one
	 * block does alone, because sharing costs a merger; blocks that share keys,
	 * at most. */
	DEC_UNIT = 16,
	DEC_WARPS = 8,
	DEC_ALONE = 16,
	DEC_MAX_SPLIT = 32,
	/* Tile: the same in steps of as many keys as a block takes at once; steps of
	 * a block that shares, at least. */
	TILE_ALONE = 8,
	TILE_MAX_SPLIT = 16,
	TILE_LEAST = 4,
	/* Exact: pages of a chunk; lanes of a row that are converted at once. */
	EXACT_CHUNK_PAGES = 8,
	EXACT_SLICE = 64
};

/* Shared memory of a decode block: heads of `lanes`, queries in `sets` pairs of
 * pieces. */
#define DEC_SMEM(lanes, sets)                                                                      \
	((lanes) / 16 * (sets) * 512 + DEC_WARPS / 2 * ATTN_ROWS * ((lanes) + 4) * 4 +             \
	 2 * DEC_WARPS * ATTN_ROWS * 4 + ATTN_ROWS * 4 + ATTN_ROWS * DEC_MAX_SPLIT * 4 + 16)

/* Of a tile block: queries; keys and values; what two warps add, if `threads` share
 * rows; and the rest. */
#define TILE_SMEM(lanes, rows, keys, threads)                                                      \
	((rows) * (lanes) * 2 + 2 * (keys) * ((lanes) * 2 + 16) + (threads) * (keys) * 2 +         \
	 (rows) * 8 + 80)

/* Where the step's tokens stand, and their pages: I32 tables. */
struct ada_batch {
	uint64_t tok_seq, tok_pos, seq_first;
	uint64_t blocks;      /* [n_rows][n_blocks] page numbers          */
	uint64_t row_bytes;   /* from one row of `blocks` to the next     */
	uint32_t n_blocks, n_rows;
};

struct ada_rope_args {
	struct ada_view q, k, q_out, k_out, pos; /* k.p 0: there is no K      */
	uint64_t pos_row, freqs, factors, q_norm, k_norm; /* 0: absent        */
	uint64_t params;
	struct ada_count n;
	uint32_t pairs; /* n_rot / 2 */
	uint32_t mode;
	float eps;
	uint32_t pad0;
};

struct ada_kv_write_args {
	struct ada_view k, v, k_cache, v_cache;
	struct ada_batch batch;
	uint64_t params;
	struct ada_count n;
	uint32_t dtype_k, dtype_v;
	uint32_t vec_k, vec_v; /* 1: rows of x and cache allow steps of four lanes */
};

/* rope_kv_write: kv.k is what rope turns. norm_v: v is normed in place first, without
 * a weight. */
struct ada_rope_kv_args {
	struct ada_rope_args rope;
	struct ada_kv_write_args kv;
	float v_eps;
	uint32_t norm_v;
};

struct ada_attn_args {
	struct ada_view q, out, gate, k, v; /* gate.p 0: no gate */
	struct ada_batch batch;
	uint64_t params;
	uint64_t parts;  /* partial sums: n_split rows of dv floats for each head of
	                  * each token */
	uint64_t part_ml; /* their float2 (maximum, sum)                        */
	struct ada_count n, n_seqs;
	uint32_t n_head, group; /* group: query heads of a KV head              */
	uint32_t group_parts;   /* parts that a block's rows cut a group into   */
	uint32_t lanes, dv;     /* lanes of a dot product, lanes of a value     */
	uint32_t dtype_k, dtype_v;
	uint32_t window;
	float scale, softcap;
	uint32_t n_split; /* at most so many blocks share the keys of a token   */
	uint32_t tile_tokens;
};

#endif
