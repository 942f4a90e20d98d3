/* mmq_tile.c - mmq by tiles: which kernel, and how its work is cut up. The kernels:
 * cuda/linear/mmq_f16.cuh, mmq_int8.cuh and mmq_f32.cu. */
#include "mmq.h"

#include "linear/mmq_args.h"

enum { REDUCE_COLS = 16, REDUCE_THREADS = 128, MIN_SPANS = 4 };

/* A kernel's tile: its columns, the shared memory of its pipeline (columns, bytes of
 * MMQ_SPAN activations, stages), and how many of its blocks a multiprocessor has
 * registers for. */
struct tile_kind {
	uint32_t cols, smem, per_sm;
};

enum { N_KINDS = 3 };

static const struct tile_kind kinds[N_KINDS] = {
	{16, 16 * 256 * 6, 4},
	{64, 64 * 256 * 4, 3},
	{128, 128 * 256 * 3, 2},
};
static const struct tile_kind int8_kind = {64, 64 * (128 + 32) * 4, 2};
static const struct tile_kind f32_kind = {64, 64 * 512 * 3, 2};

#define NAMES(type) {"mmq_f16_" #type "_16", "mmq_f16_" #type "_64", "mmq_f16_" #type "_128"}

/* By index of the kind. 16-bit weights take too many registers for 128 columns. */
static const char *const kernels[ADA_TYPE_COUNT][N_KINDS] = {
	[ADA_F16] = {"mmq_f16_f16_16", "mmq_f16_f16_64"},
	[ADA_BF16] = {"mmq_f16_bf16_16", "mmq_f16_bf16_64"},
	[ADA_Q8_0] = NAMES(q8_0),     [ADA_Q4_0] = NAMES(q4_0),     [ADA_Q4_1] = NAMES(q4_1),
	[ADA_Q5_0] = NAMES(q5_0),     [ADA_Q5_1] = NAMES(q5_1),     [ADA_Q2_K] = NAMES(q2_k),
	[ADA_Q3_K] = NAMES(q3_k),     [ADA_Q4_K] = NAMES(q4_k),     [ADA_Q5_K] = NAMES(q5_k),
	[ADA_Q6_K] = NAMES(q6_k),     [ADA_IQ4_NL] = NAMES(iq4_nl), [ADA_IQ4_XS] = NAMES(iq4_xs),
	[ADA_MXFP4] = NAMES(mxfp4),
};

static const char *const int8_kernels[ADA_TYPE_COUNT] = {
	[ADA_Q8_0] = "mmq_int8_q8_0_64",     [ADA_Q4_0] = "mmq_int8_q4_0_64",
	[ADA_Q4_1] = "mmq_int8_q4_1_64",     [ADA_Q5_0] = "mmq_int8_q5_0_64",
	[ADA_Q5_1] = "mmq_int8_q5_1_64",     [ADA_Q3_K] = "mmq_int8_q3_k_64",
	[ADA_Q4_K] = "mmq_int8_q4_k_64",     [ADA_Q5_K] = "mmq_int8_q5_k_64",
	[ADA_Q6_K] = "mmq_int8_q6_k_64",     [ADA_IQ4_NL] = "mmq_int8_iq4_nl_64",
	[ADA_IQ4_XS] = "mmq_int8_iq4_xs_64", [ADA_MXFP4] = "mmq_int8_mxfp4_64",
};

/* A kernel and its kind. */
struct tile {
	const struct tile_kind *kind;
	const char *kernel;
};

static bool is_expert_form(const struct zinc_op_linear *op)
{
	return zinc_view_present(&op->ids);
}


/* Both by one kernel, each with 32-bit offsets of rows. */
static bool gate_is_ok(const struct zinc_op_linear *op)
{
	const struct zinc_view *w = &op->w, *g = &op->gate_w;

	if (w->nb[1] * w->ne[1] > UINT32_MAX)
		return false;
	return !zinc_view_present(g) ||
	       (g->dtype == w->dtype && g->layout == w->layout && g->off % 16 == 0 &&
	        g->nb[1] % 16 == 0 && g->nb[2] % 16 == 0 && g->nb[1] * g->ne[1] <= UINT32_MAX);
}

