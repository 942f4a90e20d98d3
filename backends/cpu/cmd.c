/* cmd.c - command lists: calls, copies of their descriptors, and the stages that
 * calls form. */
#include "cmd.h"

#include <string.h>
#include <time.h>

#include "hazard.h"
#include "pool.h"

/* As many calls as can be cut into CPU_MAX_PIECES each. */
enum { DESC_ALIGN = 16, STAGE_CALLS = CPU_POOL_PIECES / CPU_MAX_PIECES };

struct cpu_call {
	struct cpu_phase phase;
	uint64_t desc;      /* offset in descs, which moves while it grows */
	uint32_t op;        /* as cmd_times() counts                       */
	uint32_t end;       /* of its pieces, in the stage that is open    */
	uint64_t stage_end; /* of the first call of a stage: the call behind its last */
};

struct zinc_cmd {
	struct zinc_dev *dev;
	struct zinc_buf *scratch;
	uint32_t flags;
	bool ended;
	struct cpu_call *calls;
	uint64_t n_calls, room_calls;
	uint8_t *descs;
	uint64_t n_descs, room_descs; /* bytes */
	uint32_t n_ops;
	uint64_t *times;     /* per op; NULL without ZINC_CMD_PROFILE */
	struct zinc_err err; /* the first error sticks                */

	/* Recording: the last stage, and what it touches. */
	uint64_t last_stage;
	struct hazard hazard;
	/* Running: the open stage is calls [first, end). */
	uint64_t first, end;
	uint64_t opened_ns;
};

/* Makes room for `need` bytes; false when memory is out, nothing changed. */
static bool grow(const struct zinc_host *host, void **mem, uint64_t used, uint64_t *room,
                 uint64_t need)
{
	uint64_t bytes = *room ? *room : 1024;
	void *bigger;

	if (need <= *room)
		return true;
	while (bytes < need)
		bytes *= 2;
	bigger = host->alloc(host->ctx, bytes, DESC_ALIGN);
	if (!bigger)
		return false;
	if (used)
		memcpy(bigger, *mem, used);
	host->free(host->ctx, *mem);
	*mem = bigger;
	*room = bytes;
	return true;
}

/* May the call join the last stage? With ZINC_CMD_PROFILE each stands alone, so that
 * it has a time of its own. */
static bool joins_stage(struct zinc_cmd *cmd, const struct hazard_touch *touch)
{
	return cmd->n_calls && !(cmd->flags & ZINC_CMD_PROFILE) &&
	       cmd->n_calls - cmd->last_stage < STAGE_CALLS && hazard_join(&cmd->hazard, touch);
}

static void add_call(struct zinc_cmd *cmd, const struct cpu_phase *phase, uint64_t desc,
                     const struct hazard_touch *touch)
{
	if (!joins_stage(cmd, touch)) {
		cmd->last_stage = cmd->n_calls;
		cmd->hazard.n = 0;
		hazard_join(&cmd->hazard, touch);
	}
	cmd->calls[cmd->n_calls++] = (struct cpu_call){*phase, desc, cmd->n_ops, 0, 0};
	cmd->calls[cmd->last_stage].stage_end = cmd->n_calls;
}

/* What an op touches; all memory, if that is not known. */
static struct hazard_touch touch_of(const struct zinc_cmd *cmd, const struct zinc_op_impl *op,
                                    const void *desc)
{
	struct hazard_touch touch;

	if (!hazard_of(op->op, desc, &touch))
		hazard_touch(&touch, 0, UINTPTR_MAX, true);
	if (op->scratch && cmd->scratch)
		hazard_touch(&touch, (uintptr_t)cmd->scratch->base, cmd->scratch->bytes,
		             true);
	return touch;
}

