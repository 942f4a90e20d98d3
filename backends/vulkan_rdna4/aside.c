/* aside.c - which rows of quants lie aside, until something else is written there. */
#include "aside.h"

#include "args.h"
#include "buffer.h"
#include "cmd.h"
#include "layout.h"

static uint64_t row_bytes(void)
{
	return rdna4_act_row_bytes(RDNA4_ACT_Q8, RDNA4_ASIDE_LANES);
}

static struct rdna4_range range_of(const struct zinc_cmd *cmd, uint32_t row, bool write)
{
	return (struct rdna4_range){cmd->aside.memory, row * row_bytes(), (row + 1) * row_bytes(),
	                            write};
}

uint64_t rdna4_aside_place(struct zinc_cmd *cmd, const struct zinc_op_quant_act *q,
                           struct rdna4_call *call)
{
	struct rdna4_aside *a = &cmd->aside;
	struct zinc_err unused;
	uint32_t i = 0;

	while (i < RDNA4_ASIDE_ROWS && a->rows[i].buf)
		i++;
	if (q->n.imm != 1 || q->row_bytes > row_bytes() || i == RDNA4_ASIDE_ROWS)
		return 0;
	if (!a->memory && rdna4_buf_alloc(cmd->dev, RDNA4_ASIDE_ROWS * row_bytes(),
	                                  ZINC_MEM_DEVICE, &a->memory, &unused))
		return 0;
	call->ranges[call->n_ranges++] = range_of(cmd, i, true);
	return a->memory->address + i * row_bytes();
}

void rdna4_aside_note(struct zinc_cmd *cmd, const struct zinc_op_quant_act *q, uint64_t at)
{
	struct rdna4_aside *a = &cmd->aside;

	a->rows[(at - a->memory->address) / row_bytes()] =
		(struct rdna4_range){q->y.buf, q->y.off, q->y.off + q->row_bytes, false};
}

uint64_t rdna4_aside_of(struct zinc_cmd *cmd, struct rdna4_call *call, const struct zinc_view *x)
{
	const struct rdna4_aside *a = &cmd->aside;

	for (uint32_t i = 0; i < RDNA4_ASIDE_ROWS; i++)
		if (a->rows[i].buf && a->rows[i].buf == x->buf && a->rows[i].first == x->off) {
			call->ranges[call->n_ranges++] = range_of(cmd, i, false);
			return a->memory->address + i * row_bytes();
		}
	rdna4_reads(call, x);
	return rdna4_address(x);
}

void rdna4_aside_forget(struct zinc_cmd *cmd, const struct rdna4_range *ranges, uint32_t n)
{
	struct rdna4_range *rows = cmd->aside.rows;

	for (uint32_t i = 0; i < n; i++)
		for (uint32_t k = 0; k < RDNA4_ASIDE_ROWS; k++)
			if (hazard_collide(&ranges[i], &rows[k]))
				rows[k].buf = NULL;
}
