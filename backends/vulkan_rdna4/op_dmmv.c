/* op_dmmv.c - the matrix product for few columns: decode. */
#include "layout.h"
#include "linear.h"
#include "ops.h"
#include "tile.h"
#include "weight.h"

/* Q8_ANY and F32_ANY are the last resort of a run that wants the same bits for any
 * number of columns; other runs have mmq by then. */
enum { Q8_1, Q8_2, Q8_4, Q8_8, Q8_16, Q8_32, Q8_64, Q8_ANY, F32_1, F32_2, F32_4, F32_8, F32_ANY,
       N_VARIANTS };

static const struct zinc_variant variants[N_VARIANTS] = {
	[Q8_1] = {"q8_cols1", 1, ZINC_NUM_Q8},    [Q8_2] = {"q8_cols2", 2, ZINC_NUM_Q8},
	[Q8_4] = {"q8_cols4", 4, ZINC_NUM_Q8},    [Q8_8] = {"q8_cols8", 8, ZINC_NUM_Q8},
	[Q8_16] = {"q8_cols16", 16, ZINC_NUM_Q8}, [Q8_32] = {"q8_cols32", 32, ZINC_NUM_Q8},
	[Q8_64] = {"q8_cols64", 64, ZINC_NUM_Q8}, [Q8_ANY] = {"q8_any", 0, ZINC_NUM_Q8},
	[F32_1] = {"f32_cols1", 1, ZINC_NUM_F32}, [F32_2] = {"f32_cols2", 2, ZINC_NUM_F32},
	[F32_4] = {"f32_cols4", 4, ZINC_NUM_F32}, [F32_8] = {"f32_cols8", 8, ZINC_NUM_F32},
	[F32_ANY] = {"f32_any", 0, ZINC_NUM_F32},
};

enum { GROUP = 128, ANY_COLS = 8, MIN_SUBGROUP = 8, MANY_ROWS = 8192, MANY_BLOCKS = 256,
       LONG_ROW = 8192 };
/* In chained lists: of up to so many columns; elements of a matrix that is small. */
enum { CHAIN_GROUP = 512, CHAIN_COLS = 4, CHAIN_SMALL = 80 << 20 };

static bool is_q8(uint32_t variant)
{
	return variant < F32_1;
}

/* Columns of one workgroup. */
static uint32_t cols_of(uint32_t variant)
{
	return variants[variant].max_cols ? variants[variant].max_cols : ANY_COLS;
}

static bool q8_ok(const struct zinc_dev *dev, const struct zinc_op_linear *d)
{
	const struct zinc_view *gate = &d->gate_w;

	return rdna4_weight_is_packed(&d->w) && d->w.ne[0] % 32 == 0 &&
	       dev->gpu->subgroup >= MIN_SUBGROUP && d->x.nb[1] / 4 <= UINT32_MAX &&
	       (!zinc_view_present(gate) || rdna4_weight_is_packed(gate));
}

/* Past these mmq is faster: where matrix units make it, and where every product of
 * bytes is four of words. */
static uint32_t most_cols(const struct zinc_dev *dev)
{
	return rdna4_tier_of(dev) == RDNA4_TIER_DOT ? 64 : 8;
}

static int supports(struct zinc_dev *dev, const void *desc, uint32_t variant)
{
	const struct zinc_op_linear *d = desc;
	uint32_t layout = d->x.layout;

	if (variant >= N_VARIANTS || !rdna4_linear_ok(d) ||
	    (variants[variant].max_cols && d->n.imm > variants[variant].max_cols))
		return ZINC_E_UNSUPPORTED;
	if (!is_q8(variant) && (layout != RDNA4_ACT_PLAIN || !rdna4_linear_gate_is_alike(d)))
		return ZINC_E_UNSUPPORTED;
	/* A gate that a last resort took would keep the two products from mmq. */
	if (!variants[variant].max_cols && zinc_view_present(&d->gate_w))
		return ZINC_E_UNSUPPORTED;
	if (!is_q8(variant))
		return ZINC_OK;
	if (!q8_ok(dev, d) || (layout != RDNA4_ACT_PLAIN && layout != RDNA4_ACT_Q8) ||
	    (variants[variant].max_cols > most_cols(dev)))
		return ZINC_E_UNSUPPORTED;
	return ZINC_OK;
}

