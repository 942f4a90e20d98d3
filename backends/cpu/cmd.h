/* cmd.h - a recorded list of calls, as submit.c runs it. */
#ifndef CPU_CMD_H
#define CPU_CMD_H

#include "cpu.h"

/* Runs all calls on this thread's behalf; every thread of the pool is in here
 * at the same time. ctx->scratch is set from the list. */
void cpu_cmd_run(struct zinc_cmd *cmd, struct cpu_ctx *ctx);

/* Ended without an error, so that it may be submitted. */
bool cpu_cmd_is_ready(const struct zinc_cmd *cmd);

/* The entries of the backend table. */
int cpu_cmd_begin(struct zinc_dev *dev, uint32_t flags, struct zinc_buf *scratch,
                  struct zinc_cmd **out, struct zinc_err *err);
int cpu_cmd_end(struct zinc_cmd *cmd, struct zinc_err *err);
void cpu_cmd_free(struct zinc_cmd *cmd);
int cpu_cmd_times(struct zinc_cmd *cmd, uint64_t *ns, uint32_t *n);

#endif