/* What every tile wants: a gate like w, a residual that lies as y does, so that one
 * offset serves both. */
static bool rest_is_ok(const struct zinc_op_linear *op)
{
	const struct zinc_view *r = &op->residual, *y = &op->y;
	uint64_t last = y->nb[1] * y->ne[1] + y->nb[2] * (y->ne[2] - 1);

	if (zinc_view_present(r) &&
	    (r->nb[1] != y->nb[1] || (r->nb[2] != y->nb[2] && y->ne[2] > 1)))
		return false;
	return gate_is_ok(op) && last / sizeof(float) <= UINT32_MAX;
}

bool ada_mmq_f16_is_ok(const struct zinc_op_linear *op)
{
	const struct zinc_view *w = &op->w;

	return w->ne[0] % 32 == 0 && (ada_weight_is_packed(w) || ada_weight_is_even16(w)) &&
	       rest_is_ok(op);
}

bool ada_mmq_int8_is_ok(const struct zinc_op_linear *op)
{
	return ada_weight_is_packed(&op->w) && int8_kernels[op->w.dtype] && rest_is_ok(op);
}

static bool has_16_byte_rows(const struct zinc_view *v)
{
	return v->dtype == ZINC_F32 && !v->layout && v->ne[0] % 4 == 0 && v->off % 16 == 0 &&
	       v->nb[1] % 16 == 0 && v->nb[2] % 16 == 0;
}

/* An x for each slot is found by its cell. */
bool ada_mmq_f32_is_ok(const struct zinc_op_linear *op)
{
	const struct zinc_view *x = &op->x;

	if (ada_linear_x_per_slot(op) && x->ne[2] > 1 && x->nb[2] != x->nb[1] * x->ne[1])
		return false;
	return has_16_byte_rows(&op->w) && has_16_byte_rows(x) && rest_is_ok(op);
}

/* Columns that a weight has at once: all, or most experts' shares, which differ: half
 * as many again as the mean. */
static uint32_t usual_cols(const struct zinc_op_linear *op)
{
	return is_expert_form(op) ? ada_div_up(3ull * ada_linear_cells(op), 2 * op->w.ne[2])
	                          : op->n.imm;
}

bool ada_mmq_fills_int8(const struct zinc_op_linear *op)
{
	return usual_cols(op) > int8_kind.cols / 2;
}

/* Of F16 tiles the narrowest that takes the usual columns. */
static struct tile tile_of(const struct zinc_op_linear *op, enum ada_mmq_tiles tiles)
{
	const char *const *names = kernels[op->w.dtype];
	uint32_t i = 0;

	if (tiles == ADA_TILES_F32)
		return (struct tile){&f32_kind, "mmq_f32_64"};
	if (tiles == ADA_TILES_INT8)
		return (struct tile){&int8_kind, int8_kernels[op->w.dtype]};
	while (i + 1 < N_KINDS && usual_cols(op) > kinds[i].cols && names[i + 1])
		i++;
	return (struct tile){&kinds[i], names[i]};
}

static uint32_t row_tiles(const struct zinc_op_linear *op)
{
	return ada_div_up(op->w.ne[1], zinc_view_present(&op->gate_w) ? MMQ_ROWS / 2 : MMQ_ROWS);
}

/* How the plain form is cut: see struct ada_mmq_args. */
struct cut {
	uint32_t tiles, n_blocks, pieces;
};

