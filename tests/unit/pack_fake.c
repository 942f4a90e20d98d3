/* pack_fake.c - a backend that packs weights and computes nothing. */
#include "unit/pack_fake.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct zinc_buf {
	unsigned char *data;
	uint64_t n;
	bool imported;
};

struct zinc_timeline {
	uint64_t value;
};

struct pack_fake pack_fake;

/* Packing is asked for from several threads. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t more = PTHREAD_COND_INITIALIZER;
static bool held;
static uint32_t allowed;

static void set_gate(bool hold, uint32_t times)
{
	pthread_mutex_lock(&lock);
	held = hold;
	allowed += times;
	pthread_cond_broadcast(&more);
	pthread_mutex_unlock(&lock);
}

void pack_hold(void)
{
	set_gate(true, 0);
}

void pack_allow(uint32_t times)
{
	set_gate(true, times);
}

void pack_free(void)
{
	pthread_mutex_lock(&lock);
	held = false;
	allowed = 0;
	pthread_cond_broadcast(&more);
	pthread_mutex_unlock(&lock);
}

static struct zinc_dev *const device = (struct zinc_dev *)(void *)&pack_fake;
static struct zinc_cmd *const list = (struct zinc_cmd *)(void *)&pack_fake;

const unsigned char *pack_bytes(const struct zinc_buf *buf, uint64_t off, uint64_t n)
{
	assert_non_null(buf);
	assert_true(off <= buf->n && n <= buf->n - off);
	return buf->data + off;
}

static int dev_count(void *self, uint32_t *n, struct zinc_err *err)
{
	(void)self;
	(void)err;
	*n = 1;
	return ZINC_OK;
}

static int dev_info(void *self, uint32_t i, struct zinc_dev_info *out)
{
	(void)self;
	(void)i;
	snprintf(out->name, sizeof(out->name), "packing device");
	out->dev_class = pack_fake.discrete ? ZINC_DEV_DGPU : ZINC_DEV_CPU;
	out->mem_total = out->mem_budget = 1 << 30;
	out->buf_align = 64;
	out->n_queues = 1;
	return ZINC_OK;
}

/* The variant of every op. */
static struct zinc_variant any[] = {{"any", 0, ZINC_NUM_F32}};

static int dev_open(void *self, uint32_t i, struct zinc_dev **out, struct zinc_err *err)
{
	(void)self;
	(void)i;
	(void)err;
	any[0].numerics = pack_fake.free_sums ? ZINC_NUM_FREE : ZINC_NUM_F32;
	*out = device;
	return ZINC_OK;
}

static void dev_close(struct zinc_dev *dev)
{
	(void)dev;
}

static struct zinc_buf *new_buf(const void *data, uint64_t n)
{
	struct zinc_buf *b = calloc(1, sizeof(*b));

	assert_non_null(b);
	b->n = n;
	b->imported = data != NULL;
	b->data = data ? (unsigned char *)(uintptr_t)data : calloc(1, n);
	assert_non_null(b->data);
	pack_fake.n_bufs++;
	return b;
}

static int buf_alloc(struct zinc_dev *dev, uint64_t bytes, uint32_t kind, struct zinc_buf **out,
                     struct zinc_err *err)
{
	(void)dev;
	if (kind == ZINC_MEM_DEVICE && pack_fake.fail_alloc_of &&
	    bytes == pack_fake.fail_alloc_of) {
		err->code = ZINC_E_NO_MEMORY;
		snprintf(err->msg, sizeof(err->msg), "the device is full");
		return ZINC_E_NO_MEMORY;
	}
	*out = new_buf(NULL, bytes);
	return ZINC_OK;
}

static int buf_import(struct zinc_dev *dev, const void *host, uint64_t bytes,
                      struct zinc_buf **out, struct zinc_err *err)
{
	(void)dev;
	(void)err;
	if (!pack_fake.imports)
		return ZINC_E_UNSUPPORTED;
	*out = new_buf(host, bytes);
	return ZINC_OK;
}

