/* op_dmmv.c - the matrix product for few columns: which kernel, and how its work
 * is laid over the device. The kernels: cuda/linear/dmmv.cuh. */
#include "linear.h"

#include "linear/args.h"

enum {
	Q8_1, Q8_2, Q8_4, Q8_8, Q8_ANY, F32_8, F32_ANY, N_VARIANTS,
	MAX_COLS = 8,  /* of one kernel */
	ROWS = 2,      /* a pair        */
	WARPS = 8, FEW_WARPS = 4,
	AHEAD = 4,     /* iterations that a warp has under way, about */
	MAX_GRID_Y = 32768,
	WELL_FILLED = 52, /* of 64 */
	SMEM_STATIC = 1024 /* what the kernels have besides, and the driver */
};

/* Within a class the core takes the first for enough columns; the kernels are the
 * same for any variant, chosen by the columns of the recording. */
static const struct zinc_variant variants[N_VARIANTS] = {
	[Q8_1] = {"q8_1", 1, ZINC_NUM_Q8},     [Q8_2] = {"q8_2", 2, ZINC_NUM_Q8},
	[Q8_4] = {"q8_4", 4, ZINC_NUM_Q8},     [Q8_8] = {"q8_8", 8, ZINC_NUM_Q8},
	[Q8_ANY] = {"q8_any", 0, ZINC_NUM_Q8}, [F32_8] = {"f32_8", 8, ZINC_NUM_F32},
	[F32_ANY] = {"f32_any", 0, ZINC_NUM_F32},
};

#define NAMES(type) {"dmmv_" #type "_1", "dmmv_" #type "_2", "dmmv_" #type "_4", "dmmv_" #type "_8"}

/* By log2 of the columns. */
static const char *const kernels[ADA_TYPE_COUNT][4] = {
	[ADA_F32] = NAMES(f32),       [ADA_F16] = NAMES(f16),       [ADA_BF16] = NAMES(bf16),
	[ADA_Q8_0] = NAMES(q8_0),     [ADA_Q4_0] = NAMES(q4_0),     [ADA_Q4_1] = NAMES(q4_1),
	[ADA_Q5_0] = NAMES(q5_0),     [ADA_Q5_1] = NAMES(q5_1),     [ADA_Q2_K] = NAMES(q2_k),
	[ADA_Q3_K] = NAMES(q3_k),     [ADA_Q4_K] = NAMES(q4_k),     [ADA_Q5_K] = NAMES(q5_k),
	[ADA_Q6_K] = NAMES(q6_k),     [ADA_IQ4_NL] = NAMES(iq4_nl), [ADA_IQ4_XS] = NAMES(iq4_xs),
	[ADA_MXFP4] = NAMES(mxfp4),
};

/* Types whose kernel for one column has its weights pass through shared memory
 * (dmmv_ring.cuh). */
static bool has_ring(uint32_t type)
{
	return type == ADA_Q4_K || type == ADA_Q5_K || type == ADA_Q6_K;
}

static bool is_q8(uint32_t variant)
{
	return variant < F32_8;
}

/* How a launch covers the matrix; see dmmv.cuh. */
struct shape {
	uint32_t lane_bits, split_bits, warps;
	uint32_t tiles; /* of one cell */
};

static uint32_t units_of(const struct zinc_view *w)
{
	switch (w->dtype) {
	case ZINC_F32: return ada_div_up(w->ne[0], 4);
	case ZINC_F16:
	case ZINC_BF16: return ada_div_up(w->ne[0], 8);
	default: return w->ne[0] / 32;
	}
}

/* Pairs of rows that a block has at once. */
static uint32_t pairs_at_once(const struct shape *s)
{
	return s->warps >> s->split_bits << (5 - s->lane_bits);
}

/* Of 64: the lanes of a row's iterations that have a unit. */
static uint32_t filled(uint32_t units, uint32_t lane_bits)
{
	return 64 * units / (ada_div_up(units, 1u << lane_bits) << lane_bits);
}

