/* aside.h - quants that lie in memory of the list's own. A dispatch that quantises its
 * result itself cannot always leave the quants where the planner has them: that place may
 * be one of its own inputs, dead by the time of a quant_act. So it leaves them aside, and
 * the products that read that place read them here. Rows of one token only. */
#ifndef RDNA4_ASIDE_H
#define RDNA4_ASIDE_H

#include "rdna4.h"

enum { RDNA4_ASIDE_ROWS = 8, RDNA4_ASIDE_LANES = 24576 };

struct rdna4_aside {
	struct zinc_buf *memory; /* NULL: none yet */
	struct rdna4_range rows[RDNA4_ASIDE_ROWS]; /* what each stands for; buf NULL: free */
};

/* Where the call may leave what q writes, which becomes one of its ranges; 0: nowhere. */
uint64_t rdna4_aside_place(struct zinc_cmd *cmd, const struct zinc_op_quant_act *q,
                           struct rdna4_call *call);
/* The call that leaves the quants of q at `at` is recorded. */
void rdna4_aside_note(struct zinc_cmd *cmd, const struct zinc_op_quant_act *q, uint64_t at);
/* Where x lies, which becomes one of the call's ranges. */
uint64_t rdna4_aside_of(struct zinc_cmd *cmd, struct rdna4_call *call, const struct zinc_view *x);
/* These ranges are recorded: what they write lies where the planner has it. */
void rdna4_aside_forget(struct zinc_cmd *cmd, const struct rdna4_range *ranges, uint32_t n);

#endif