static void buf_free(struct zinc_buf *b)
{
	if (!b)
		return;
	if (!b->imported)
		free(b->data);
	free(b);
	pack_fake.n_bufs--;
}

static int buf_write(struct zinc_buf *b, uint64_t off, const void *src, uint64_t n)
{
	memcpy((unsigned char *)(uintptr_t)pack_bytes(b, off, n), src, n);
	return ZINC_OK;
}

static int buf_read(struct zinc_buf *b, uint64_t off, void *dst, uint64_t n)
{
	memcpy(dst, pack_bytes(b, off, n), n);
	return ZINC_OK;
}

static uint64_t rows_of(const struct zinc_view *v)
{
	return (uint64_t)v->ne[1] * v->ne[2] * v->ne[3];
}

/* Plain types keep GGUF order. */
static int weight_layout(struct zinc_dev *dev, const struct zinc_weight_use *use,
                         struct zinc_weight_layout *out)
{
	(void)dev;
	assert_true(pack_fake.n_layout < PACK_MAX_ASKED);
	pack_fake.layout[pack_fake.n_layout++].use = *use;
	if (pack_fake.fail_layout_of && use->view.ne[1] == pack_fake.fail_layout_of)
		return ZINC_E_UNSUPPORTED;
	if (use->view.dtype != ZINC_Q8_0)
		return ZINC_OK;
	out->layout = PACK_LAYOUT;
	out->row_bytes = PACK_ROW;
	out->bytes = PACK_ROW * rows_of(&use->view);
	return ZINC_OK;
}

static void wait_for_others(void)
{
	pthread_mutex_lock(&lock);
	while (pack_fake.n_packed < pack_fake.fail_after)
		pthread_cond_wait(&more, &lock);
	pthread_mutex_unlock(&lock);
}

static int weight_pack(struct zinc_dev *dev, const struct zinc_weight_use *use, uint32_t layout,
                       const void *src, struct zinc_buf *dst, uint64_t off, struct zinc_err *err)
{
	uint64_t n = rows_of(&use->view), row = use->view.nb[1];
	unsigned char padded[PACK_ROW];

	(void)dev;
	pthread_mutex_lock(&lock);
	while (held && !allowed)
		pthread_cond_wait(&more, &lock);
	allowed -= held;
	if (pack_fake.n_pack < PACK_MAX_ASKED)
		pack_fake.pack[pack_fake.n_pack] = (struct pack_asked){*use, layout, src};
	pack_fake.n_pack++;
	pthread_mutex_unlock(&lock);
	if (pack_fake.fail_pack_of && use->view.ne[1] == pack_fake.fail_pack_of) {
		wait_for_others();
		err->code = ZINC_E_INTERNAL;
		snprintf(err->msg, sizeof(err->msg), "the packer is out of order");
		return ZINC_E_INTERNAL;
	}
	for (uint64_t i = 0; i < n; i++) {
		memset(padded, PACK_FILL, sizeof(padded));
		memcpy(padded, (const unsigned char *)src + i * row, row);
		buf_write(dst, off + i * PACK_ROW, padded, sizeof(padded));
	}
	pthread_mutex_lock(&lock);
	pack_fake.n_packed++;
	pthread_cond_broadcast(&more);
	pthread_mutex_unlock(&lock);
	return ZINC_OK;
}

static int cmd_begin(struct zinc_dev *dev, uint32_t flags, struct zinc_buf *scratch,
                     struct zinc_cmd **out, struct zinc_err *err)
{
	(void)dev;
	(void)flags;
	(void)scratch;
	(void)err;
	*out = list;
	return ZINC_OK;
}

static int cmd_end(struct zinc_cmd *cmd, struct zinc_err *err)
{
	(void)cmd;
	(void)err;
	return ZINC_OK;
}

static void cmd_free(struct zinc_cmd *cmd)
{
	(void)cmd;
}

