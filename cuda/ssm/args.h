/* args.h - arguments of the kernels with a recurrent state. */
#ifndef ADA_SSM_ARGS_H
#define ADA_SSM_ARGS_H

#include "common/args.h"

/* units of the kernel's width to an entry. */
struct ada_state_copy_args {
	uint64_t pool, params;
	struct ada_count src, dst;
	uint64_t units;
	uint32_t n_entries, pad0;
};

/* Blocks are [channels, tokens of a tile]. */
struct ada_conv1d_args {
	struct ada_view x, w, y, state;
	uint64_t seq_first, state_slot, params;
	struct ada_count n, n_seqs;
	uint32_t channels, taps;
	uint32_t silu, tile;
	uint32_t vec, pad0; /* all rows begin on 16 bytes */
};

/* The chunked form: tokens to a chunk; columns that its tiles have, the most that
 * d_k may be; floats that the parallel part leaves for the sequential part of
 * each chunk and V head (delta_chunk.cuh). */
#define DELTA_CHUNK 64u
#define DELTA_LANES 128u
#define DELTA_RECORD_FLOATS(d_v)                                                                   \
	((uint64_t)DELTA_CHUNK *                                                                   \
	 (DELTA_LANES * (1 + ((d_v) + DELTA_LANES - 1) / DELTA_LANES) + DELTA_CHUNK + 3))

/* State: each V head's matrix column by column, [n_v_head][d_v][d_k].
 * records: [chunk][n_v_head][DELTA_RECORD_FLOATS] floats. */
struct ada_delta_args {
	struct ada_view q, k, v, alpha, beta, y, state;
	uint64_t a, dt, seq_first, state_slot, params;
	uint64_t records;
	struct ada_count n, n_seqs;
	uint32_t n_k_head, n_v_head, d_k, d_v;
	uint32_t grouped;           /* head map                                       */
	float q_scale, l2_eps;
	uint32_t vec;               /* rows of q, k and v, and columns of the state,
	                             * begin on 16 bytes                              */
	uint32_t short_tokens;      /* sequences up to this long go token by token    */
	uint32_t pad0;
};

#endif