static struct cut cut_of(struct zinc_dev *dev, const struct zinc_op_linear *op,
                         const struct tile_kind *kind)
{
	const struct ada_limits *limits = ada_limits(dev);
	uint32_t spans = ada_div_up(op->w.ne[0], MMQ_SPAN), per_sm = kind->per_sm;
	struct cut c = {.tiles = row_tiles(op) * ada_div_up(op->n.imm, kind->cols)};
	uint32_t total = c.tiles * spans, run;

	while (per_sm > 1 && per_sm * kind->smem > limits->smem_block)
		per_sm--;
	c.n_blocks = limits->n_sm * per_sm;
	if (c.n_blocks > ada_div_up(total, MIN_SPANS))
		c.n_blocks = ada_div_up(total, MIN_SPANS);
	run = ada_div_up(total, c.n_blocks);
	c.pieces = (run + spans - 2) / spans + 1;
	return c;
}

uint64_t ada_mmq_tile_scratch(struct zinc_dev *dev, const struct zinc_op_linear *op,
                              enum ada_mmq_tiles tiles)
{
	const struct tile_kind *kind = tile_of(op, tiles).kind;
	uint64_t piece = (uint64_t)kind->cols * MMQ_ROWS * sizeof(float);

	return is_expert_form(op) ? 0 : 2 * piece * cut_of(dev, op, kind).n_blocks;
}

/* Quantised and BF16 weights become F16 times what x was divided by. */
static float unit_of(const struct zinc_op_linear *op)
{
	return op->w.dtype == ZINC_F16 ? ADA_ACT_F16_SCALE : 1.0f;
}

static struct ada_mmq_args args_of(struct zinc_cmd *cmd, const struct zinc_op_linear *op,
                                   const struct tile_kind *kind)
{
	struct ada_mmq_args a = {
		.w = ada_arg(&op->w), .gate = ada_arg(&op->gate_w), .x = ada_arg(&op->x),
		.y = ada_arg(&op->y), .residual = ada_address(&op->residual),
		.params = ada_params(cmd), .partial = ada_scratch(cmd), .n = ada_count(op->n),
		.k = op->w.ne[0], .m = op->w.ne[1], .slots = 1, .act = op->act,
		.tile_cols = kind->cols, .n_blocks = 1, .unit = unit_of(op),
		.scale = op->scale != 0.0f ? op->scale : 1.0f};

	if (is_expert_form(op)) {
		a.first = ada_address(&op->expert_first);
		a.perm = ada_address(&op->perm);
		a.n_experts = op->w.ne[2];
		a.slots = op->y.ne[1];
		a.x_per_slot = ada_linear_x_per_slot(op);
	} else {
		a.y.nb2 = a.y.nb1;
	}
	return a;
}

static int record_experts(struct zinc_cmd *cmd, const struct zinc_op_linear *op,
                          const struct tile_kind *kind, struct ada_launch *l)
{
	uint32_t cells = ada_linear_cells(op), n = op->w.ne[2];

	/* At most a tile that is not full for each expert that has any cell. */
	l->grid[0] = row_tiles(op);
	l->grid[1] = (n < cells ? n : cells) + cells / kind->cols;
	return ada_launch(cmd, l);
}

int ada_mmq_tile_record(struct zinc_cmd *cmd, const struct zinc_op_linear *op,
                        enum ada_mmq_tiles tiles)
{
	struct tile tile = tile_of(op, tiles);
	struct ada_mmq_args a = args_of(cmd, op, tile.kind);
	struct ada_launch l = {.kernel = tile.kernel, .grid = {1, 1, 1},
	                       .block = {MMQ_THREADS, 1, 1}, .smem = tile.kind->smem,
	                       .args = &a, .args_size = sizeof(a)};
	struct cut c;

	if (is_expert_form(op))
		return record_experts(cmd, op, tile.kind, &l);
	c = cut_of(ada_cmd_dev(cmd), op, tile.kind);
	a.n_blocks = c.n_blocks;
	l.grid[0] = c.n_blocks;
	l.grid[1] = c.pieces;
	ada_launch(cmd, &l);
	l.kernel = "mmq_reduce";
	l.grid[0] = c.tiles;
	l.grid[1] = tile.kind->cols / REDUCE_COLS;
	l.block[0] = REDUCE_THREADS;
	l.smem = 0;
	return ada_launch(cmd, &l);
}