static bool make_room(struct zinc_cmd *cmd, uint64_t desc_bytes)
{
	const struct zinc_host *host = cmd->dev->host;
	void *calls = cmd->calls, *descs = cmd->descs;
	uint64_t used = cmd->n_calls * sizeof(struct cpu_call);
	bool ok = grow(host, &calls, used, &cmd->room_calls, used + 2 * sizeof(struct cpu_call));

	cmd->calls = calls;
	ok = ok && grow(host, &descs, cmd->n_descs, &cmd->room_descs, cmd->n_descs + desc_bytes);
	cmd->descs = descs;
	return ok;
}

int cpu_cmd_add(struct zinc_cmd *cmd, const struct zinc_op_impl *op, const void *desc,
                const struct cpu_work *work)
{
	uint64_t step = (op->desc_size + DESC_ALIGN - UINT64_C(1)) / DESC_ALIGN * DESC_ALIGN;
	struct hazard_touch touch;

	if (cmd->err.code)
		return cmd->err.code;
	if (cmd->ended)
		return cpu_err(&cmd->err, ZINC_E_INVALID, "%s recorded after cmd_end()", op->name);
	if (!make_room(cmd, step))
		return cpu_err(&cmd->err, ZINC_E_NO_MEMORY,
		               "out of memory while recording %s, op %u of the list", op->name,
		               cmd->n_ops);
	touch = touch_of(cmd, op, desc);
	memcpy(cmd->descs + cmd->n_descs, desc, op->desc_size);
	add_call(cmd, &work->first, cmd->n_descs, &touch);
	if (work->second.run)
		add_call(cmd, &work->second, cmd->n_descs, &touch);
	cmd->n_descs += step;
	cmd->n_ops++;
	return ZINC_OK;
}

struct zinc_dev *cpu_cmd_dev(struct zinc_cmd *cmd)
{
	return cmd->dev;
}

/* What is wrong with recording this op, if anything, sticks to the list. */
static void check_op(struct zinc_cmd *cmd, const struct zinc_op_impl *op, const void *desc,
                     uint32_t variant)
{
	uint64_t have = cmd->scratch ? cmd->scratch->bytes : 0;

	if (cmd->err.code)
		return;
	if (op->supports(cmd->dev, desc, variant) != ZINC_OK)
		cpu_err(&cmd->err, ZINC_E_UNSUPPORTED,
		        "%s, op %u of the list, was recorded though supports() declines it",
		        op->name, cmd->n_ops);
	else if (op->scratch && op->scratch(cmd->dev, desc, variant) > have)
		cpu_err(&cmd->err, ZINC_E_INVALID,
		        "%s, op %u of the list, needs more than the %llu bytes of scratch memory "
		        "given to cmd_begin()",
		        op->name, cmd->n_ops, (unsigned long long)have);
}

int cpu_record(struct zinc_cmd *cmd, const struct zinc_op_impl *op, const void *desc,
               uint32_t variant, const struct cpu_work *work)
{
	check_op(cmd, op, desc, variant);
	return cpu_cmd_add(cmd, op, desc, work);
}

int cpu_cmd_begin(struct zinc_dev *dev, uint32_t flags, struct zinc_buf *scratch,
                  struct zinc_cmd **out, struct zinc_err *err)
{
	struct zinc_cmd *cmd;

	if (flags & ~ZINC_CMD_PROFILE)
		return cpu_err(err, ZINC_E_UNSUPPORTED, "unknown command list flags %#x", flags);
	cmd = dev->host->alloc(dev->host->ctx, sizeof(*cmd), _Alignof(struct zinc_cmd));
	if (!cmd)
		return cpu_err(err, ZINC_E_NO_MEMORY, "out of memory for a command list");
	memset(cmd, 0, sizeof(*cmd));
	cmd->dev = dev;
	cmd->scratch = scratch;
	cmd->flags = flags;
	*out = cmd;
	return ZINC_OK;
}

