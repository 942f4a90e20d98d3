/* faults_ops.c - packed weights, and ops that are wrong in one thing: mostly by
 * recording one more op behind the right one. */
#include <string.h>

#include "faulty.h"

/* Packed weights: rows 32 bytes further apart than in the file. */
enum { PACKED = 7, APART = 32 };

static int packed_layout(struct zinc_dev *d, const struct zinc_weight_use *use,
                         struct zinc_weight_layout *out)
{
	(void)d;
	out->layout = use->roles & (ZINC_ROLE_TABLE | ZINC_ROLE_VECTOR) ? 0 : PACKED;
	out->row_bytes = use->view.nb[1] + (out->layout ? APART : 0);
	out->bytes = out->row_bytes * use->view.ne[1] * use->view.ne[2] * use->view.ne[3];
	return ZINC_OK;
}

static int pack_rows(const struct zinc_weight_use *use, const void *src, struct zinc_buf *dst,
                     uint64_t off)
{
	uint64_t row = use->view.nb[1];
	uint64_t n = (uint64_t)use->view.ne[1] * use->view.ne[2] * use->view.ne[3];
	static const uint8_t zeros[APART];
	int rc = ZINC_OK;

	for (uint64_t i = 0; i < n && !rc; i++) {
		rc = faulty_inner->backend->buf_write(dst, off + i * (row + APART),
		                                      (const char *)src + i * row, row);
		if (!rc)
			rc = faulty_inner->backend->buf_write(dst, off + i * (row + APART) + row,
			                                      zeros, APART);
	}
	return rc;
}

static int packed_pack(struct zinc_dev *d, const struct zinc_weight_use *use, uint32_t layout,
                       const void *src, struct zinc_buf *dst, uint64_t off, struct zinc_err *err)
{
	(void)d, (void)err;
	return layout == PACKED ? pack_rows(use, src, dst, off) : ZINC_E_INVALID;
}

static struct zinc_op_linear plain_layout(const void *desc)
{
	struct zinc_op_linear op = *(const struct zinc_op_linear *)desc;

	op.w.layout = op.w.layout == PACKED ? 0 : op.w.layout;
	op.gate_w.layout = op.gate_w.layout == PACKED ? 0 : op.gate_w.layout;
	return op;
}

static int dmmv_supports(struct zinc_dev *d, const void *desc, uint32_t variant)
{
	struct zinc_op_linear op = plain_layout(desc);

	return faulty_inner_op(ZINC_OP_DMMV)->supports(d, &op, variant);
}

static int dmmv_record(struct zinc_cmd *cmd, const void *desc, uint32_t variant)
{
	struct zinc_op_linear op = plain_layout(desc);

	return faulty_inner_op(ZINC_OP_DMMV)->record(cmd, &op, variant);
}

static int mmq_supports(struct zinc_dev *d, const void *desc, uint32_t variant)
{
	struct zinc_op_linear op = plain_layout(desc);

	return faulty_inner_op(ZINC_OP_MMQ)->supports(d, &op, variant);
}

static int mmq_record(struct zinc_cmd *cmd, const void *desc, uint32_t variant)
{
	struct zinc_op_linear op = plain_layout(desc);

	return faulty_inner_op(ZINC_OP_MMQ)->record(cmd, &op, variant);
}

void packed(void)
{
	faulty_backend.weight_layout = packed_layout;
	faulty_backend.weight_pack = packed_pack;
	faulty_op(ZINC_OP_DMMV)->supports = dmmv_supports;
	faulty_op(ZINC_OP_DMMV)->record = dmmv_record;
	faulty_op(ZINC_OP_MMQ)->supports = mmq_supports;
	faulty_op(ZINC_OP_MMQ)->record = mmq_record;
}

/* Writes behind what it said it needs. */
static int pack_too_far(struct zinc_dev *d, const struct zinc_weight_use *use, uint32_t layout,
                        const void *src, struct zinc_buf *dst, uint64_t off, struct zinc_err *err)
{
	uint64_t rows = (uint64_t)use->view.ne[1] * use->view.ne[2] * use->view.ne[3];

	(void)d, (void)err, (void)layout;
	/* Fails where the buffer ends there. */
	faulty_inner->backend->buf_write(dst, off + rows * (use->view.nb[1] + APART), "x", 1);
	return pack_rows(use, src, dst, off);
}

void ops_pack(void)
{
	packed();
	faulty_backend.weight_pack = pack_too_far;
}

/* Replaces record() of an op by one that records more than one, of which the
 * times would tell. */
static void record_more(uint32_t op, int (*record)(struct zinc_cmd *, const void *, uint32_t))
{
	faulty_op(op)->record = record;
	faulty_backend.cmd_times = NULL;
}

/* Multiplies a view by a factor, behind whatever was recorded; not one that a
 * test made up. */
static int scale_too(struct zinc_cmd *cmd, const struct zinc_view *v, float factor)
{
	struct zinc_op_unary op = {.struct_size = sizeof(op), .x = *v, .y = *v, .value = factor,
	                           .n = zinc_imm(v->ne[2] > 1 ? v->ne[2] : v->ne[1])};

	if (faulty_inner_op(ZINC_OP_SCALE)->supports(NULL, &op, 0))
		return ZINC_OK;
	return faulty_inner_op(ZINC_OP_SCALE)->record(cmd, &op, 0);
}

