/* linear_run.c - how dmmv and mmq are cut, and what becomes of a piece: a panel of
 * columns, of one expert in the expert form, times a range of rows, written with
 * the epilogue. */
#include <math.h>
#include <string.h>

#include "kernels.h"
#include "linear.h"
#include "shape.h"

#define TASK_ROWS 64u    /* at most, of a whole panel; their sums are on the stack, twice */
#define TASK_SUMS (LIN_PANEL * TASK_ROWS)
#define FEW_COLS 8u      /* columns of a panel that leave room for longer ranges:        */
#define FEW_TASK_ROWS 256u

/* The units of one call are numbered expert by expert (those that have columns),
 * panel by panel, and by rows inside. */
struct lin_work {
	const struct zinc_op_linear *op;
	const struct lin_isa *isa;
	const struct cpu_kernels *kernels;
	bool q8;
	bool x_per_cell;           /* x is [N, k, K]                       */
	uint32_t n, k_experts;     /* tokens; experts per token, 0: plain  */
	uint32_t task_rows, n_row_tasks;
	const int32_t *ids, *first, *perm; /* NULL in the plain form       */
};

/* The columns of one expert. */
struct lin_group {
	uint32_t expert, n_cols;
	uint32_t cell; /* in perm, the first */
};

/* Where one piece lies. */
struct lin_piece {
	uint32_t expert, row0, n_rows;
	uint32_t n_cols;
	const void *x[LIN_PANEL];
	float *y[LIN_PANEL];
	const float *residual[LIN_PANEL];
};

static uint32_t panels_of(uint32_t n_cols)
{
	return (n_cols + LIN_PANEL - 1) / LIN_PANEL;
}

/* Columns of all experts together. */
static uint32_t n_cells(const struct lin_work *w)
{
	return w->ids ? w->n * w->k_experts : w->n;
}

/* Rows of a unit: whole cache lines of y, long enough to be read as one stream, and
 * several units for each thread. */
static uint32_t choose_task_rows(const struct lin_work *w, uint32_t nth)
{
	uint32_t cells = n_cells(w), m = w->op->w.ne[1];
	uint32_t n_experts = w->ids ? w->op->w.ne[2] : 1;
	uint32_t groups = cells < n_experts ? cells : n_experts;
	uint64_t panels = groups > panels_of(cells) ? groups : panels_of(cells);
	uint32_t rows = cells <= FEW_COLS ? FEW_TASK_ROWS : TASK_ROWS;

	while (rows > 16 && panels * (m / rows) < 12 * (uint64_t)nth)
		rows /= 2;
	return rows;
}

static struct lin_work begin_work(const struct cpu_ctx *ctx, const struct zinc_op_linear *op,
                                  bool q8)
{
	struct lin_work w = {.op = op, .isa = lin_isa_of(ctx->dev->isa), .q8 = q8};

	w.kernels = ctx->dev->kernels;
	w.n = cpu_live(ctx, op->n);
	if (zinc_view_present(&op->ids)) {
		w.k_experts = op->y.ne[1];
		w.x_per_cell = op->x.ne[1] == op->y.ne[1] && op->x.ne[2] == op->y.ne[2];
		w.ids = (const int32_t *)(const void *)cpu_ptr(&op->ids);
		w.first = (const int32_t *)(const void *)cpu_ptr(&op->expert_first);
		w.perm = (const int32_t *)(const void *)cpu_ptr(&op->perm);
	}
	w.task_rows = choose_task_rows(&w, ctx->nth);
	w.n_row_tasks = (op->w.ne[1] + w.task_rows - 1) / w.task_rows;
	return w;
}

/* The group that begins with this cell of perm; false behind the last. */
static bool group_at(const struct lin_work *w, uint32_t cell, struct lin_group *g)
{
	*g = (struct lin_group){0, w->n, cell};
	if (!w->ids)
		return cell == 0 && w->n;
	if (cell >= w->n * w->k_experts)
		return false;
	g->expert = (uint32_t)w->ids[w->perm[cell]];
	g->n_cols = (uint32_t)(w->first[g->expert + 1] - w->first[g->expert]);
	return true;
}

