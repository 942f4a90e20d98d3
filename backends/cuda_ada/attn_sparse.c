/* attn_sparse.c - attention of long prompts over some of the pages. */
#include "attn_sparse.h"

#include <stdlib.h>

#include "attn/sparse_args.h"

enum { FROM = 16384, MEANS_THREADS = 128, SMEM_STATIC = 1024 };

static uint32_t number(struct zinc_dev *dev, const char *key, uint32_t otherwise)
{
	const struct zinc_host *host = ada_host(dev);
	const char *text = host->option(host->ctx, key);

	return text ? (uint32_t)strtoul(text, NULL, 10) : otherwise;
}

static uint32_t smem_of(struct ada_sparse_tile tile, uint32_t lanes, uint32_t n_blocks)
{
	return SPARSE_SMEM(tile.heads, lanes, n_blocks);
}

bool ada_sparse_takes(struct zinc_dev *dev, const struct zinc_op_flash_attn *d,
                      struct ada_sparse_tile tile, uint32_t lanes)
{
	uint32_t n_blocks = d->block_table.ne[0];

	if (!number(dev, "sparse_percent", 0) || d->window || d->k_cache.dtype != ZINC_F16 ||
	    d->v_cache.dtype != ZINC_F16 || n_blocks > 1u << 20 || d->n_seqs.imm > 65535)
		return false;
	return n_blocks * ZINC_KV_PAGE > number(dev, "sparse_from", FROM) &&
	       smem_of(tile, lanes, n_blocks) + SMEM_STATIC <= ada_limits(dev)->smem_block;
}

static uint64_t means_bytes(uint32_t n_pages, uint32_t n_head_kv, uint32_t lanes)
{
	return ((uint64_t)n_pages * n_head_kv * lanes * sizeof(float) + 255) / 256 * 256;
}

uint64_t ada_sparse_scratch(const struct zinc_op_flash_attn *d, uint32_t lanes, uint32_t tiles)
{
	uint64_t words = ada_div_up(d->block_table.ne[0], 32);

	return means_bytes(d->k_cache.ne[3], d->n_head_kv, lanes) +
	       tiles * words * sizeof(uint32_t) + 256;
}

int ada_sparse_record(struct zinc_cmd *cmd, const struct ada_launch *tile,
                      struct ada_sparse_tile shape, uint64_t at)
{
	struct zinc_dev *dev = ada_cmd_dev(cmd);
	struct ada_sparse_args a = {.attn = *(const struct ada_attn_args *)tile->args,
	                            .rows = shape.rows, .heads = shape.heads,
	                            .from = number(dev, "sparse_from", FROM),
	                            .percent = number(dev, "sparse_percent", 0)};
	const struct ada_attn_args *t = &a.attn;
	struct ada_launch l = {.kernel = "attn_sparse_means",
	                       .grid = {t->batch.n_blocks, t->k.ne2, t->n_seqs.imm},
	                       .block = {MEANS_THREADS, 1, 1}, .args = &a,
	                       .args_size = sizeof(a)};

	a.means = (at + 255) / 256 * 256;
	a.mask = a.means + means_bytes(t->k.ne3, t->k.ne2, t->lanes);
	a.mask_words = ada_div_up(t->batch.n_blocks, 32);
	ada_launch(cmd, &l);
	l.kernel = "attn_sparse_pick";
	l.grid[0] = tile->grid[0];
	l.grid[1] = tile->grid[1];
	l.grid[2] = 1;
	l.block[0] = SPARSE_THREADS;
	l.smem = smem_of(shape, t->lanes, t->batch.n_blocks);
	ada_launch(cmd, &l);
	l = *tile;
	l.args = &a;
	l.args_size = sizeof(a);
	return ada_launch(cmd, &l);
}
