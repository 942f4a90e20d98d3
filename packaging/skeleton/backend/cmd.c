/* cmd.c - recording ops, and running recordings. A real backend keeps what its
 * API replays (a command buffer, a graph), starts it in submit and returns at
 * once; memory is taken while recording, never in submit. */
#include "proto.h"

#include <string.h>

int proto_cmd_begin(struct zinc_dev *dev, uint32_t flags, struct zinc_buf *scratch,
                    struct zinc_cmd **out, struct zinc_err *err)
{
	const struct zinc_host *host = dev->host;
	struct zinc_cmd *cmd = host->alloc(host->ctx, sizeof(*cmd), sizeof(void *));

	(void)flags;
	(void)scratch; /* no op asks for any */
	if (!cmd)
		return proto_fail(err, ZINC_E_NO_MEMORY, "no memory for a command list");
	*cmd = (struct zinc_cmd){.dev = dev};
	*out = cmd;
	return ZINC_OK;
}

static int grow(struct zinc_cmd *cmd)
{
	const struct zinc_host *host = cmd->dev->host;
	uint32_t room = cmd->room ? 2 * cmd->room : 16;
	struct proto_step *more =
		host->alloc(host->ctx, room * sizeof(*more), _Alignof(struct proto_step));

	if (!more)
		return ZINC_E_NO_MEMORY;
	if (cmd->n)
		memcpy(more, cmd->steps, cmd->n * sizeof(*more));
	host->free(host->ctx, cmd->steps);
	cmd->steps = more;
	cmd->room = room;
	return ZINC_OK;
}

struct proto_step *proto_cmd_step(struct zinc_cmd *cmd)
{
	struct proto_step *step;

	if (!cmd->status && cmd->n == cmd->room)
		cmd->status = grow(cmd);
	if (cmd->status)
		return NULL;
	step = &cmd->steps[cmd->n++];
	memset(step, 0, sizeof(*step));
	return step;
}

int proto_cmd_end(struct zinc_cmd *cmd, struct zinc_err *err)
{
	return cmd->status ? proto_fail(err, cmd->status, "no memory to record an op") : ZINC_OK;
}

void proto_cmd_free(struct zinc_cmd *cmd)
{
	const struct zinc_host *host;

	if (!cmd)
		return;
	host = cmd->dev->host;
	host->free(host->ctx, cmd->steps);
	host->free(host->ctx, cmd);
}

int proto_submit(struct zinc_dev *dev, const struct zinc_submit *s, struct zinc_err *err)
{
	(void)dev;
	for (uint32_t i = 0; i < s->n_wait; i++)
		if (proto_tl_wait(s->wait[i].tl, s->wait[i].value, 0))
			return proto_fail(err, ZINC_E_INVALID,
			                  "a submit waits for what nothing before it signals");
	for (uint32_t i = 0; i < s->n_cmds; i++)
		for (uint32_t k = 0; k < s->cmds[i]->n; k++)
			s->cmds[i]->steps[k].run(&s->cmds[i]->steps[k], s->params);
	for (uint32_t i = 0; i < s->n_signal; i++)
		proto_tl_signal(s->signal[i].tl, s->signal[i].value);
	return ZINC_OK;
}