/* Depends on the matrix and the experts of a token, never on the columns. All lanes
 * on a row read the longest pieces of memory; on short rows fewer waste none. Then
 * several warps for a row keep all multiprocessors busy where rows are few. warps: of
 * a block, at most; it does not change the order of sums. */
static struct shape shape_of(const struct zinc_op_linear *op, uint32_t n_sm, uint32_t warps)
{
	uint32_t units = units_of(&op->w), want = n_sm - n_sm / 8, m = op->w.ne[1];
	uint64_t pairs = zinc_view_present(&op->gate_w) ? m : ada_div_up(m, ROWS);
	uint64_t all = zinc_view_present(&op->ids) ? pairs * op->y.ne[1] : pairs;
	struct shape s = {.lane_bits = 5, .warps = warps};

	while (s.lane_bits > 3 && filled(units, s.lane_bits) < WELL_FILLED)
		s.lane_bits--;
	while (s.lane_bits < 5 && (all << s.lane_bits) / 32 / WARPS < want)
		s.lane_bits++;
	if ((all << s.lane_bits) / 32 / WARPS < want)
		s.warps = FEW_WARPS;
	while (s.lane_bits == 5 && 1u << s.split_bits < s.warps &&
	       (all << s.split_bits) / s.warps < want && units >> (5 + s.split_bits) > AHEAD)
		s.split_bits++;
	s.tiles = ada_div_up(pairs, pairs_at_once(&s));
	return s;
}

/* Shared memory for some columns of x. */
static uint64_t smem_of(const struct zinc_op_linear *op, uint32_t variant, uint32_t cols)
{
	uint64_t k = op->w.ne[0];

	if (is_q8(variant))
		return cols * (k + ada_align16((uint32_t)(k / 32 * 8)));
	return cols * (uint64_t)units_of(&op->w) * (op->w.dtype == ZINC_F32 ? 16 : 32);
}

/* And for the ring of so many warps, if the kernel for one column has it. */
static uint32_t ring_smem(uint32_t type, uint32_t warps)
{
	return has_ring(type) ? warps * ADA_RING_SLOTS * ROWS * ADA_RING_ROW(type) : 0;
}

/* Columns of one launch, log2: as many as the recording has, and as leave room for
 * two blocks on a multiprocessor. The cells of the expert form go one by one: with
 * few tokens they mostly want different experts. */
static uint32_t cols_bits(const struct zinc_op_linear *op, const struct ada_limits *limits,
                          uint32_t variant)
{
	uint32_t bits = 0;

	if (zinc_view_present(&op->ids))
		return 0;
	while (1u << bits < op->n.imm && 1u << bits < MAX_COLS)
		bits++;
	while (bits && smem_of(op, variant, 1u << bits) + SMEM_STATIC > limits->smem_block / 2)
		bits--;
	return bits;
}

/* Shared memory of the kernel for 2^bits columns. */
static uint64_t all_smem(const struct zinc_op_linear *op, uint32_t variant, uint32_t warps,
                         uint32_t bits)
{
	uint32_t ring = !bits && is_q8(variant) ? ring_smem(op->w.dtype, warps) : 0;

	return smem_of(op, variant, 1u << bits) + ring;
}

static bool fits(const struct zinc_op_linear *op, const struct ada_limits *limits,
                 uint32_t variant, uint32_t warps)
{
	uint32_t bits = cols_bits(op, limits, variant);

	return all_smem(op, variant, warps, bits) + SMEM_STATIC <= limits->smem_block;
}

static bool gate_is_alike(const struct zinc_op_linear *op)
{
	return !zinc_view_present(&op->gate_w) ||
	       (op->gate_w.dtype == op->w.dtype && op->gate_w.layout == op->w.layout);
}

static int supports(struct zinc_dev *dev, const void *desc, uint32_t variant)
{
	const struct zinc_op_linear *op = desc;

	if (variant >= N_VARIANTS || !ada_linear_is_ok(op) || !gate_is_alike(op))
		return ZINC_E_UNSUPPORTED;
	if (variants[variant].max_cols && op->n.imm > variants[variant].max_cols)
		return ZINC_E_UNSUPPORTED;
	if (!is_q8(variant))
		return ada_linear_x_is(op, ADA_ACT_PLAIN) ? ZINC_OK : ZINC_E_UNSUPPORTED;
	if (!ada_weight_is_packed(&op->w) || !ada_linear_x_is(op, ADA_ACT_Q8) ||
	    !fits(op, ada_limits(dev), variant, FEW_WARPS))
		return ZINC_E_UNSUPPORTED;
	return ZINC_OK;
}

