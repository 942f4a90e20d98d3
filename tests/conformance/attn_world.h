/* attn_world.h - sequences with a paged cache, for the tests of attention. */
#ifndef CONFORMANCE_ATTN_WORLD_H
#define CONFORMANCE_ATTN_WORLD_H

#include "op_run.h"

#include <zinc/op.h>

enum { WORLD_SEQS = 4 };

struct attn_case {
	uint32_t n_head, n_head_kv;
	uint32_t q_dim, k_dim, v_dim;
	uint32_t dtype; /* of the cache */
	uint32_t window;
	float softcap;
	bool gate;
	bool interleaved; /* q and gate are lanes of one row per head */
	uint32_t n_seqs;
	uint32_t before[WORLD_SEQS]; /* positions in cache before the step */
	uint32_t fresh[WORLD_SEQS];  /* tokens of the step                 */
};

/* All on the host: rows as the cache's dtype rounds them, as F32. */
struct attn_world {
	const struct attn_case *c;
	uint32_t n_tokens, max_blocks, n_pages;
	float *q, *gate;           /* [n_tokens][n_head][q_dim], [..][v_dim]      */
	float *k[WORLD_SEQS];      /* [positions][n_head_kv][k_dim]               */
	float *v[WORLD_SEQS];
	int32_t *tok_seq, *tok_pos;
	int32_t seq_first[WORLD_SEQS + 1], kv_len[WORLD_SEQS];
	int32_t *blocks;           /* [n_seqs][max_blocks]; -1 behind the window   */
	uint8_t *k_image, *v_image; /* the caches; 0xff where nothing was written  */
	double *want;              /* [n_tokens][n_head][v_dim]                    */
};

struct attn_world *world_create(const struct attn_case *c);
void world_destroy(struct attn_world *w);

/* The op over tokens [first, first + n) of the step, all of one sequence when
 * they are fewer than all. */
struct zinc_op_flash_attn world_op(struct op_run *r, const struct attn_world *w, uint32_t first,
                                   uint32_t n);
/* Its parameters. */
struct run_params world_params(const struct attn_world *w, uint32_t n);

#endif
