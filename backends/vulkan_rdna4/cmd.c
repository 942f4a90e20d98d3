/* cmd.c - recording: the list of dispatches and their arguments. */
#include "cmd.h"

#include "join.h"

#include <string.h>

enum { ARGS_ALIGN = 16 };

/* Makes room for `need` bytes; false when memory is out, nothing changed. */
static bool grow(const struct zinc_host *host, void **mem, uint64_t used, uint64_t *room,
                 uint64_t need)
{
	uint64_t bytes = *room ? *room : 4096;
	void *bigger;

	if (need <= *room)
		return true;
	while (bytes < need)
		bytes *= 2;
	bigger = rdna4_calloc(host, 1, (size_t)bytes);
	if (!bigger)
		return false;
	if (used)
		memcpy(bigger, *mem, (size_t)used);
	rdna4_free(host, *mem);
	*mem = bigger;
	*room = bytes;
	return true;
}

/* Puts the call behind the first n_steps and n_args, without a barrier. */
static int put_step(struct zinc_cmd *cmd, const struct rdna4_call *call,
                    struct rdna4_pipeline *pipeline)
{
	const struct zinc_host *host = cmd->dev->host;
	uint64_t used = cmd->n_steps * sizeof(struct rdna4_step);
	uint64_t bytes = (call->args_bytes + ARGS_ALIGN - 1) / ARGS_ALIGN * ARGS_ALIGN;
	uint64_t more = (call->more_bytes + ARGS_ALIGN - 1) / ARGS_ALIGN * ARGS_ALIGN;
	void *steps = cmd->steps, *args = cmd->args;
	struct rdna4_step *s;
	bool ok = pipeline && grow(host, &steps, used, &cmd->room_steps, used + sizeof(*s));

	cmd->steps = steps;
	ok = ok && grow(host, &args, cmd->n_args, &cmd->room_args, cmd->n_args + bytes + more);
	cmd->args = args;
	if (!ok)
		return rdna4_err(&cmd->err, ZINC_E_NO_MEMORY,
		                 "out of memory while recording %s, op %u of the list", cmd->op,
		                 cmd->n_ops - 1);
	memcpy(cmd->args + cmd->n_args, call->args, call->args_bytes);
	memset(cmd->args + cmd->n_args + bytes, 0, (size_t)more);
	if (call->more)
		memcpy(cmd->args + cmd->n_args + bytes, call->more, call->more_bytes);
	s = &cmd->steps[cmd->n_steps++];
	*s = (struct rdna4_step){.pipeline = pipeline, .op = cmd->n_ops - 1,
	                         .args = cmd->n_args, .args_bytes = call->args_bytes,
	                         .more = cmd->n_args + bytes, .more_bytes = call->more_bytes,
	                         .flops = call->flops, .signals = call->signals};
	memcpy(s->groups, call->groups, sizeof(s->groups));
	cmd->n_args += bytes + more;
	return ZINC_OK;
}

bool rdna4_is_input(const struct zinc_cmd *cmd, const struct zinc_view *v)
{
	return !hazard_wrote(&cmd->hazard, v->buf);
}

static struct rdna4_pipeline *pipeline_of(struct zinc_cmd *cmd, const struct rdna4_call *call)
{
	return rdna4_pipelines_get(cmd->dev->pipelines, call->shader, call->spec, call->n_spec);
}

int rdna4_dispatch(struct zinc_cmd *cmd, struct rdna4_call *call)
{
	int rc;

	if (cmd->err.code)
		return cmd->err.code;
	if (!call->groups[0] || !call->groups[1] || !call->groups[2])
		return ZINC_OK;
	rc = put_step(cmd, call, pipeline_of(cmd, call));
	if (rc)
		return rc;
	cmd->steps[cmd->n_steps - 1].barrier =
		hazard_add(&cmd->hazard, call->ranges, call->n_ranges);
	rdna4_aside_forget(cmd, call->ranges, call->n_ranges);
	return ZINC_OK;
}

bool rdna4_call_before(const struct zinc_cmd *cmd, const char *shader, struct rdna4_call *call,
                       void *args, uint32_t args_bytes)
{
	const struct rdna4_step *s = cmd->n_steps ? &cmd->steps[cmd->n_steps - 1] : NULL;

	if (cmd->err.code || !s || strcmp(s->pipeline->shader, shader) ||
	    s->args_bytes != args_bytes)
		return false;
	*call = (struct rdna4_call){.shader = s->pipeline->shader, .n_spec = s->pipeline->n_spec,
	                            .args = args, .args_bytes = args_bytes,
	                            .more = cmd->args + s->more, .more_bytes = s->more_bytes,
	                            .signals = s->signals};
	memcpy(call->spec, s->pipeline->spec, sizeof(call->spec));
	memcpy(call->groups, s->groups, sizeof(call->groups));
	memcpy(args, cmd->args + s->args, args_bytes);
	return true;
}

