/* cmd.c - recording command lists: calls and copies of their descriptors. */
#include "cmd.h"

#include <string.h>
#include <time.h>

#include "pool.h"

enum { DESC_ALIGN = 16 };

struct cpu_call {
	cpu_run_fn *run;
	uint64_t desc; /* offset in descs, which moves while it grows */
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
	uint64_t *times;              /* per call; NULL without ZINC_CMD_PROFILE */
	struct zinc_err err;          /* the first error sticks */
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

static int add_call(struct zinc_cmd *cmd, const char *op, cpu_run_fn *run, const void *desc,
                    uint32_t size)
{
	const struct zinc_host *host = cmd->dev->host;
	uint64_t step = (size + DESC_ALIGN - 1) / DESC_ALIGN * DESC_ALIGN;
	void *calls = cmd->calls, *descs = cmd->descs;
	uint64_t n_bytes = cmd->n_calls * sizeof(struct cpu_call);
	bool ok;

	if (cmd->err.code)
		return cmd->err.code;
	if (cmd->ended)
		return cpu_err(&cmd->err, ZINC_E_INVALID, "%s recorded after cmd_end()", op);
	ok = grow(host, &calls, n_bytes, &cmd->room_calls, n_bytes + sizeof(struct cpu_call));
	cmd->calls = calls;
	ok = ok && grow(host, &descs, cmd->n_descs, &cmd->room_descs, cmd->n_descs + step);
	cmd->descs = descs;
	if (!ok)
		return cpu_err(&cmd->err, ZINC_E_NO_MEMORY,
		               "out of memory while recording %s, op %llu of the list", op,
		               (unsigned long long)cmd->n_calls);
	memcpy(cmd->descs + cmd->n_descs, desc, size);
	cmd->calls[cmd->n_calls++] = (struct cpu_call){run, cmd->n_descs};
	cmd->n_descs += step;
	return ZINC_OK;
}

int cpu_cmd_add(struct zinc_cmd *cmd, cpu_run_fn *run, const void *desc, uint32_t size)
{
	return add_call(cmd, "an op", run, desc, size);
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
		        "%s, op %llu of the list, was recorded though supports() declines it",
		        op->name, (unsigned long long)cmd->n_calls);
	else if (op->scratch && op->scratch(cmd->dev, desc, variant) > have)
		cpu_err(&cmd->err, ZINC_E_INVALID,
		        "%s, op %llu of the list, needs more than the %llu bytes of scratch memory "
		        "given to cmd_begin()",
		        op->name, (unsigned long long)cmd->n_calls, (unsigned long long)have);
}

int cpu_record(struct zinc_cmd *cmd, const struct zinc_op_impl *op, const void *desc,
               uint32_t variant, cpu_run_fn *run)
{
	check_op(cmd, op, desc, variant);
	return add_call(cmd, op->name, run, desc, op->desc_size);
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
	uint64_t bytes = cmd->n_calls * sizeof(*cmd->times);

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
	*n = (uint32_t)cmd->n_calls;
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

void cpu_cmd_run(struct zinc_cmd *cmd, struct cpu_ctx *ctx)
{
	bool timed = cmd->times && ctx->ith == 0;
	uint64_t t0 = timed ? now_ns() : 0;

	ctx->scratch = cmd->scratch ? cmd->scratch->base : NULL;
	for (uint64_t i = 0; i < cmd->n_calls; i++) {
		cmd->calls[i].run(ctx, cmd->descs + cmd->calls[i].desc);
		cpu_pool_barrier(ctx->pool, true);
		if (timed) {
			uint64_t t1 = now_ns();

			cmd->times[i] = t1 - t0;
			t0 = t1;
		}
	}
}
