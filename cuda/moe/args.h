/* args.h - arguments of the mixture-of-experts kernels. */
#ifndef ADA_MOE_ARGS_H
#define ADA_MOE_ARGS_H

#include "common/args.h"

/* A tile is the tokens of one block, a warp each. A cell is a choice: t*k + s. */
struct ada_route_args {
	struct ada_view logits;
	uint64_t ids, weights, expert_first, perm; /* dense            */
	uint64_t bias, expert_scale;               /* 0: none          */
	uint64_t counts; /* [tiles][n_expert]: cells of a tile by expert */
	uint64_t params;
	struct ada_count n;
	uint32_t n_expert, k;
	uint32_t gating, renorm; /* as op_moe.h numbers gating */
	float scale;
	uint32_t tile_tokens;
};

struct ada_combine_args {
	struct ada_view x, weights, y;
	struct ada_view shared, shared_gate, residual; /* p 0: none */
	uint64_t params;
	struct ada_count n;
	uint32_t lanes, k;
	uint32_t vec, pad0; /* all rows begin on 16 bytes */
};

#endif
