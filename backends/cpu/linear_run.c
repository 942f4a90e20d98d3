/* linear_run.c - what a thread does inside dmmv and mmq: it takes pieces of the
 * product (a panel of columns, of one expert in the expert form, times a range
 * of rows), and writes them with the epilogue. */
#include <math.h>
#include <string.h>

#include "kernels.h"
#include "linear.h"

#define TASK_ROWS 64u /* at most; times LIN_PANEL floats on the stack, twice */

/* The pieces of one call are numbered expert by expert, panel by panel, and by
 * rows inside. */
struct lin_work {
	const struct zinc_op_linear *op;
	const struct lin_isa *isa;
	const struct cpu_kernels *kernels;
	bool q8;
	bool x_per_cell;           /* x is [N, k, K]                       */
	uint32_t n, k_experts;     /* tokens; experts per token, 0: plain  */
	uint32_t task_rows, n_row_tasks;
	uint32_t n_experts;        /* 1 in the plain form                  */
	const int32_t *first, *perm;
};

/* Where one piece lies. */
struct lin_piece {
	uint32_t expert, row0, n_rows;
	uint32_t n_cols;
	const void *x[LIN_PANEL];
	float *y[LIN_PANEL];
	const float *residual[LIN_PANEL];
};

/* Rows of a piece: whole cache lines of y, and several pieces for each thread. */
static uint32_t choose_task_rows(uint32_t m, uint32_t nth)
{
	uint32_t rows = TASK_ROWS;

	while (rows > 16 && m / rows < 8 * nth)
		rows /= 2;
	return rows;
}

static struct lin_work begin_work(const struct cpu_ctx *ctx, const struct zinc_op_linear *op,
                                  bool q8)
{
	struct lin_work w = {.op = op, .isa = lin_isa_of(ctx->dev->isa), .q8 = q8};

	w.kernels = ctx->dev->kernels;
	w.n = cpu_live(ctx, op->n);
	w.n_experts = 1;
	if (zinc_view_present(&op->ids)) {
		w.k_experts = op->y.ne[1];
		w.n_experts = op->w.ne[2];
		w.x_per_cell = op->x.ne[1] == op->y.ne[1] && op->x.ne[2] == op->y.ne[2];
		w.first = (const int32_t *)(const void *)cpu_ptr(&op->expert_first);
		w.perm = (const int32_t *)(const void *)cpu_ptr(&op->perm);
	}
	w.task_rows = choose_task_rows(op->w.ne[1], ctx->nth);
	w.n_row_tasks = (op->w.ne[1] + w.task_rows - 1) / w.task_rows;
	return w;
}

/* Columns of an expert. */
static uint32_t columns_of(const struct lin_work *w, uint32_t expert)
{
	return w->first ? (uint32_t)(w->first[expert + 1] - w->first[expert]) : w->n;
}

static uint32_t panels_of(const struct lin_work *w, uint32_t expert)
{
	return (columns_of(w, expert) + LIN_PANEL - 1) / LIN_PANEL;
}

static uint32_t pieces_of(const struct lin_work *w, uint32_t expert)
{
	return panels_of(w, expert) * w->n_row_tasks;
}

static const void *column_x(const struct lin_work *w, uint32_t token, uint32_t slot)
{
	const struct zinc_view *x = &w->op->x;
	uint64_t row = w->x_per_cell ? (uint64_t)token * w->k_experts + slot : token;

	if (w->q8)
		return cpu_ptr(x) + row * lin_act_row_bytes(x->ne[0]);
	return w->x_per_cell ? cpu_f32(x, slot, token) : cpu_f32(x, token, 0);
}