static int submit(struct zinc_dev *dev, const struct zinc_submit *s, struct zinc_err *err)
{
	(void)dev;
	(void)err;
	for (uint32_t i = 0; i < s->n_signal; i++)
		s->signal[i].tl->value = s->signal[i].value;
	return ZINC_OK;
}

static int tl_create(struct zinc_dev *dev, uint64_t initial, struct zinc_timeline **out)
{
	(void)dev;
	*out = calloc(1, sizeof(**out));
	assert_non_null(*out);
	(*out)->value = initial;
	return ZINC_OK;
}

static int tl_wait(struct zinc_timeline *tl, uint64_t value, uint64_t timeout_ns)
{
	(void)timeout_ns;
	return tl->value >= value ? ZINC_OK : ZINC_E_TIMEOUT;
}

static int tl_value(struct zinc_timeline *tl, uint64_t *out)
{
	*out = tl->value;
	return ZINC_OK;
}

static void tl_free(struct zinc_timeline *tl)
{
	free(tl);
}

static int supports(struct zinc_dev *dev, const void *desc, uint32_t variant)
{
	(void)dev;
	(void)desc;
	(void)variant;
	return ZINC_OK;
}

static int supports_linear(struct zinc_dev *dev, const void *desc, uint32_t variant)
{
	const struct zinc_op_linear *op = desc;

	(void)dev;
	(void)variant;
	return pack_fake.decline_packed && op->w.layout ? ZINC_E_UNSUPPORTED : ZINC_OK;
}

static int record(struct zinc_cmd *cmd, const void *desc, uint32_t variant)
{
	(void)cmd;
	(void)desc;
	(void)variant;
	return ZINC_OK;
}

static int record_linear(struct zinc_cmd *cmd, const void *desc, uint32_t variant)
{
	assert_true(pack_fake.n_linear < PACK_MAX_LINEAR);
	memcpy(&pack_fake.linear[pack_fake.n_linear++], desc, sizeof(struct zinc_op_linear));
	return record(cmd, desc, variant);
}

#define IMPL(id, T, s, r)                                                                          \
	{.struct_size = sizeof(struct zinc_op_impl), .op = id, .name = #id,                        \
	 .desc_size = sizeof(struct T), .n_variants = 1, .variants = any,                          \
	 .wtypes = ZINC_TMASK_WEIGHT, .supports = s, .record = r}

static const struct zinc_op_impl impl_dmmv =
	IMPL(ZINC_OP_DMMV, zinc_op_linear, supports_linear, record_linear);
static const struct zinc_op_impl impl_mmq =
	IMPL(ZINC_OP_MMQ, zinc_op_linear, supports_linear, record_linear);
static const struct zinc_op_impl impl_embed = IMPL(ZINC_OP_EMBED, zinc_op_embed, supports, record);
static const struct zinc_op_impl impl_route =
	IMPL(ZINC_OP_MOE_ROUTE, zinc_op_moe_route, supports, record);
static const struct zinc_op_impl *const ops[] = {&impl_dmmv, &impl_mmq, &impl_embed, &impl_route};

const struct zinc_backend pack_backend = {
	.struct_size = sizeof(pack_backend),
	.n_ops = sizeof(ops) / sizeof(ops[0]),
	.ops = ops,
	.dev_count = dev_count,
	.dev_info = dev_info,
	.dev_open = dev_open,
	.dev_close = dev_close,
	.buf_alloc = buf_alloc,
	.buf_import = buf_import,
	.buf_free = buf_free,
	.buf_write = buf_write,
	.buf_read = buf_read,
	.weight_layout = weight_layout,
	.weight_pack = weight_pack,
	.cmd_begin = cmd_begin,
	.cmd_end = cmd_end,
	.cmd_free = cmd_free,
	.submit = submit,
	.tl_create = tl_create,
	.tl_wait = tl_wait,
	.tl_value = tl_value,
	.tl_free = tl_free,
};
