/* cmd.h - a recorded list of calls, as submit.c runs it. */
#ifndef CPU_CMD_H
#define CPU_CMD_H

#include "cpu.h"

/* Starts over before the first stage, and forgets the times. */
void cpu_cmd_rewind(struct zinc_cmd *cmd);
/* Opens the next stage: calls that may run side by side. Returns its number of
 * pieces; 0: the list is done. */
uint32_t cpu_cmd_next(struct zinc_cmd *cmd, const struct cpu_ctx *ctx);
/* Runs one piece of the open stage; ctx without piece, n_pieces and scratch. */
void cpu_cmd_run_piece(struct zinc_cmd *cmd, struct cpu_ctx *ctx, uint32_t piece);

/* Ended without an error, so that it may be submitted. */
bool cpu_cmd_is_ready(const struct zinc_cmd *cmd);

/* The entries of the backend table. */
int cpu_cmd_begin(struct zinc_dev *dev, uint32_t flags, struct zinc_buf *scratch,
                  struct zinc_cmd **out, struct zinc_err *err);
int cpu_cmd_end(struct zinc_cmd *cmd, struct zinc_err *err);
void cpu_cmd_free(struct zinc_cmd *cmd);
int cpu_cmd_times(struct zinc_cmd *cmd, uint64_t *ns, uint32_t *n);

#endif