static uint64_t units_of(const struct lin_work *w, const struct lin_group *g)
{
	return (uint64_t)panels_of(g->n_cols) * w->n_row_tasks;
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
	bool plain = !w->ids;
	uint32_t token = plain ? cell : cell / w->k_experts;
	uint32_t slot = plain ? 0 : cell % w->k_experts;
	uint32_t i1 = plain ? token : slot, i2 = plain ? 0 : token;

	p->x[c] = column_x(w, token, slot);
	p->y[c] = cpu_f32(&op->y, i1, i2) + p->row0;
	if (zinc_view_present(&op->residual))
		p->residual[c] = cpu_f32(&op->residual, i1, i2) + p->row0;
}

/* Panels of nearly equal width: one column left over would unpack all again. */
static void place_piece(const struct lin_work *w, struct lin_piece *p, const struct lin_group *g,
                        uint64_t unit)
{
	uint64_t n = g->n_cols, panels = panels_of(g->n_cols), panel = unit / w->n_row_tasks;
	uint32_t col0 = (uint32_t)(n * panel / panels), m = w->op->w.ne[1];

	p->expert = g->expert;
	p->row0 = (uint32_t)(unit % w->n_row_tasks) * w->task_rows;
	p->n_rows = m - p->row0 < w->task_rows ? m - p->row0 : w->task_rows;
	p->n_cols = (uint32_t)(n * (panel + 1) / panels) - col0;
	for (uint32_t c = 0; c < p->n_cols; c++)
		place_column(w, p, c, w->ids ? (uint32_t)w->perm[g->cell + col0 + c] : col0 + c);
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
	_Alignas(64) float out[TASK_SUMS], gate[TASK_SUMS];
	bool gated = zinc_view_present(&w->op->gate_w);

	multiply(w, p, &w->op->w, out);
	if (gated)
		multiply(w, p, &w->op->gate_w, gate);
	for (uint32_t c = 0; c < p->n_cols; c++)
		write_column(w, p, c, out + c * p->n_rows, gated ? gate + c * p->n_rows : NULL);
}

static uint64_t cut(const struct cpu_ctx *ctx, const struct zinc_op_linear *op, bool q8)
{
	struct lin_work w = begin_work(ctx, op, q8);
	struct lin_group g;
	uint64_t n = 0;

	for (uint32_t cell = 0; group_at(&w, cell, &g); cell += g.n_cols)
		n += units_of(&w, &g);
	return n;
}

/* A piece is one unit, or some neighbours where there are very many. */
static void run(const struct cpu_ctx *ctx, const struct zinc_op_linear *op, bool q8)
{
	uint64_t n = ctx->n_pieces < CPU_MAX_PIECES ? ctx->n_pieces : cut(ctx, op, q8), before = 0;
	struct lin_work w = begin_work(ctx, op, q8);
	struct cpu_ctx placed = *ctx;
	struct lin_piece piece = {0};
	struct shape_part part;
	struct lin_group g;

	if (n_cells(&w) <= FEW_COLS)
		placed.piece = shape_in_lanes(ctx);
	part = shape_share(&placed, n);
	group_at(&w, 0, &g);
	for (uint64_t i = part.first; i < part.end; i++) {
		while (i - before >= units_of(&w, &g)) {
			before += units_of(&w, &g);
			group_at(&w, g.cell + g.n_cols, &g);
		}
		place_piece(&w, &piece, &g, i - before);
		run_piece(&w, &piece);
	}
}

static uint64_t cut_q8(const struct cpu_ctx *ctx, const void *desc)
{
	return cut(ctx, desc, true);
}

static uint64_t cut_f32(const struct cpu_ctx *ctx, const void *desc)
{
	return cut(ctx, desc, false);
}

static void run_q8(const struct cpu_ctx *ctx, const void *desc)
{
	run(ctx, desc, true);
}

static void run_f32(const struct cpu_ctx *ctx, const void *desc)
{
	run(ctx, desc, false);
}

const struct cpu_work lin_work_q8 = {.first = {cut_q8, run_q8}};
const struct cpu_work lin_work_f32 = {.first = {cut_f32, run_f32}};
