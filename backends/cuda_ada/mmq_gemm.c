/* mmq_gemm.c - mmq by the vendor's library: rows of weights are dequantised to F16 in
 * scratch memory and multiplied, piece by piece; or multiplied as dense.h keeps them.
 *
 * Dequantising costs the same for any number of columns, so this pays from some
 * number on. With a gate, its product goes to scratch memory and the two are
 * joined afterwards. */
#include "blas.h"
#include "dense.h"
#include "mmq.h"

enum { MIN_ROWS = 256 };

enum { DEQUANT_THREADS = 256, FINISH_THREADS = 256 * 4, ALIGN = 256 };

static const char *const kernels[ADA_TYPE_COUNT] = {
	[ADA_BF16] = "dequant_bf16",     [ADA_Q8_0] = "dequant_q8_0", [ADA_Q4_0] = "dequant_q4_0",
	[ADA_Q4_1] = "dequant_q4_1",     [ADA_Q5_0] = "dequant_q5_0", [ADA_Q5_1] = "dequant_q5_1",
	[ADA_Q2_K] = "dequant_q2_k",     [ADA_Q3_K] = "dequant_q3_k", [ADA_Q4_K] = "dequant_q4_k",
	[ADA_Q5_K] = "dequant_q5_k",     [ADA_Q6_K] = "dequant_q6_k",
	[ADA_IQ4_NL] = "dequant_iq4_nl", [ADA_IQ4_XS] = "dequant_iq4_xs",
	[ADA_MXFP4] = "dequant_mxfp4",
};

static bool weight_is_ok(const struct zinc_view *w)
{
	if (w->dtype == ZINC_F16)
		return ada_weight_is_even16(w) && w->ne[0] % 8 == 0;
	return w->ne[0] % 32 == 0 && (ada_weight_is_packed(w) || ada_weight_is_even16(w));
}

/* With a gate, y holds the product for a while: a residual in its place would be
 * lost. No architecture has both. */
bool ada_mmq_gemm_is_ok(struct zinc_dev *dev, const struct zinc_op_linear *op)
{
	if (zinc_view_present(&op->ids) || op->w.ne[1] < MIN_ROWS)
		return false;
	if (zinc_view_present(&op->gate_w) &&
	    (zinc_view_present(&op->residual) || !weight_is_ok(&op->gate_w)))
		return false;
	return weight_is_ok(&op->w) && ada_blas_at_hand(dev);
}

/* Rows of a piece: its F16 form and a gate's product may take four times the L2
 * cache. They need not stay in it: at hundreds of columns, reading weights again
 * takes a small part of the time of the product. */
static uint32_t piece_rows(struct zinc_dev *dev, const struct zinc_op_linear *op)
{
	uint64_t limit = 4 * ada_limits(dev)->l2_bytes, m = op->w.ne[1];
	uint64_t row = 2ull * op->w.ne[0], out = 4ull * op->n.imm, rows, pieces;

	limit = limit < 32 << 20 ? 32 << 20 : limit > 256 << 20 ? 256 << 20 : limit;
	rows = limit / (zinc_view_present(&op->gate_w) && out > row ? out : row);
	pieces = rows ? (m + rows - 1) / rows : m;
	rows = (ada_div_up(m, (uint32_t)pieces) + 127) / 128 * 128;
	return (uint32_t)(rows < m ? rows : m);
}

/* Scratch memory: F16 weights, then the gate's product. */
static uint64_t weight_bytes(struct zinc_dev *dev, const struct zinc_op_linear *op)
{
	bool none = op->w.dtype == ZINC_F16 &&
	            (!zinc_view_present(&op->gate_w) || op->gate_w.dtype == ZINC_F16);
	uint64_t n = none ? 0 : 2ull * op->w.ne[0] * piece_rows(dev, op);

	return (n + ALIGN - 1) / ALIGN * ALIGN;
}

uint64_t ada_mmq_gemm_scratch(struct zinc_dev *dev, const struct zinc_op_linear *op)
{
	uint64_t n = weight_bytes(dev, op);

	if (zinc_view_present(&op->gate_w))
		n += 4ull * op->n.imm * piece_rows(dev, op);
	return n;
}

/* Rows of w, and where their product goes. */
struct piece {
	struct zinc_view w;
	struct ada_dense *dense; /* a copy of all rows; NULL: none */
	uint32_t first;          /* of the rows */
	uint64_t to, ld; /* F32: address; elements between columns */
	float alpha, beta;
};

struct ada_launch ada_dequant_launch(const struct zinc_view *w, uint64_t to,
                                     struct ada_dequant_args *a)
{
	struct ada_launch l = {.kernel = kernels[w->dtype], .block = {DEQUANT_THREADS, 1, 1},
	                       .args = a, .args_size = sizeof(*a)};