/* A single token's row is quantised where it is used. */
uint32_t ada_dmmv_act(const struct zinc_op_linear *op, uint32_t variant)
{
	if (!is_q8(variant) || (op->n.imm == 1 && op->w.ne[0] <= ADA_QUANT_INLINE_MAX))
		return ADA_ACT_PLAIN;
	return ADA_ACT_Q8;
}

static struct ada_dmmv_args args_of(struct zinc_cmd *cmd, const struct zinc_op_linear *op)
{
	struct ada_dmmv_args a = {.w = ada_arg(&op->w), .x = ada_arg(&op->x), .y = ada_arg(&op->y),
	                          .residual = ada_arg(&op->residual),
	                          .gate = ada_address(&op->gate_w), .gate_nb1 = op->gate_w.nb[1],
	                          .gate_nb2 = op->gate_w.nb[2], .ids = ada_address(&op->ids),
	                          .params = ada_params(cmd), .n = ada_count(op->n),
	                          .type = op->w.dtype, .layout = op->w.layout, .slots = 1,
	                          .x_per_slot = ada_linear_x_per_slot(op),
	                          .x_plain = op->x.layout == ADA_ACT_PLAIN, .act = op->act,
	                          .scale = op->scale != 0.0f ? op->scale : 1.0f};

	if (a.ids)
		a.slots = op->y.ne[1];
	if (a.layout == ADA_WEIGHT_ROWS)
		a.row = ada_row_layout(a.type, op->w.ne[0]);
	return a;
}

/* So many blocks of 8 warps (more small ones), no more than have work. Tiles come in
 * turn, so that every multiprocessor has as many as another, or one more. */
static void set_grid(struct ada_launch *l, const struct shape *s, uint32_t columns, uint32_t blocks)
{
	uint32_t room = blocks * WARPS / s->warps / columns;

	l->grid[1] = columns < MAX_GRID_Y ? columns : MAX_GRID_Y;
	l->grid[2] = ada_div_up(columns, l->grid[1]);
	l->grid[0] = room < 1 ? 1 : room < s->tiles ? room : s->tiles;
}

/* Any type and layout, 8 columns at a time, a warp for a row. */
static int record_exact(struct zinc_cmd *cmd, const struct zinc_op_linear *op)
{
	struct ada_dmmv_args a = args_of(cmd, op);
	struct ada_launch l = {.kernel = "dmmv_exact", .block = {32 * WARPS, 1, 1}, .args = &a,
	                       .args_size = sizeof(a)};
	struct shape s = {.warps = WARPS, .tiles = ada_div_up(op->w.ne[1], WARPS)};

	set_grid(&l, &s, a.ids ? ada_linear_cells(op) : ada_div_up(op->n.imm, MAX_COLS),
	         2 * ada_limits(ada_cmd_dev(cmd))->n_sm);
	return ada_launch(cmd, &l);
}

static uint32_t pairs_of(uint32_t m)
{
	return ada_div_up(m, ROWS);
}

/* One column, no epilogue: what may share a launch. */
static bool is_simple(const struct ada_dmmv_args *a)
{
	return a->n.imm == 1 && !a->gate && !a->residual.p && !a->ids && !a->split_bits;
}

/* Queries, keys and values of a token, say: the launch before with this matrix
 * added, if they agree in all but rows and result. Sums keep their order, since it
 * depends on lanes and splits alone. */