/* Points column c of the piece at cell `cell` (a token in the plain form). */
static void place_column(const struct lin_work *w, struct lin_piece *p, uint32_t c, uint32_t cell)
{
	const struct zinc_op_linear *op = w->op;
	bool plain = !w->first;
	uint32_t token = plain ? cell : cell / w->k_experts;
	uint32_t slot = plain ? 0 : cell % w->k_experts;
	uint32_t i1 = plain ? token : slot, i2 = plain ? 0 : token;

	p->x[c] = column_x(w, token, slot);
	p->y[c] = cpu_f32(&op->y, i1, i2) + p->row0;
	if (zinc_view_present(&op->residual))
		p->residual[c] = cpu_f32(&op->residual, i1, i2) + p->row0;
}

/* Panels of nearly equal width: one column left over would unpack all again. */
static void place_piece(const struct lin_work *w, struct lin_piece *p, uint32_t expert,
                        uint32_t index)
{
	uint64_t n = columns_of(w, expert), panels = panels_of(w, expert);
	uint64_t panel = index / w->n_row_tasks;
	uint32_t col0 = (uint32_t)(n * panel / panels), m = w->op->w.ne[1];

	p->expert = expert;
	p->row0 = index % w->n_row_tasks * w->task_rows;
	p->n_rows = m - p->row0 < w->task_rows ? m - p->row0 : w->task_rows;
	p->n_cols = (uint32_t)(n * (panel + 1) / panels) - col0;
	for (uint32_t c = 0; c < p->n_cols; c++) {
		uint32_t i = col0 + c;

		place_column(w, p, c, w->first ? (uint32_t)w->perm[(uint32_t)w->first[expert] + i]
		                               : i);
	}
}

static void multiply(const struct lin_work *w, const struct lin_piece *p,
                     const struct zinc_view *matrix, float *out)
{
	struct lin_product product = {
		.isa = w->isa,
		.rows = lin_rows_of(matrix, p->expert, p->row0),
		.k = matrix->ne[0],
		.n_rows = p->n_rows,
		.n_cols = p->n_cols,
		.x = p->x,
		.out = out,
	};

	if (w->q8)
		lin_product_q8(&product);
	else
		lin_product_f32(&product);
}

/* The epilogue of column c; out and gate are its sums. */
static void write_column(const struct lin_work *w, const struct lin_piece *p, uint32_t c,
                         float *out, const float *gate)
{
	float scale = w->op->scale != 0.0f ? w->op->scale : 1.0f;
	const float *residual = p->residual[c];

	for (uint32_t r = 0; r < p->n_rows; r++)
		out[r] *= scale;
	if (gate)
		w->kernels->glu[w->op->act](out, gate, out, INFINITY, p->n_rows);
	for (uint32_t r = 0; residual && r < p->n_rows; r++)
		out[r] += residual[r];
	memcpy(p->y[c], out, p->n_rows * sizeof(*out));
}

static void run_piece(const struct lin_work *w, const struct lin_piece *p)
{
	_Alignas(64) float out[LIN_PANEL * TASK_ROWS], gate[LIN_PANEL * TASK_ROWS];
	bool gated = zinc_view_present(&w->op->gate_w);

	multiply(w, p, &w->op->w, out);
	if (gated)
		multiply(w, p, &w->op->gate_w, gate);
	for (uint32_t c = 0; c < p->n_cols; c++)
		write_column(w, p, c, out + c * p->n_rows, gated ? gate + c * p->n_rows : NULL);
}

static void run(const struct cpu_ctx *ctx, const struct zinc_op_linear *op, bool q8)
{
	struct lin_work w = begin_work(ctx, op, q8);
	struct lin_piece piece = {0};
	uint32_t expert = 0, before = 0; /* pieces of the experts before */

	for (;;) {
		uint32_t i = cpu_take(ctx);

		while (expert < w.n_experts && i - before >= pieces_of(&w, expert))
			before += pieces_of(&w, expert++);
		if (expert == w.n_experts)
			return;
		place_piece(&w, &piece, expert, i - before);
		run_piece(&w, &piece);
	}
}

void lin_run_q8(const struct cpu_ctx *ctx, const void *desc)
{
	run(ctx, desc, true);
}

void lin_run_f32(const struct cpu_ctx *ctx, const void *desc)
{
	run(ctx, desc, false);
}