	*a = (struct ada_dequant_args){.w = ada_arg(w), .to = to, .k = w->ne[0],
	                               .n_rows = w->ne[1]};
	l.grid[0] = ada_div_up((uint64_t)a->n_rows * (a->k / 32), DEQUANT_THREADS);
	l.grid[1] = l.grid[2] = 1;
	return l;
}

static int multiply(struct zinc_cmd *cmd, const struct zinc_op_linear *op, const struct piece *p)
{
	struct ada_gemm g = {
		.a = ada_address(&op->x), .lda = (uint32_t)(op->x.nb[1] / 2), .b = ada_address(&p->w),
		.ldb = (uint32_t)(p->w.nb[1] / 2), .c = p->to, .ldc = (uint32_t)p->ld,
		.m = op->n.imm, .n = p->w.ne[1], .k = p->w.ne[0], .dtype = ZINC_F16, .n_batch = 1,
		.alpha = p->alpha * ADA_ACT_F16_SCALE, .beta = p->beta};

	if (p->w.dtype != ZINC_F16) {
		struct ada_dequant_args a;
		struct ada_launch l = ada_dequant_launch(&p->w, ada_scratch(cmd), &a);

		ada_launch_unless(cmd, p->dense, &l);
		/* They come out times what x was divided by. */
		g.b = a.to;
		g.ldb = a.k;
		g.alpha = p->alpha;
		g.dense = p->dense;
		g.dense_off = 2ull * a.k * p->first;
	}
	return ada_gemm(cmd, &g);
}

static int finish(struct zinc_cmd *cmd, const struct zinc_op_linear *op,
                  struct ada_mmq_finish_args *a)
{
	struct ada_launch l = {.kernel = "mmq_finish", .block = {FINISH_THREADS / 4, 1, 1},
	                       .args = a, .args_size = sizeof(*a)};

	a->params = ada_params(cmd);
	a->n = ada_count(op->n);
	a->m = a->y.ne0;
	a->act = op->act;
	l.grid[0] = ada_div_up(a->m, FINISH_THREADS);
	l.grid[1] = op->n.imm;
	l.grid[2] = 1;
	return ada_launch(cmd, &l);
}

/* The library adds to what is in y. */
static float start_from_residual(struct zinc_cmd *cmd, const struct zinc_op_linear *op)
{
	struct ada_mmq_finish_args a = {.y = ada_arg(&op->y), .residual = ada_arg(&op->residual)};

	if (!zinc_view_present(&op->residual))
		return 0.0f;
	if (a.y.p != a.residual.p)
		finish(cmd, op, &a);
	return 1.0f;
}

/* Rows first .. first + n of w are lanes of y. */
static int join_gate(struct zinc_cmd *cmd, const struct zinc_op_linear *op, uint64_t gate,
                     uint32_t first, uint32_t n)
{
	struct zinc_view y = zinc_view_lanes(op->y, first, n);
	struct ada_mmq_finish_args a = {.y = ada_arg(&y),
	                                .gate = {.p = gate, .nb1 = 4ull * n, .ne0 = n}};

	return finish(cmd, op, &a);
}

int ada_mmq_gemm_record(struct zinc_cmd *cmd, const struct zinc_op_linear *op)
{
	struct zinc_dev *dev = ada_cmd_dev(cmd);
	uint32_t rows = piece_rows(dev, op), m = op->w.ne[1];
	uint64_t gate = ada_scratch(cmd) + weight_bytes(dev, op);
	struct piece p = {.ld = op->y.nb[1] / sizeof(float), .alpha = op->scale,
	                  .dense = ada_dense_of(dev, &op->w)};
	struct ada_dense *gate_dense = NULL;

	if (op->scale == 0.0f)
		p.alpha = 1.0f;
	p.beta = start_from_residual(cmd, op);
	if (zinc_view_present(&op->gate_w))
		gate_dense = ada_dense_of(dev, &op->gate_w);
	for (uint32_t first = 0; first < m; first += rows) {
		uint32_t n = m - first < rows ? m - first : rows;

		if (zinc_view_present(&op->gate_w)) {
			struct piece g = {.w = zinc_view_rows(op->gate_w, first, n), .to = gate,
			                  .ld = n, .alpha = 1.0f, .dense = gate_dense,
			                  .first = first};

			multiply(cmd, op, &g);
		}
		p.w = zinc_view_rows(op->w, first, n);
		p.first = first;
		p.to = ada_address(&op->y) + 4ull * first;
		multiply(cmd, op, &p);
		if (zinc_view_present(&op->gate_w))
			join_gate(cmd, op, gate, first, n);
	}
	return ada_cmd_status(cmd);
}
