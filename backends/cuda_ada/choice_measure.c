/* choice_measure.c - how long products take each way, on the GPU at hand.
 *
 * A product is recorded several times over as one list, as prefill records it, with
 * weights that are not in the cache because others went through it since, and with
 * inputs in turn, so that no two launches are joined. */
#include <stdio.h>

#include "choice.h"
#include "device.h"

enum {
	MOST_COPIES = 8,  /* of the weights */
	REPEATS = 6, RUNS = 2,
	DMMV_MOST = 64,   /* columns: beyond, it never wins */
	LIBRARY_LEAST = 32
};

static const uint64_t most_weights = UINT64_C(256) << 20;

struct grid {
	const uint32_t *types, *sizes, *cols; /* ended by UINT32_MAX */
};

static const uint32_t all_types[] = {
	ADA_F16, ADA_BF16, ADA_Q8_0, ADA_Q4_0, ADA_Q4_1, ADA_Q5_0, ADA_Q5_1, ADA_Q2_K,
	ADA_Q3_K, ADA_Q4_K, ADA_Q5_K, ADA_Q6_K, ADA_IQ4_NL, ADA_IQ4_XS, ADA_MXFP4, UINT32_MAX};
static const uint32_t all_sizes[] = {2048, 8192, UINT32_MAX};
static const uint32_t all_cols[] = {16, 32, 64, 128, 256, 512, 1024, 2048, UINT32_MAX};
static const struct grid whole = {all_types, all_sizes, all_cols};

static const uint32_t few_types[] = {ADA_Q4_K, UINT32_MAX};
static const uint32_t few_sizes[] = {256, UINT32_MAX};
static const uint32_t few_cols[] = {16, 64, UINT32_MAX};
static const struct grid few = {few_types, few_sizes, few_cols};

struct bench {
	struct zinc_dev *dev;
	struct ada_choices *all;
	const struct grid *grid;
	struct zinc_buf *w, *x, *y, *scratch;
	uint64_t x_bytes; /* of one of two inputs */
	CUevent from, to;
	struct zinc_err *err;
};

static uint32_t last_of(const uint32_t *list)
{
	while (list[1] != UINT32_MAX)
		list++;
	return *list;
}

static struct zinc_view weight_view(uint32_t type, uint32_t k, uint32_t rows)
{
	struct ada_gguf_block b = ada_gguf_block(type);
	struct zinc_view v = {.dtype = type, .ne = {k, rows, 1, 1}, .nb = {b.bytes}};

	v.nb[1] = (uint64_t)k / b.elems * b.bytes;
	if (b.elems > 1) {
		v.layout = ADA_WEIGHT_ROWS;
		v.nb[1] = ada_row_layout(type, k).bytes;
	}
	v.nb[2] = v.nb[3] = v.nb[1] * rows;
	return v;
}

static struct zinc_view rows_view(struct zinc_buf *buf, uint32_t dtype, uint32_t ne0, uint32_t n,
                                  uint64_t row_bytes)
{
	struct zinc_view v = {.buf = buf, .dtype = dtype, .ne = {ne0, n, 1, 1}};

	v.nb[0] = dtype == ZINC_F32 ? 4 : 1;
	v.nb[1] = row_bytes;
	v.nb[2] = v.nb[3] = row_bytes * n;
	return v;
}

/* x as the core would hand it over: plain, or as quant_act writes it. */
static void give_x(const struct bench *b, struct zinc_op_linear *op, uint32_t id, uint32_t variant)
{
	struct zinc_act_layout a = {.struct_size = sizeof(a)};
	uint32_t k = op->w.ne[0], n = op->n.imm;

	op->x = rows_view(b->x, ZINC_F32, k, n, 4ull * k);
	ada_act_layout(b->dev, id, op, variant, &a);
	if (!a.layout)
		return;
	op->x = rows_view(b->x, ZINC_U8, k, n, a.row_bytes);
	op->x.layout = a.layout;
}

/* The core's own choice among what an op offers. */
static const struct zinc_op_impl *choose(struct bench *b, const struct zinc_op_linear *op,
                                         enum ada_way way, uint32_t *variant)
{
	const struct zinc_op_impl *impl = way == ADA_WAY_DMMV ? &ada_op_dmmv : &ada_op_mmq;

	for (*variant = 0; *variant < impl->n_variants; ++*variant) {
		const struct zinc_variant *v = &impl->variants[*variant];

		if ((way == ADA_WAY_DMMV && v->numerics != ZINC_NUM_Q8) ||
		    (v->max_cols && v->max_cols < op->n.imm))
			continue;
		if (!impl->supports(b->dev, op, *variant))
			return impl;
	}
	return NULL;
}

static int run_once(struct bench *b, struct zinc_cmd *cmd, float *ms)
{
	const struct ada_driver *drv = b->dev->drv;
	CUresult r = drv->cuEventRecord(b->from, b->dev->stream);

	if (r == CUDA_SUCCESS)
		r = ada_cmd_enqueue(cmd);
	if (r == CUDA_SUCCESS)
		r = drv->cuEventRecord(b->to, b->dev->stream);
	if (r == CUDA_SUCCESS)
		r = drv->cuStreamSynchronize(b->dev->stream);
	if (r == CUDA_SUCCESS)
		r = drv->cuEventElapsedTime(ms, b->from, b->to);
	return r == CUDA_SUCCESS ? ZINC_OK : ada_dev_err(b->dev, b->err, r, "timing products");
}