int cpu_cmd_end(struct zinc_cmd *cmd, struct zinc_err *err)
{
	const struct zinc_host *host = cmd->dev->host;
	uint64_t bytes = cmd->n_ops * sizeof(*cmd->times);

	if (!cmd->err.code && cmd->ended)
		cpu_err(&cmd->err, ZINC_E_INVALID, "cmd_end() was called twice");
	if (!cmd->err.code && (cmd->flags & ZINC_CMD_PROFILE) && bytes) {
		cmd->times = host->alloc(host->ctx, bytes, sizeof(*cmd->times));
		if (cmd->times)
			memset(cmd->times, 0, bytes);
		else
			cpu_err(&cmd->err, ZINC_E_NO_MEMORY, "out of memory for the op times");
	}
	cmd->ended = true;
	if (err && cmd->err.code)
		*err = cmd->err;
	return cmd->err.code;
}

void cpu_cmd_free(struct zinc_cmd *cmd)
{
	const struct zinc_host *host;

	if (!cmd)
		return;
	host = cmd->dev->host;
	host->free(host->ctx, cmd->times);
	host->free(host->ctx, cmd->descs);
	host->free(host->ctx, cmd->calls);
	host->free(host->ctx, cmd);
}

int cpu_cmd_times(struct zinc_cmd *cmd, uint64_t *ns, uint32_t *n)
{
	uint32_t room = *n;

	if (!(cmd->flags & ZINC_CMD_PROFILE))
		return ZINC_E_UNSUPPORTED;
	if (!cpu_cmd_is_ready(cmd))
		return ZINC_E_INVALID;
	*n = cmd->n_ops;
	if (room > *n)
		room = *n;
	if (room)
		memcpy(ns, cmd->times, room * sizeof(*ns));
	return ZINC_OK;
}

bool cpu_cmd_is_ready(const struct zinc_cmd *cmd)
{
	return cmd->ended && !cmd->err.code;
}

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

void cpu_cmd_rewind(struct zinc_cmd *cmd)
{
	cmd->first = cmd->end = 0;
	if (cmd->times)
		memset(cmd->times, 0, cmd->n_ops * sizeof(*cmd->times));
}

/* The stage that was open took until now. */
static void take_time(struct zinc_cmd *cmd)
{
	uint64_t now = now_ns();

	if (cmd->first < cmd->end)
		cmd->times[cmd->calls[cmd->first].op] += now - cmd->opened_ns;
	cmd->opened_ns = now;
}

/* Cuts the calls of the stage [first, end). */
static uint32_t cut_stage(struct zinc_cmd *cmd, const struct cpu_ctx *ctx)
{
	uint32_t pieces = 0;

	for (uint64_t i = cmd->first; i < cmd->end; i++) {
		struct cpu_call *call = &cmd->calls[i];
		uint64_t n = call->phase.cut(ctx, cmd->descs + call->desc);

		pieces += n < CPU_MAX_PIECES ? (uint32_t)n : CPU_MAX_PIECES;
		call->end = pieces;
	}
	return pieces;
}

uint32_t cpu_cmd_next(struct zinc_cmd *cmd, const struct cpu_ctx *ctx)
{
	uint32_t pieces = 0;

	if (cmd->times)
		take_time(cmd);
	while (!pieces && cmd->end < cmd->n_calls) {
		cmd->first = cmd->end;
		cmd->end = cmd->calls[cmd->first].stage_end;
		pieces = cut_stage(cmd, ctx);
	}
	return pieces;
}

void cpu_cmd_run_piece(struct zinc_cmd *cmd, struct cpu_ctx *ctx, uint32_t piece)
{
	const struct cpu_call *call = &cmd->calls[cmd->first];
	uint32_t before = 0;

	while (piece >= call->end)
		before = call++->end;
	ctx->piece = piece - before;
	ctx->n_pieces = call->end - before;
	ctx->scratch = cmd->scratch ? cmd->scratch->base : NULL;
	call->phase.run(ctx, cmd->descs + call->desc);
}
