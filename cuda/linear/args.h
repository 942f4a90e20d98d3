/* args.h - the arguments of the kernels that embed, pack, quantise activations
 * and multiply matrices. */
#ifndef ADA_LINEAR_ARGS_H
#define ADA_LINEAR_ARGS_H

#include "common/args.h"
#include "linear/layout.h"

/* linear_pack: rows of GGUF blocks to layout ADA_WEIGHT_ROWS. A thread takes a
 * block of 32 elements. */
struct ada_pack_args {
	uint64_t src, dst;
	uint64_t src_row; /* bytes */
	uint64_t rows;
	uint32_t type, k;
	struct ada_row_layout row;
};

/* embed_rows. grid.y covers the lanes of a row, ADA_EMBED_LANES each. */
#define ADA_EMBED_LANES 1024u

struct ada_embed_args {
	struct ada_view table, ids, y;
	uint64_t params;
	struct ada_count n;
	uint32_t type, layout;
	struct ada_row_layout row;
	float scale;
	uint32_t pad0;
};

/* quant_act_q8, quant_act_f16. y is dense rows of row_bytes. */
struct ada_quant_act_args {
	struct ada_view x;
	uint64_t y, params;
	uint64_t row_bytes;
	struct ada_count n;
	uint32_t per_token; /* rows of a token: k of [N, k, K] */
	uint32_t pad0;
};

/* A further matrix of a dmmv launch; of the shape of the first but for its rows. */
struct ada_dmmv_more {
	uint64_t w, y;
	uint32_t m, pad0;
};

/* Up to 1 + ADA_DMMV_MORE matrices that share x (queries, keys and values of a
 * token) are one launch; then there is one column and no epilogue but scale. */
#define ADA_DMMV_MORE 3

/* dmmv_ring.cuh: iterations that a warp has in shared memory; bytes of a row in each;
 * blocks that a multiprocessor shall have room for. */
enum { ADA_RING_SLOTS = 5, ADA_RING_BLOCKS = 3 };

#define ADA_RING_ROW(type) ((type) == ADA_Q6_K ? 848 : (type) == ADA_Q5_K ? 704 : 576)

/* dmmv_*. A cell is a column of y: a token, or a (token, slot) of the expert
 * form. Weights and rows as in linear/dmmv.cuh. */
struct ada_dmmv_args {
	struct ada_view w, x, y, residual;
	uint64_t gate; /* of w's shape, type and strides below; 0: none */
	uint64_t gate_nb1, gate_nb2;
	uint64_t ids;  /* I32 [N, slots]; 0: the plain form */
	uint64_t params;
	struct ada_count n;
	uint32_t type, layout;      /* of w and gate                           */
	struct ada_row_layout row;  /* of a packed row                         */
	uint32_t slots;             /* experts of a token; 1 in the plain form */
	uint32_t x_per_slot;
	uint32_t x_plain;           /* x is F32, to be quantised here          */
	uint32_t lane_bits, split_bits; /* log2 of lanes and splits of a row: dmmv.cuh */
	uint32_t act;               /* enum zinc_act, with gate                */
	float scale;
	uint32_t n_more;
	struct ada_dmmv_more more[ADA_DMMV_MORE];
};

#endif