static int time_list(struct bench *b, struct zinc_cmd *cmd, uint32_t *ns)
{
	float best = 0, ms = 0;
	int rc = run_once(b, cmd, &ms);

	for (int i = 0; i < RUNS && !rc; i++) {
		rc = run_once(b, cmd, &ms);
		best = i && best < ms ? best : ms;
	}
	*ns = (uint32_t)((double)best * 1e6 / REPEATS) + 1;
	return rc;
}

static int record(struct bench *b, struct zinc_op_linear *op, enum ada_way way,
                  struct zinc_cmd *cmd, bool *goes)
{
	uint64_t bytes = op->w.nb[2], copies = b->w->bytes / bytes;
	uint32_t variant = 0;
	const struct zinc_op_impl *impl;

	op->x = rows_view(b->x, ZINC_F32, op->w.ne[0], op->n.imm, 4ull * op->w.ne[0]);
	impl = choose(b, op, way, &variant);
	*goes = impl && (!impl->scratch || impl->scratch(b->dev, op, variant) <= b->scratch->bytes);
	if (!*goes)
		return ZINC_OK;
	give_x(b, op, impl->op, variant);
	copies = copies < MOST_COPIES ? copies : MOST_COPIES;
	for (uint32_t i = 0; i < REPEATS; i++) {
		op->w.off = i % copies * bytes;
		op->x.off = i % 2 * b->x_bytes;
		impl->record(cmd, op, variant);
	}
	return ZINC_OK;
}

static int time_way(struct bench *b, struct ada_choice *c, enum ada_way way)
{
	struct zinc_op_linear op = {.struct_size = sizeof(op), .n = zinc_imm(c->cols),
	                            .w = weight_view(c->type, c->k, c->rows)};
	struct zinc_cmd *cmd;
	bool goes = false;
	int rc = ada_cmd_begin(b->dev, 0, b->scratch, &cmd, b->err);

	if (rc)
		return rc;
	op.w.buf = b->w;
	op.y = rows_view(b->y, ZINC_F32, c->rows, c->cols, 4ull * c->rows);
	b->all->forced = way;
	rc = record(b, &op, way, cmd, &goes);
	if (!rc)
		rc = ada_cmd_end(cmd, b->err);
	if (!rc && goes)
		rc = time_list(b, cmd, &c->ns[way]);
	ada_cmd_free(cmd);
	return rc;
}

static int measure_one(struct bench *b, struct ada_choice c)
{
	int rc = ZINC_OK;

	for (int w = 0; w < ADA_N_WAYS && !rc; w++)
		if (!(w == ADA_WAY_DMMV && c.cols > DMMV_MOST) &&
		    !(w == ADA_WAY_LIBRARY && c.cols < LIBRARY_LEAST))
			rc = time_way(b, &c, (enum ada_way)w);
	if (!rc && b->all->n < ADA_CHOICES_MAX)
		b->all->list[b->all->n++] = c;
	return rc;
}

static int measure_type(struct bench *b, uint32_t type)
{
	const struct grid *g = b->grid;
	int rc = ZINC_OK;

	for (uint32_t m = 0; g->sizes[m] != UINT32_MAX; m++)
		for (uint32_t k = 0; g->sizes[k] != UINT32_MAX; k++)
			for (uint32_t n = 0; g->cols[n] != UINT32_MAX && !rc; n++)
				rc = measure_one(b, (struct ada_choice){
					.type = type, .rows = g->sizes[m], .k = g->sizes[k],
					.cols = g->cols[n]});
	return rc;
}

static int allocate(struct bench *b)
{
	const uint64_t size = last_of(b->grid->sizes), cols = last_of(b->grid->cols);
	const uint64_t f16 = 2 * size * size, scratch = f16 + (UINT64_C(256) << 20);
	uint64_t w = MOST_COPIES * f16;
	int rc;

	b->x_bytes = 4 * size * cols;
	w = w < most_weights ? w : most_weights;
	rc = ada_buf_alloc(b->dev, w, ZINC_MEM_DEVICE, &b->w, b->err);
	if (!rc)
		rc = ada_buf_alloc(b->dev, 2 * b->x_bytes, ZINC_MEM_DEVICE, &b->x, b->err);
	if (!rc)
		rc = ada_buf_alloc(b->dev, 4 * size * cols, ZINC_MEM_DEVICE, &b->y, b->err);
	if (!rc)
		rc = ada_buf_alloc(b->dev, scratch, ZINC_MEM_DEVICE, &b->scratch, b->err);
	if (!rc && (b->dev->drv->cuEventCreate(&b->from, CU_EVENT_DEFAULT) != CUDA_SUCCESS ||
	            b->dev->drv->cuEventCreate(&b->to, CU_EVENT_DEFAULT) != CUDA_SUCCESS))
		rc = ada_err(b->err, ZINC_E_NO_MEMORY, "no events to measure with");
	return rc;
}

static void release(struct bench *b)
{
	if (b->from)
		b->dev->drv->cuEventDestroy(b->from);
	if (b->to)
		b->dev->drv->cuEventDestroy(b->to);
	ada_buf_free(b->scratch);
	ada_buf_free(b->y);
	ada_buf_free(b->x);
	ada_buf_free(b->w);
}

int ada_choices_measure(struct zinc_dev *dev, struct ada_choices *all, bool sample,
                        struct zinc_err *err)
{
	struct bench b = {.dev = dev, .all = all, .grid = sample ? &few : &whole, .err = err};
	int rc = allocate(&b);

	all->n = 0;
	all->measuring = true;
	for (uint32_t t = 0; b.grid->types[t] != UINT32_MAX && !rc; t++)
		rc = measure_type(&b, b.grid->types[t]);
	all->measuring = false;
	release(&b);
	return rc;
}
