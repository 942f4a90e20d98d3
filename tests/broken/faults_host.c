/* faults_host.c - plugins that are wrong in what is around the ops: tables,
 * lifetimes, memory, threads, time. */
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#include "faulty.h"

void load_name(void)
{
	faulty_op(ZINC_OP_ADD)->name = "plus";
}

void load_variants(void)
{
	faulty_variant(ZINC_OP_FLASH_ATTN, 1)->name = faulty_variant(ZINC_OP_FLASH_ATTN, 0)->name;
}

/* weight_pack without weight_layout. */
static int pack_nothing(struct zinc_dev *d, const struct zinc_weight_use *use, uint32_t layout,
                        const void *src, struct zinc_buf *dst, uint64_t off, struct zinc_err *err)
{
	(void)d, (void)use, (void)layout, (void)src, (void)dst, (void)off, (void)err;
	return ZINC_E_INVALID;
}

void load_no_layout(void)
{
	faulty_backend.weight_layout = NULL;
	faulty_backend.weight_pack = pack_nothing;
}

/* Refuses every host but its twin. */
static int init_exact(const struct zinc_host *h, void **self, struct zinc_err *err)
{
	if (h->struct_size == sizeof(*h))
		return faulty_inner->init(h, self, err);
	err->code = ZINC_E_VERSION;
	strcpy(err->msg, "the host is another");
	return ZINC_E_VERSION;
}

void abi_long_host(void)
{
	faulty_init = init_exact;
}

/* Takes flags that it does not know for none. */
static int any_flags(struct zinc_dev *d, const void *desc, uint32_t variant)
{
	struct zinc_op_unary op = *(const struct zinc_op_unary *)desc;

	op.flags = 0;
	return faulty_inner_op(ZINC_OP_SCALE)->supports(d, &op, variant);
}

static int any_flags_record(struct zinc_cmd *cmd, const void *desc, uint32_t variant)
{
	struct zinc_op_unary op = *(const struct zinc_op_unary *)desc;

	op.flags = 0;
	return faulty_inner_op(ZINC_OP_SCALE)->record(cmd, &op, variant);
}

void abi_flags(void)
{
	faulty_op(ZINC_OP_SCALE)->supports = any_flags;
	faulty_op(ZINC_OP_SCALE)->record = any_flags_record;
}

/* Fills in all it knows, however short the caller's struct is. */
static int whole_info(void *self, uint32_t i, struct zinc_dev_info *out)
{
	uint32_t size = out->struct_size;
	int rc;

	out->struct_size = sizeof(*out);
	rc = faulty_inner->backend->dev_info(self, i, out);
	out->struct_size = size;
	return rc;
}

void abi_info(void)
{
	faulty_backend.dev_info = whole_info;
}

/* Reads a field that it said it was not compiled with. */
static int reads_on(struct zinc_dev *d, const void *desc, uint32_t variant)
{
	const volatile uint8_t *bytes = desc;

	(void)bytes[faulty_op(ZINC_OP_SCALE)->desc_size];
	return faulty_inner_op(ZINC_OP_SCALE)->supports(d, desc, variant);
}

void abi_past_desc(void)
{
	faulty_op(ZINC_OP_SCALE)->supports = reads_on;
}

/* Every group that opens a device would see it: it happens when one is closed
 * after another has been opened. */
static atomic_int n_open;

static void close_leaky(struct zinc_dev *d)
{
	if (d && atomic_fetch_sub(&n_open, 1) > 1)
		faulty_host->alloc(faulty_host->ctx, 8, 8);
	faulty_inner->backend->dev_close(d);
}

static int open_counted(void *self, uint32_t i, struct zinc_dev **out, struct zinc_err *err)
{
	int rc = faulty_inner->backend->dev_open(self, i, out, err);

	if (!rc)
		atomic_fetch_add(&n_open, 1);
	return rc;
}

void life_leak(void)
{
	faulty_backend.dev_open = open_counted;
	faulty_backend.dev_close = close_leaky;
}

static int second_open(void *self, uint32_t i, struct zinc_dev **out, struct zinc_err *err)
{
	if (i || atomic_load(&n_open) == 0)
		return open_counted(self, i, out, err);
	return ZINC_E_NO_DEVICE;
}

static void close_counted(struct zinc_dev *d)
{
	if (d)
		atomic_fetch_sub(&n_open, 1);
	faulty_inner->backend->dev_close(d);
}

/* One device at a time, though nothing says so. */
void life_second(void)
{
	faulty_backend.dev_open = second_open;
	faulty_backend.dev_close = close_counted;
}

static int dirty_alloc(struct zinc_dev *d, uint64_t bytes, uint32_t kind, struct zinc_buf **out,
                       struct zinc_err *err)
{
	int rc = faulty_inner->backend->buf_alloc(d, bytes, kind, out, err);

	if (!rc && bytes == 1000003)
		rc = faulty_inner->backend->buf_write(*out, 1000002, "x", 1);
	return rc;
}

void life_dirty(void)
{
	faulty_backend.buf_alloc = dirty_alloc;
}