uint32_t rdna4_dmmv_act(uint32_t variant)
{
	return variant < N_VARIANTS && is_q8(variant) ? RDNA4_ACT_Q8 : RDNA4_ACT_PLAIN;
}

/* Depends on the matrix only, as the order of sums does. Many rows occupy a device with
 * small teams, which have fewer sums to bring together and fewer idle members where the
 * blocks of a row do not come out even. */
static uint32_t team_of(const struct zinc_op_linear *d)
{
	uint32_t blocks = d->w.ne[0] / 32;
	bool many = d->w.ne[1] >= MANY_ROWS && blocks < MANY_BLOCKS;

	return blocks >= 64 && !many ? 32 : blocks >= 32 ? 16 : 8;
}

/* Two rows share the loads of x, which pays where a subgroup is wide; elsewhere, and for
 * a matrix of few rows, they are better spread out. */
static uint32_t rows_of(const struct zinc_dev *dev, const struct zinc_op_linear *d,
                        uint32_t cols)
{
	bool experts = zinc_view_present(&d->ids), gate = zinc_view_present(&d->gate_w);

	return cols > (gate ? 2u : 8u) || experts || d->w.ne[1] < 4096 ||
	                       (cols <= 2 && dev->gpu->subgroup < 64) ? 1 : 2;
}

/* Chained lists (chain.h) have few and large workgroups, since each one signals and waits;
 * no sum depends on it. */
static bool is_chained(const struct zinc_dev *dev, const struct zinc_op_linear *d, uint32_t cols)
{
	return dev->alarm && cols <= CHAIN_COLS && !zinc_view_present(&d->ids);
}

static uint32_t chain_group(const struct zinc_dev *dev)
{
	uint32_t group = CHAIN_GROUP;

	while (group > dev->gpu->props.limits.maxComputeWorkGroupInvocations)
		group /= 2;
	return group;
}

/* Where one row of a team has the registers for it, which a gate's has not. In a chained
 * list the first blocks are under way before the wait, which is much of a small matrix's
 * time. */
static uint32_t ahead_of(const struct zinc_dev *dev, const struct zinc_op_linear *d,
                         uint32_t cols)
{
	bool narrow = dev->gpu->subgroup < 64, gate = zinc_view_present(&d->gate_w);
	bool many_words = d->w.dtype == ZINC_Q6_K && d->w.ne[0] >= LONG_ROW;
	bool small = (uint64_t)d->w.ne[0] * d->w.ne[1] <= CHAIN_SMALL;
	bool short_of = narrow && (gate || (many_words && !(is_chained(dev, d, cols) && small)));

	return cols <= 2 && !short_of ? 2 : 1;
}

static int run(struct zinc_cmd *cmd, const void *desc, uint32_t variant)
{
	struct zinc_dev *dev = rdna4_cmd_dev(cmd);
	const struct zinc_op_linear *d = desc;
	struct rdna4_product p = {.shader = "linear/dmmv_q8", .cols = cols_of(variant)};

	if (!is_q8(variant))
		return rdna4_linear_columns(cmd, desc, p.cols);
	if (d->x.layout != RDNA4_ACT_Q8)
		return ZINC_E_INVALID;
	if (dev->gpu->has_dot)
		p.shader = "linear/dmmv_q8_dot";
	p.group = is_chained(dev, d, p.cols) ? chain_group(dev) : GROUP;
	p.team = team_of(d);
	p.rows = rows_of(dev, d, p.cols);
	p.ahead = ahead_of(dev, d, p.cols);
	return rdna4_linear_product(cmd, d, &p);
}

static int record(struct zinc_cmd *cmd, const void *desc, uint32_t variant)
{
	return rdna4_record(cmd, &rdna4_op_dmmv, desc, variant, run);
}

const struct zinc_op_impl rdna4_op_dmmv = {
	.struct_size = sizeof(rdna4_op_dmmv),
	.op = ZINC_OP_DMMV,
	.name = "dmmv",
	.desc_size = sizeof(struct zinc_op_linear),
	.n_variants = N_VARIANTS,
	.variants = variants,
	.wtypes = ZINC_TMASK_WEIGHT,
	.supports = supports,
	.record = record,
};
