/* cmd.h - a recorded list of dispatches, and what replays it. */
#ifndef RDNA4_CMD_H
#define RDNA4_CMD_H

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
};

struct zinc_cmd {
	struct zinc_dev *dev;
	struct zinc_buf *scratch;
	uint32_t flags;
	bool ended;
	struct rdna4_step *steps;
	uint64_t n_steps, room_steps;
	uint8_t *args;
	uint64_t n_args, room_args; /* bytes */
	uint32_t n_ops;
	const char *op;             /* being recorded */
	struct hazard hazard;
	struct zinc_err err;        /* the first error sticks */
	/* Parameter slots, then the arguments too big for push constants. */
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

/* Bytes of the parameter slots in front of the arguments. */
#define RDNA4_PARAM_BYTES (ZINC_SLOT_COUNT * sizeof(uint32_t))

/* replay.c: makes memory, command buffer and queries of a complete list. */
int rdna4_cmd_build(struct zinc_cmd *cmd, struct zinc_err *err);
void rdna4_cmd_unbuild(struct zinc_cmd *cmd);

/* The entries of the backend table. */
int rdna4_cmd_begin(struct zinc_dev *dev, uint32_t flags, struct zinc_buf *scratch,
                    struct zinc_cmd **out, struct zinc_err *err);
int rdna4_cmd_end(struct zinc_cmd *cmd, struct zinc_err *err);
void rdna4_cmd_free(struct zinc_cmd *cmd);
int rdna4_cmd_times(struct zinc_cmd *cmd, uint64_t *ns, uint32_t *n);

#endif