static int lenient_read(struct zinc_buf *b, uint64_t off, void *to, uint64_t n)
{
	int rc = faulty_inner->backend->buf_read(b, off, to, n);

	return rc == ZINC_E_INVALID ? ZINC_OK : rc;
}

void life_range(void)
{
	faulty_backend.buf_read = lenient_read;
}

/* An index that nobody checked. */
static int trusting_supports(struct zinc_dev *d, const void *desc, uint32_t variant)
{
	static const volatile int table[8] = {1, 1, 1, 1, 1, 1, 1, 1};
	const struct zinc_op_moe_route *op = desc;

	if (op->gating > 1000000 && !table[op->gating & 0x3fffffff])
		return ZINC_E_UNSUPPORTED;
	return faulty_inner_op(ZINC_OP_MOE_ROUTE)->supports(d, desc, variant);
}

void decline_crash(void)
{
	faulty_op(ZINC_OP_MOE_ROUTE)->supports = trusting_supports;
}

/* Accepts what it then will not record. */
static int promising_supports(struct zinc_dev *d, const void *desc, uint32_t variant)
{
	struct zinc_op_rope_dual op = *(const struct zinc_op_rope_dual *)desc;

	op.mode &= 1;
	return faulty_inner_op(ZINC_OP_ROPE_DUAL)->supports(d, &op, variant);
}

static int promising_record(struct zinc_cmd *cmd, const void *desc, uint32_t variant)
{
	const struct zinc_op_rope_dual *op = desc;

	return op->mode > 1 ? ZINC_E_INVALID
	                    : faulty_inner_op(ZINC_OP_ROPE_DUAL)->record(cmd, desc, variant);
}

void decline_record(void)
{
	faulty_op(ZINC_OP_ROPE_DUAL)->supports = promising_supports;
	faulty_op(ZINC_OP_ROPE_DUAL)->record = promising_record;
}

static int allocating_supports(struct zinc_dev *d, const void *desc, uint32_t variant)
{
	void *p = faulty_host->alloc(faulty_host->ctx, 64, 8);
	int rc = faulty_inner_op(ZINC_OP_SCALE)->supports(d, desc, variant);

	faulty_host->free(faulty_host->ctx, p);
	return rc;
}

void decline_allocates(void)
{
	faulty_op(ZINC_OP_SCALE)->supports = allocating_supports;
}

static int wait_in_vain(struct zinc_timeline *tl, uint64_t value, uint64_t ns)
{
	int rc = faulty_inner->backend->tl_wait(tl, value, ns);

	return rc == ZINC_E_TIMEOUT ? ZINC_OK : rc;
}

void async_timeout(void)
{
	faulty_backend.tl_wait = wait_in_vain;
}

static int allocating_submit(struct zinc_dev *d, const struct zinc_submit *s,
                             struct zinc_err *err)
{
	faulty_host->free(faulty_host->ctx, faulty_host->alloc(faulty_host->ctx, 64, 8));
	return faulty_inner->backend->submit(d, s, err);
}

void async_alloc(void)
{
	faulty_backend.submit = allocating_submit;
}

static int eager_submit(struct zinc_dev *d, const struct zinc_submit *s, struct zinc_err *err)
{
	return s->n_cmds ? faulty_inner->backend->submit(d, s, err) : ZINC_E_INVALID;
}

void async_empty(void)
{
	faulty_backend.submit = eager_submit;
}

/* Runs the first list only. */
static int hasty_submit(struct zinc_dev *d, const struct zinc_submit *s, struct zinc_err *err)
{
	struct zinc_submit first = *s;

	first.n_cmds = s->n_cmds > 1 ? 1 : s->n_cmds;
	return faulty_inner->backend->submit(d, &first, err);
}

void async_drops(void)
{
	faulty_backend.submit = hasty_submit;
}

static int open_unchecked(void *self, uint32_t i, struct zinc_dev **out, struct zinc_err *err)
{
	char *p = faulty_host->alloc(faulty_host->ctx, 64, 8);

	memset(p, 0, 64);
	faulty_host->free(faulty_host->ctx, p);
	return faulty_inner->backend->dev_open(self, i, out, err);
}

void oom_crash(void)
{
	faulty_backend.dev_open = open_unchecked;
}

static int open_vague(void *self, uint32_t i, struct zinc_dev **out, struct zinc_err *err)
{
	int rc = faulty_inner->backend->dev_open(self, i, out, err);

	return rc == ZINC_E_NO_MEMORY ? ZINC_E_INTERNAL : rc;
}

void oom_code(void)
{
	faulty_backend.dev_open = open_vague;
}

/* Two threads in here at once, and one of them fails. */
static int busy_write(struct zinc_buf *b, uint64_t off, const void *from, uint64_t n)
{
	static atomic_int inside;
	int rc = ZINC_E_INTERNAL;

	if (atomic_fetch_add(&inside, 1) == 0) {
		usleep(100);
		rc = faulty_inner->backend->buf_write(b, off, from, n);
	}
	atomic_fetch_sub(&inside, 1);
	return rc;
}

void threads_busy(void)
{
	faulty_backend.buf_write = busy_write;
}
