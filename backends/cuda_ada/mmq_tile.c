/* mmq_tile.c - mmq by tiles: which kernel, and how its work is cut up. The kernels:
 * cuda/linear/mmq_f16.cuh, mmq_int8.cuh and mmq_f32.cu. */
#include "mmq.h"

#include "linear/mmq_args.h"

enum { REDUCE_THREADS = 128 };

/* A kernel, the columns of its tile, the shared memory of its pipeline (columns, bytes
 * of MMQ_SPAN activations, stages), and how many of its blocks a multiprocessor has
 * registers for, which the kernel promises, too. */
struct tile {
	const char *kernel;
	uint32_t cols, smem, per_sm;
};

enum { N_WIDTHS = 3, INT8_COLS = 64 };

#define F16_TILE(type, cols, stages, per_sm)                                                       \
	{"mmq_f16_" #type "_" #cols, cols, cols * 256 * stages, per_sm}
#define F16_TILES(type, few, some, many)                                                           \
	{F16_TILE(type, 16, 6, few), F16_TILE(type, 64, 4, some), F16_TILE(type, 128, 3, many)}

/* 16-bit weights take too many registers for 128 columns. */
static const struct tile f16_tiles[ADA_TYPE_COUNT][N_WIDTHS] = {
	[ADA_F16] = {F16_TILE(f16, 16, 6, 3), F16_TILE(f16, 64, 4, 2)},
	[ADA_BF16] = {F16_TILE(bf16, 16, 6, 3), F16_TILE(bf16, 64, 4, 2)},
	[ADA_Q8_0] = F16_TILES(q8_0, 3, 2, 2),     [ADA_Q4_0] = F16_TILES(q4_0, 4, 3, 2),
	[ADA_Q4_1] = F16_TILES(q4_1, 4, 3, 2),     [ADA_Q5_0] = F16_TILES(q5_0, 4, 3, 2),
	[ADA_Q5_1] = F16_TILES(q5_1, 4, 2, 2),     [ADA_Q2_K] = F16_TILES(q2_k, 4, 3, 2),
	[ADA_Q3_K] = F16_TILES(q3_k, 4, 2, 2),     [ADA_Q4_K] = F16_TILES(q4_k, 4, 3, 2),
	[ADA_Q5_K] = F16_TILES(q5_k, 3, 2, 2),     [ADA_Q6_K] = F16_TILES(q6_k, 3, 2, 2),
	[ADA_IQ4_NL] = F16_TILES(iq4_nl, 4, 3, 2), [ADA_IQ4_XS] = F16_TILES(iq4_xs, 4, 3, 2),
	[ADA_MXFP4] = F16_TILES(mxfp4, 4, 3, 2),
};

static const struct tile f32_tile = {"mmq_f32_64", 64, 64 * 512 * 3, 2};

static const char *const int8_kernels[ADA_TYPE_COUNT] = {
	[ADA_Q8_0] = "mmq_int8_q8_0_64",     [ADA_Q4_0] = "mmq_int8_q4_0_64",
	[ADA_Q4_1] = "mmq_int8_q4_1_64",     [ADA_Q5_0] = "mmq_int8_q5_0_64",
	[ADA_Q5_1] = "mmq_int8_q5_1_64",     [ADA_Q3_K] = "mmq_int8_q3_k_64",
	[ADA_Q4_K] = "mmq_int8_q4_k_64",     [ADA_Q5_K] = "mmq_int8_q5_k_64",
	[ADA_Q6_K] = "mmq_int8_q6_k_64",     [ADA_IQ4_NL] = "mmq_int8_iq4_nl_64",
	[ADA_IQ4_XS] = "mmq_int8_iq4_xs_64", [ADA_MXFP4] = "mmq_int8_mxfp4_64",
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
 * offset serves both, and an x within 32-bit offsets in any layout. */
static bool rest_is_ok(const struct zinc_op_linear *op)
{
	const struct zinc_view *r = &op->residual, *y = &op->y;
	uint64_t last = y->nb[1] * y->ne[1] + y->nb[2] * (y->ne[2] - 1);
	uint64_t x_row = op->x.nb[1] > 4ull * op->w.ne[0] ? op->x.nb[1] : 4ull * op->w.ne[0];

	if (zinc_view_present(r) &&
	    (r->nb[1] != y->nb[1] || (r->nb[2] != y->nb[2] && y->ne[2] > 1)))
		return false;
	return gate_is_ok(op) && last / sizeof(float) <= UINT32_MAX &&
	       ada_linear_cells(op) * x_row <= UINT32_MAX;
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
	return usual_cols(op) > INT8_COLS / 2;
}

/* Of F16 tiles the narrowest that takes the usual columns. */
static struct tile tile_of(const struct zinc_op_linear *op, enum ada_mmq_tiles tiles)
{
	const struct tile *f16 = f16_tiles[op->w.dtype];
	uint32_t i = 0;

	if (tiles == ADA_TILES_F32)
		return f32_tile;
	if (tiles == ADA_TILES_INT8)
		return (struct tile){int8_kernels[op->w.dtype], INT8_COLS,
		                     INT8_COLS * (128 + 32) * 4, 2};
	while (i + 1 < N_WIDTHS && usual_cols(op) > f16[i].cols && f16[i + 1].kernel)
		i++;
	return f16[i];
}

static uint32_t row_tiles(const struct zinc_op_linear *op)
{
	return ada_div_up(op->w.ne[1], zinc_view_present(&op->gate_w) ? MMQ_ROWS / 2 : MMQ_ROWS);
}

/* How the plain form is cut: see struct ada_mmq_args. */
struct cut {
	uint32_t tiles, n_blocks;
};

/* Spans worth a block of their own; of F32 products, which are many times slower, one. */
static uint32_t least_spans(const struct tile *tile)
{
	return tile->kernel == f32_tile.kernel ? 1 : 2;
}

static struct cut cut_of(struct zinc_dev *dev, uint32_t tiles, uint32_t k, const struct tile *tile)
{
	const struct ada_limits *limits = ada_limits(dev);
	uint32_t spans = ada_div_up(k, MMQ_SPAN), per_sm = tile->per_sm;
	struct cut c = {.tiles = tiles};

	while (per_sm > 1 && per_sm * tile->smem > limits->smem_block)
		per_sm--;
	c.n_blocks = limits->n_sm * per_sm;
	if (c.n_blocks > ada_div_up(tiles * spans, least_spans(tile)))
		c.n_blocks = ada_div_up(tiles * spans, least_spans(tile));
	return c;
}

static uint32_t all_tiles(const struct zinc_op_linear *op, const struct tile *tile)
{
	return row_tiles(op) * ada_div_up(op->n.imm, tile->cols);
}

/* For what two pieces of each block leave. */
static uint64_t partial_bytes(const struct tile *tile, const struct cut *c)
{
	return UINT64_C(2) * tile->cols * MMQ_ROWS * sizeof(float) * c->n_blocks;
}

uint64_t ada_mmq_tile_scratch(struct zinc_dev *dev, const struct zinc_op_linear *op,
                              enum ada_mmq_tiles tiles)
{
	struct tile tile = tile_of(op, tiles);
	struct cut c = cut_of(dev, all_tiles(op, &tile), op->w.ne[0], &tile);

	return is_expert_form(op) ? 0 : partial_bytes(&tile, &c);
}

/* Quantised and BF16 weights become F16 times what x was divided by. */
static float unit_of(const struct zinc_op_linear *op)
{
	return op->w.dtype == ZINC_F16 ? ADA_ACT_F16_SCALE : 1.0f;
}

static struct ada_mmq_args args_of(struct zinc_cmd *cmd, const struct zinc_op_linear *op,
                                   const struct tile *tile)
{
	struct ada_mmq_args a = {
		.w = ada_arg(&op->w), .gate = ada_arg(&op->gate_w), .x = ada_arg(&op->x),
		.y = ada_arg(&op->y), .residual = ada_address(&op->residual),
		.params = ada_params(cmd), .partial = ada_scratch(cmd), .n = ada_count(op->n),
		.k = op->w.ne[0], .m = op->w.ne[1], .slots = 1, .act = op->act,
		.tile_cols = tile->cols, .n_blocks = 1, .unit = unit_of(op),
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
                          const struct tile *tile, const struct ada_mmq_args *a)
{
	uint32_t cells = ada_linear_cells(op), n = op->w.ne[2];
	/* At most a tile that is not full for each expert that has any cell. */
	uint32_t columns = (n < cells ? n : cells) + cells / tile->cols;
	struct ada_launch l = {.kernel = tile->kernel, .grid = {row_tiles(op), columns, 1},
	                       .block = {MMQ_THREADS, 1, 1}, .smem = tile->smem,
	                       .args = a, .args_size = sizeof(*a)};

	return ada_launch(cmd, &l);
}

static bool is_simple(const struct ada_mmq_args *a)
{
	return !a->n_experts && !a->gate.p && !a->residual;
}

/* The product recorded just before with this matrix added, if they agree in all but
 * rows and result. */
static bool join(struct zinc_cmd *cmd, const char *kernel, const struct ada_mmq_args *next,
                 struct ada_mmq_args *all)
{
	const struct ada_launch *reduce = ada_launch_before(cmd, 1);
	const struct ada_launch *l = reduce ? ada_launch_before(cmd, 2) : NULL;
	struct ada_mmq_more more = {next->w.p, next->y.p, next->y.nb2, next->m, 0};

	if (!l || l->kernel != kernel || reduce->args_size != sizeof(*all) ||
	    l->args_size != sizeof(*all))
		return false;
	*all = *(const struct ada_mmq_args *)l->args;
	if (!is_simple(all) || !is_simple(next) || all->x.p != next->x.p ||
	    all->x.nb1 != next->x.nb1 || all->k != next->k || all->n.imm != next->n.imm ||
	    all->n.slot != next->n.slot || all->w.nb1 != next->w.nb1 ||
	    all->scale != next->scale || all->tile_cols != next->tile_cols ||
	    all->n_more == ADA_MMQ_MORE)
		return false;
	all->more[all->n_more++] = more;
	return true;
}

static uint32_t joined_tiles(const struct ada_mmq_args *a)
{
	uint32_t rows = ada_div_up(a->m, MMQ_ROWS);

	for (uint32_t i = 0; i < a->n_more; i++)
		rows += ada_div_up(a->more[i].m, MMQ_ROWS);
	return rows * ada_div_up(a->n.imm, a->tile_cols);
}

/* The launch of the product, and that of mmq_reduce; in place of the last `instead`. */
static int launch(struct zinc_cmd *cmd, const struct tile *tile, const struct cut *c,
                  struct ada_mmq_args *a, uint32_t instead)
{
	struct ada_launch l = {.kernel = tile->kernel, .grid = {c->n_blocks, 1, 1},
	                       .block = {MMQ_THREADS, 1, 1}, .smem = tile->smem,
	                       .args = a, .args_size = sizeof(*a)};

	a->n_blocks = c->n_blocks;
	if (instead)
		ada_launch_instead(cmd, instead, &l);
	else
		ada_launch(cmd, &l);
	l.kernel = "mmq_reduce";
	l.grid[0] = c->tiles < c->n_blocks ? c->tiles : c->n_blocks;
	l.grid[1] = tile->cols / MMQ_REDUCE_COLS;
	l.block[0] = REDUCE_THREADS;
	l.smem = 0;
	return ada_launch(cmd, &l);
}

int ada_mmq_tile_record(struct zinc_cmd *cmd, const struct zinc_op_linear *op,
                        enum ada_mmq_tiles tiles)
{
	struct zinc_dev *dev = ada_cmd_dev(cmd);
	struct tile tile = tile_of(op, tiles);
	struct ada_mmq_args a = args_of(cmd, op, &tile), all;
	struct cut c;

	if (is_expert_form(op))
		return record_experts(cmd, op, &tile, &a);
	if (join(cmd, tile.kernel, &a, &all)) {
		c = cut_of(dev, joined_tiles(&all), all.k, &tile);
		if (partial_bytes(&tile, &c) <= ada_scratch_bytes(cmd))
			return launch(cmd, &tile, &c, &all, 2);
	}
	c = cut_of(dev, all_tiles(op, &tile), a.k, &tile);
	return launch(cmd, &tile, &c, &a, 0);
}
