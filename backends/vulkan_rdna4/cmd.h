/* cmd.h - a recorded list of dispatches, and what replays it. */
#ifndef RDNA4_CMD_H
#define RDNA4_CMD_H

#include "aside.h"
#include "hazard.h"
#include "pipeline.h"

/* One dispatch. */
struct rdna4_step {
	struct rdna4_pipeline *pipeline;
	uint32_t groups[3];
	uint32_t op;         /* index of the op it belongs to */
	uint64_t args;       /* offset in the list's args     */
	uint32_t args_bytes;
	uint64_t more;       /* offset in the list's args     */
	uint32_t more_bytes;
	bool barrier;        /* stands before it              */
	uint64_t flops;
	/* In a chained list (chain.h): */
	struct rdna4_pipeline *chained; /* NULL: not made for it          */
	bool fence;                     /* a barrier stands before it      */
	uint32_t need;                  /* what it waits for, and its level */
	uint32_t signals;               /* workgroups that count; 0: all  */
};

/* In front of a list's arguments; shaders/common/chain.glsl mirrors it. */
enum { RDNA4_CHAIN_COUNTERS = 16, RDNA4_CHAIN_LEVEL_BITS = 4, RDNA4_CHAIN_LINE = 32 };
#define RDNA4_CHAIN_NEED_MAX (UINT32_MAX >> RDNA4_CHAIN_LEVEL_BITS >> 1)

struct rdna4_head {
	uint32_t slots[ZINC_SLOT_COUNT];
	uint64_t alarm;
	uint32_t pad0[RDNA4_CHAIN_LINE - ZINC_SLOT_COUNT - 2];
	uint32_t done[RDNA4_CHAIN_COUNTERS][RDNA4_CHAIN_LINE]; /* each in a line of its own */
};

struct zinc_cmd {
	struct zinc_dev *dev;
	struct zinc_buf *scratch;
	uint32_t flags;
	bool ended, chained;
	struct rdna4_step *steps;
	uint64_t n_steps, room_steps;
	uint8_t *args;
	uint64_t n_args, room_args; /* bytes */
	uint32_t n_ops;
	const char *op;             /* being recorded */
	struct hazard hazard;
	struct rdna4_aside aside;
	struct zinc_err err;        /* the first error sticks */
	/* struct rdna4_head, then the arguments too big for push constants. */
	struct zinc_buf *memory;
	VkCommandPool pool;
	VkCommandBuffer *parts;     /* started one after the other */
	uint32_t n_parts;
	VkQueryPool queries;        /* n_ops + 1 timestamps with ZINC_CMD_PROFILE */
};

/* Parts of a list at most, and what one should have at most: about a second of a slow
 * device, since drivers end work that takes some seconds. */
enum { RDNA4_PARTS_MAX = 128 };
#define RDNA4_PART_FLOPS 400e9

/* replay.c: makes memory, command buffer and queries of a complete list. */
int rdna4_cmd_build(struct zinc_cmd *cmd, struct zinc_err *err);
void rdna4_cmd_unbuild(struct zinc_cmd *cmd);
/* Orders a chained list by barriers from now on. */
int rdna4_cmd_unchain(struct zinc_cmd *cmd, struct zinc_err *err);

/* The entries of the backend table. */
int rdna4_cmd_begin(struct zinc_dev *dev, uint32_t flags, struct zinc_buf *scratch,
                    struct zinc_cmd **out, struct zinc_err *err);
int rdna4_cmd_end(struct zinc_cmd *cmd, struct zinc_err *err);
void rdna4_cmd_free(struct zinc_cmd *cmd);
int rdna4_cmd_times(struct zinc_cmd *cmd, uint64_t *ns, uint32_t *n);

#endif