/* One lane of the first row is off by a little. */
static int value_record(struct zinc_cmd *cmd, const void *desc, uint32_t variant)
{
	const struct zinc_op_binary *op = desc;
	struct zinc_view lane = zinc_view_lanes(op->y, op->y.ne[0] - 1, 1);
	int rc = faulty_inner_op(ZINC_OP_MUL)->record(cmd, desc, variant);

	lane.ne[1] = lane.ne[2] = 1;
	return rc || op->y.ne[0] < 1000 ? rc : scale_too(cmd, &lane, 1.0001f);
}

void ops_value(void)
{
	record_more(ZINC_OP_MUL, value_record);
}

/* The element behind each row is written as well, where rows lie apart. */
static int neighbour_record(struct zinc_cmd *cmd, const void *desc, uint32_t variant)
{
	const struct zinc_op_glu *op = desc;
	struct zinc_op_copy more = {.struct_size = sizeof(more), .n = op->n};
	int rc = faulty_inner_op(ZINC_OP_GLU)->record(cmd, desc, variant);

	more.x = more.y = zinc_view_lanes(op->y, 0, 1);
	more.y.off += op->y.ne[0] * op->y.nb[0];
	if (rc || op->y.nb[1] <= op->y.ne[0] * op->y.nb[0] ||
	    faulty_inner_op(ZINC_OP_COPY)->supports(NULL, &more, 0))
		return rc;
	return faulty_inner_op(ZINC_OP_COPY)->record(cmd, &more, 0);
}

void ops_neighbour(void)
{
	record_more(ZINC_OP_GLU, neighbour_record);
}

/* Every other recording rounds otherwise. */
static int unstable_record(struct zinc_cmd *cmd, const void *desc, uint32_t variant)
{
	static unsigned n;
	const struct zinc_op_sigmoid_gate *op = desc;
	int rc = faulty_inner_op(ZINC_OP_SIGMOID_GATE)->record(cmd, desc, variant);

	return rc || n++ % 2 ? rc : scale_too(cmd, &op->y, 1 + 0x1p-23f);
}

void ops_unstable(void)
{
	record_more(ZINC_OP_SIGMOID_GATE, unstable_record);
}

/* A row alone rounds otherwise than among others. */
static int company_record(struct zinc_cmd *cmd, const void *desc, uint32_t variant)
{
	const struct zinc_op_rmsnorm *op = desc;
	int rc = faulty_inner_op(ZINC_OP_RMSNORM)->record(cmd, desc, variant);

	return rc || op->n.imm > 1 ? rc : scale_too(cmd, &op->y, 1 + 0x1p-23f);
}

void ops_company(void)
{
	record_more(ZINC_OP_RMSNORM, company_record);
}

/* The chunked form is not of the class of the other. */
void ops_class(void)
{
	faulty_variant(ZINC_OP_DELTA_NET, 1)->numerics = ZINC_NUM_F32;
}

/* A plain primitive that nobody else can take. */
static int few_lanes(struct zinc_dev *d, const void *desc, uint32_t variant)
{
	const struct zinc_op_unary *op = desc;

	return op->x.ne[0] > 1000 ? ZINC_E_UNSUPPORTED
	                          : faulty_inner_op(ZINC_OP_SOFTCAP)->supports(d, desc, variant);
}

void ops_declines(void)
{
	faulty_op(ZINC_OP_SOFTCAP)->supports = few_lanes;
}

static int times_of_fewer(struct zinc_cmd *cmd, uint64_t *ns, uint32_t *n)
{
	int rc = faulty_inner->backend->cmd_times(cmd, ns, n);

	*n -= *n > 0;
	return rc;
}

void ops_times(void)
{
	faulty_backend.cmd_times = times_of_fewer;
}

/* It takes a block of the weight for another: the matrix begins a row late
 * where it is a window on another. */
static int late_record(struct zinc_cmd *cmd, const void *desc, uint32_t variant)
{
	struct zinc_op_linear op = *(const struct zinc_op_linear *)desc;

	if (op.w.dtype == ZINC_Q6_K && op.w.ne[1] > 1 && op.w.ne[2] == 1)
		op.w.nb[1] -= op.w.nb[0] * (op.w.ne[0] > 2 * 256);
	return faulty_inner_op(ZINC_OP_DMMV)->record(cmd, &op, variant);
}

void ops_weight(void)
{
	faulty_op(ZINC_OP_DMMV)->record = late_record;
}

/* dmmv rounds otherwise than mmq, of the same class. */
static int other_record(struct zinc_cmd *cmd, const void *desc, uint32_t variant)
{
	const struct zinc_op_linear *op = desc;
	int rc = faulty_inner_op(ZINC_OP_DMMV)->record(cmd, desc, variant);

	return rc ? rc : scale_too(cmd, &op->y, 1 + 0x1p-23f);
}

void ops_sibling(void)
{
	record_more(ZINC_OP_DMMV, other_record);
}