bool rdna4_call_instead(struct zinc_cmd *cmd, struct rdna4_call *call)
{
	struct rdna4_step last = cmd->steps[cmd->n_steps - 1];
	struct rdna4_pipeline *pipeline = pipeline_of(cmd, call);

	if (!pipeline || !hazard_join(&cmd->hazard, call->ranges, call->n_ranges, call->behind))
		return false;
	rdna4_aside_forget(cmd, call->ranges, call->n_ranges);
	cmd->n_steps--;
	cmd->n_args = last.args;
	if (put_step(cmd, call, pipeline))
		return true;
	cmd->steps[cmd->n_steps - 1].op = last.op;
	cmd->steps[cmd->n_steps - 1].barrier = last.barrier;
	cmd->steps[cmd->n_steps - 1].flops = last.flops;
	return true;
}

bool rdna4_quants_instead(struct zinc_cmd *cmd, const struct zinc_op_quant_act *q,
                          struct rdna4_call *call, uint64_t *at)
{
	uint32_t n_ranges = call->n_ranges;

	*at = rdna4_address(&q->y);
	rdna4_writes(call, &q->y);
	if (rdna4_call_instead(cmd, call))
		return true;
	call->n_ranges = n_ranges;
	*at = rdna4_aside_place(cmd, q, call);
	if (!*at || !rdna4_call_instead(cmd, call))
		return false;
	rdna4_aside_note(cmd, q, *at);
	return true;
}

/* What is wrong with recording this op, if anything, sticks to the list. */
static int check_op(struct zinc_cmd *cmd, const struct zinc_op_impl *op, const void *desc,
                    uint32_t variant)
{
	uint64_t have = cmd->scratch ? cmd->scratch->bytes : 0;

	if (cmd->err.code)
		return cmd->err.code;
	if (cmd->ended)
		return rdna4_err(&cmd->err, ZINC_E_INVALID, "%s recorded after cmd_end()",
		                 op->name);
	if (op->supports(cmd->dev, desc, variant) != ZINC_OK)
		return rdna4_err(&cmd->err, ZINC_E_UNSUPPORTED,
		                 "%s, op %u of the list, was recorded though supports() declines "
		                 "it", op->name, cmd->n_ops);
	if (op->scratch && op->scratch(cmd->dev, desc, variant) > have)
		return rdna4_err(&cmd->err, ZINC_E_INVALID,
		                 "%s, op %u of the list, needs more than the %llu bytes of "
		                 "scratch memory given to cmd_begin()", op->name, cmd->n_ops,
		                 (unsigned long long)have);
	return ZINC_OK;
}

int rdna4_record(struct zinc_cmd *cmd, const struct zinc_op_impl *op, const void *desc,
                 uint32_t variant, rdna4_record_fn *fn)
{
	int rc = check_op(cmd, op, desc, variant);

	if (rc)
		return rc;
	cmd->op = op->name;
	cmd->n_ops++;
	return fn(cmd, desc, variant);
}

struct zinc_dev *rdna4_cmd_dev(const struct zinc_cmd *cmd)
{
	return cmd->dev;
}

struct zinc_view rdna4_cmd_scratch(const struct zinc_cmd *cmd)
{
	struct zinc_view v = {.buf = cmd->scratch, .dtype = ZINC_U8, .ne = {1, 1, 1, 1}};

	for (int i = 0; i < ZINC_MAX_DIMS; i++)
		v.nb[i] = cmd->scratch ? cmd->scratch->bytes : 0;
	return v;
}

int rdna4_cmd_begin(struct zinc_dev *dev, uint32_t flags, struct zinc_buf *scratch,
                    struct zinc_cmd **out, struct zinc_err *err)
{
	struct zinc_cmd *cmd;

	if (flags & ~ZINC_CMD_PROFILE)
		return rdna4_err(err, ZINC_E_UNSUPPORTED, "unknown command list flags %#x", flags);
	cmd = rdna4_calloc(dev->host, 1, sizeof(*cmd));
	if (!cmd)
		return rdna4_err(err, ZINC_E_NO_MEMORY, "out of memory for a command list");
	cmd->dev = dev;
	cmd->scratch = scratch;
	cmd->flags = flags;
	*out = cmd;
	return ZINC_OK;
}

int rdna4_cmd_end(struct zinc_cmd *cmd, struct zinc_err *err)
{
	if (!cmd->err.code && cmd->ended)
		rdna4_err(&cmd->err, ZINC_E_INVALID, "cmd_end() was called twice");
	if (!cmd->err.code)
		rdna4_cmd_build(cmd, &cmd->err);
	cmd->ended = true;
	if (err && cmd->err.code)
		*err = cmd->err;
	return cmd->err.code;
}

void rdna4_cmd_free(struct zinc_cmd *cmd)
{
	const struct zinc_host *host;

	if (!cmd)
		return;
	host = cmd->dev->host;
	rdna4_cmd_unbuild(cmd);
	rdna4_free(host, cmd->args);
	rdna4_free(host, cmd->steps);
	rdna4_free(host, cmd);
}
