/* cmd.c - recording ops, and submitting recordings. */
#include "null.h"

#include <string.h>

int null_cmd_begin(struct zinc_dev *dev, uint32_t flags, struct zinc_buf *scratch,
                   struct zinc_cmd **out, struct zinc_err *err)
{
	const struct zinc_host *host = dev->host;
	struct zinc_cmd *cmd = host->alloc(host->ctx, sizeof(*cmd), sizeof(void *));

	(void)flags;
	(void)scratch;
	if (!cmd)
		return null_fail(err, ZINC_E_NO_MEMORY, "no memory for a command list", "");
	*cmd = (struct zinc_cmd){ .dev = dev };
	*out = cmd;
	return ZINC_OK;
}

static int grow(struct zinc_cmd *cmd)
{
	const struct zinc_host *host = cmd->dev->host;
	uint32_t room = cmd->room ? 2 * cmd->room : 64;
	uint32_t *ops = host->alloc(host->ctx, room * sizeof(*ops), sizeof(void *));

	if (!ops)
		return ZINC_E_NO_MEMORY;
	if (cmd->n)
		memcpy(ops, cmd->ops, cmd->n * sizeof(*ops));
	host->free(host->ctx, cmd->ops);
	cmd->ops = ops;
	cmd->room = room;
	return ZINC_OK;
}

int null_cmd_append(struct zinc_cmd *cmd, uint32_t op, const char *name)
{
	if (cmd->status == ZINC_OK && cmd->n == cmd->room) {
		cmd->status = grow(cmd);
		cmd->culprit = name;
	}
	if (cmd->status == ZINC_OK)
		cmd->ops[cmd->n++] = op;
	return cmd->status;
}

int null_cmd_end(struct zinc_cmd *cmd, struct zinc_err *err)
{
	if (cmd->status != ZINC_OK)
		return null_fail(err, cmd->status, "no memory to record ", cmd->culprit);
	return ZINC_OK;
}

void null_cmd_free(struct zinc_cmd *cmd)
{
	const struct zinc_host *host;

	if (!cmd)
		return;
	host = cmd->dev->host;
	host->free(host->ctx, cmd->ops);
	host->free(host->ctx, cmd);
}

/* Work is done as soon as it is submitted, so what it waits for must have
 * happened before. */
int null_submit(struct zinc_dev *dev, const struct zinc_submit *s, struct zinc_err *err)
{
	(void)dev;
	for (uint32_t i = 0; i < s->n_wait; i++)
		if (null_tl_wait(s->wait[i].tl, s->wait[i].value, 0) != ZINC_OK)
			return null_fail(err, ZINC_E_INVALID,
			                 "a submit waits for what nothing before it signals", "");
	for (uint32_t i = 0; i < s->n_signal; i++)
		null_tl_signal(s->signal[i].tl, s->signal[i].value);
	return ZINC_OK;
}