static bool join(struct zinc_cmd *cmd, const struct ada_dmmv_args *next, struct ada_dmmv_args *all)
{
	const struct ada_launch *l = ada_launch_before(cmd, 1);
	struct ada_dmmv_more more = {next->w.p, next->y.p, next->w.ne1, 0};

	if (!l || l->args_size != sizeof(*all) || l->kernel != kernels[next->type][0])
		return false;
	*all = *(const struct ada_dmmv_args *)l->args;
	if (!is_simple(all) || !is_simple(next) || all->x.p != next->x.p || all->type != next->type ||
	    all->x_plain != next->x_plain || all->w.ne0 != next->w.ne0 ||
	    all->w.nb1 != next->w.nb1 || all->lane_bits != next->lane_bits ||
	    all->scale != next->scale || all->layout != next->layout ||
	    all->n_more == ADA_DMMV_MORE)
		return false;
	all->more[all->n_more++] = more;
	return true;
}

/* Blocks of a launch: as many as multiprocessors have room for. */
static uint32_t all_blocks(const struct ada_limits *limits, uint32_t type, uint32_t smem)
{
	uint32_t room = (limits->smem_block + SMEM_STATIC) / (smem + SMEM_STATIC);
	uint32_t want = has_ring(type) ? ADA_RING_BLOCKS : 2;

	return (room < 1 ? 1 : room < want ? room : want) * limits->n_sm;
}

static int record_joined(struct zinc_cmd *cmd, const struct ada_dmmv_args *a, uint32_t warps,
                         uint32_t smem)
{
	const struct ada_limits *limits = ada_limits(ada_cmd_dev(cmd));
	struct shape s = {.lane_bits = a->lane_bits, .warps = warps};
	struct ada_launch l = {.kernel = kernels[a->type][0], .block = {32 * warps, 1, 1},
	                       .smem = smem, .args = a, .args_size = sizeof(*a)};
	uint32_t pairs = pairs_of(a->w.ne1);

	for (uint32_t i = 0; i < a->n_more; i++)
		pairs += pairs_of(a->more[i].m);
	s.tiles = ada_div_up(pairs, pairs_at_once(&s));
	set_grid(&l, &s, 1, all_blocks(limits, a->type, smem));
	return ada_launch_instead(cmd, 1, &l);
}

static int record(struct zinc_cmd *cmd, const void *desc, uint32_t variant)
{
	const struct zinc_op_linear *op = desc;
	const struct ada_limits *limits = ada_limits(ada_cmd_dev(cmd));
	uint32_t warps = fits(op, limits, variant, WARPS) ? WARPS : FEW_WARPS;
	struct shape s = shape_of(op, limits->n_sm, warps);
	struct ada_dmmv_args a = args_of(cmd, op), all;
	uint32_t bits = cols_bits(op, limits, variant);
	struct ada_launch l = {.kernel = kernels[op->w.dtype][bits],
	                       .block = {32 * s.warps, 1, 1}, .args = &a, .args_size = sizeof(a)};

	if (ada_op_begin(cmd, &ada_op_dmmv, desc, variant))
		return ada_cmd_status(cmd);
	/* Only a kernel of one column quantises what quant_act has not. */
	if (is_q8(variant) && a.x_plain && bits)
		return ZINC_E_INVALID;
	if (!is_q8(variant) && (!ada_weight_is_plain(&op->w) || !fits(op, limits, variant, warps)))
		return record_exact(cmd, op);
	a.lane_bits = s.lane_bits;
	a.split_bits = s.split_bits;
	l.smem = (uint32_t)all_smem(op, variant, s.warps, bits);
	if (join(cmd, &a, &all))
		return record_joined(cmd, &all, warps, (uint32_t)all_smem(op, variant, warps, 0));
	set_grid(&l, &s, a.ids ? ada_linear_cells(op) : ada_div_up(op->n.imm, 1u << bits),
	         all_blocks(limits, op->w.dtype, l.smem));
	return ada_launch(cmd, &l);
}

const struct zinc_op_impl ada_op_dmmv = {
	.struct_size = sizeof(struct zinc_op_impl),
	.op = ZINC_OP_DMMV,
	.name = "dmmv",
	.desc_size = sizeof(struct zinc_op_linear),
	.n_variants = N_VARIANTS,
	.variants = variants,
	.wtypes = ZINC_TMASK_WEIGHT,
	.supports = supports,
	.record = record,
};
