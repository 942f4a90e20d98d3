/* op_run.c - opening the CPU backend, buffers, and running one op. */
#include "op_run.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "isa.h"
#include "kernels.h"
#include "op_check.h"

enum { GUARD = 64, GUARD_BYTE = 0xa5, FRESH_BYTE = 0xff };

#ifdef CONFORMANCE_SIMDE
extern const struct cpu_kernels kernels_avx512_simde;
static const struct cpu_kernels *const emulated = &kernels_avx512_simde;
#else
static const struct cpu_kernels *const emulated = NULL;
#endif

static const char *name_of(enum run_isa isa)
{
	return isa == RUN_AVX512_SIMDE ? "avx512 (simde)" : isa_name((enum cpu_isa)isa);
}

static void *host_alloc(void *ctx, size_t n, size_t align)
{
	struct op_run *r = ctx;
	void *p;

	if (r->fail_at > 0 && --r->fail_at == 0)
		return NULL;
	if (align < sizeof(void *))
		align = sizeof(void *);
	if (posix_memalign(&p, align, n ? n : 1))
		return NULL;
	r->n_allocs++;
	return p;
}

static void host_free(void *ctx, void *p)
{
	struct op_run *r = ctx;

	r->n_allocs -= p != NULL;
	free(p);
}

static void host_log(void *ctx, int level, const char *msg)
{
	(void)ctx;
	(void)level;
	(void)msg;
}

static const char *host_option(void *ctx, const char *key)
{
	const struct op_run *r = ctx;

	if (!strcmp(key, "threads"))
		return r->threads_text;
	if (!strcmp(key, "isa"))
		return r->isa == RUN_AVX512_SIMDE ? "avx2" : name_of(r->isa);
	return NULL;
}

static bool isa_at_hand(enum run_isa isa)
{
	if (isa == RUN_AVX512_SIMDE)
		return emulated && isa_detect() >= CPU_ISA_AVX2;
	return (int)isa <= (int)isa_detect();
}

bool run_open(struct op_run *r, enum run_isa isa, uint32_t n_threads)
{
	struct zinc_err err = {0};

	memset(r, 0, sizeof(*r));
	if (!isa_at_hand(isa))
		return false;
	r->isa = isa;
	r->isa_name = name_of(isa);
	r->n_threads = n_threads;
	snprintf(r->threads_text, sizeof(r->threads_text), "%u", n_threads % 1000);
	r->host = (struct zinc_host){.struct_size = sizeof(r->host), .abi_minor = ZINC_ABI_MINOR,
	                             .ctx = r, .log = host_log, .option = host_option,
	                             .alloc = host_alloc, .free = host_free};
	assert_int_equal(zinc_plugin_v0.init(&r->host, &r->self, &err), ZINC_OK);
	r->backend = zinc_plugin_v0.backend;
	assert_int_equal(r->backend->dev_open(r->self, 0, &r->dev, &err), ZINC_OK);
	if (isa == RUN_AVX512_SIMDE)
		r->dev->kernels = emulated;
	return true;
}

void run_reset(struct op_run *r)
{
	for (uint32_t i = 0; i < r->n_bufs; i++)
		r->backend->buf_free(r->bufs[i]);
	r->n_bufs = 0;
}

void run_close(struct op_run *r)
{
	run_reset(r);
	r->backend->dev_close(r->dev);
	zinc_plugin_v0.fini(r->self);
	assert_int_equal(r->n_allocs, 0);
}

void run_everywhere(void (*fn)(struct op_run *))
{
	static bool told[RUN_ISA_COUNT];
	static const uint32_t threads[] = {1, 3};
	struct op_run r;

	for (int isa = 0; isa < RUN_ISA_COUNT; isa++) {
		for (size_t i = 0; i < sizeof(threads) / sizeof(threads[0]); i++) {
			if (run_open(&r, (enum run_isa)isa, threads[i])) {
				fn(&r);
				run_close(&r);
			} else if (!told[isa]) {
				printf("skipped: no %s here\n", name_of(isa));
				told[isa] = true;
			}
		}
	}
}

void run_threads_agree(void (*fn)(struct op_run *, float *out), size_t n)
{
	float *one = must_calloc(n, sizeof(*one)), *four = must_calloc(n, sizeof(*four));
	struct op_run r;

	for (int isa = 0; isa < RUN_ISA_COUNT; isa++) {
		if (!run_open(&r, (enum run_isa)isa, 1))
			continue;
		fn(&r, one);
		run_close(&r);
		assert_true(run_open(&r, (enum run_isa)isa, 4));
		fn(&r, four);
		run_close(&r);
		check_bits("1 and 4 threads", one, four, n * sizeof(*one));
	}
	free(four);
	free(one);
}

static uint64_t row_bytes(uint32_t dtype, uint32_t ne0)
{
	switch (dtype) {
	case ZINC_F16:
	case ZINC_BF16:
		return ne0 * UINT64_C(2);
	case ZINC_U8:
		return ne0;
	case ZINC_Q8_0:
		return ne0 / 32 * UINT64_C(34);
	default:
		return ne0 * UINT64_C(4);
	}
}

static struct zinc_buf *guarded(struct op_run *r, uint64_t bytes)
{
	struct zinc_buf *b = NULL;
	uint8_t *image = malloc(bytes + 2 * GUARD);

	assert_true(r->n_bufs < RUN_MAX_BUFS);
	assert_non_null(image);
	assert_int_equal(r->backend->buf_alloc(r->dev, bytes + 2 * GUARD, ZINC_MEM_DEVICE, &b,
	                                       NULL), ZINC_OK);
	memset(image, GUARD_BYTE, bytes + 2 * GUARD);
	memset(image + GUARD, FRESH_BYTE, bytes);
	assert_int_equal(r->backend->buf_write(b, 0, image, bytes + 2 * GUARD), ZINC_OK);
	free(image);
	r->sizes[r->n_bufs] = bytes;
	r->bufs[r->n_bufs++] = b;
	return b;
}

static void check_guards(const struct op_run *r)
{
	uint8_t bytes[2 * GUARD];

	for (uint32_t i = 0; i < r->n_bufs; i++) {
		r->backend->buf_read(r->bufs[i], 0, bytes, GUARD);
		r->backend->buf_read(r->bufs[i], GUARD + r->sizes[i], bytes + GUARD, GUARD);
		for (int g = 0; g < 2 * GUARD; g++)
			if (bytes[g] != GUARD_BYTE)
				fail_msg("buffer %u of the case was written %s its view", i,
				         g < GUARD ? "before" : "behind");
	}
}

struct zinc_view run_view(struct op_run *r, uint32_t dtype, uint32_t ne0, uint32_t ne1,
                          uint32_t ne2, uint32_t ne3)
{
	struct zinc_view v = {.off = GUARD, .dtype = dtype, .ne = {ne0, ne1, ne2, ne3}};

	v.nb[0] = dtype == ZINC_Q8_0 ? 34 : row_bytes(dtype, 1);
	v.nb[1] = row_bytes(dtype, ne0);
	v.nb[2] = v.nb[1] * ne1;
	v.nb[3] = v.nb[2] * ne2;
	v.buf = guarded(r, v.nb[3] * ne3);
	return v;
}

struct zinc_view run_view_f32(struct op_run *r, const float *data, uint32_t ne0, uint32_t ne1,
                              uint32_t ne2)
{
	struct zinc_view v = run_view(r, ZINC_F32, ne0, ne1, ne2, 1);
	uint64_t n = (uint64_t)ne0 * ne1 * ne2;
	float *zeros = calloc(n, sizeof(*zeros));

	assert_non_null(zeros);
	run_put(r, &v, data ? data : zeros);
	free(zeros);
	return v;
}

struct zinc_view run_view_i32(struct op_run *r, const int32_t *data, uint32_t ne0, uint32_t ne1)
{
	struct zinc_view v = run_view(r, ZINC_I32, ne0, ne1, 1, 1);

	run_put(r, &v, data);
	return v;
}

/* Calls move for every row of the view with its offset and its dense place. */
static void each_row(struct op_run *r, const struct zinc_view *v, uint8_t *dense, bool put)
{
	uint64_t bytes = row_bytes(v->dtype, v->ne[0]);
	uint64_t rows = (uint64_t)v->ne[1] * v->ne[2] * v->ne[3];

	for (uint64_t i = 0; i < rows; i++) {
		uint64_t i1 = i % v->ne[1], i2 = i / v->ne[1] % v->ne[2];
		uint64_t i3 = i / v->ne[1] / v->ne[2];
		uint64_t off = v->off + i1 * v->nb[1] + i2 * v->nb[2] + i3 * v->nb[3];
		int rc = put ? r->backend->buf_write(v->buf, off, dense + i * bytes, bytes)
		             : r->backend->buf_read(v->buf, off, dense + i * bytes, bytes);

		assert_int_equal(rc, ZINC_OK);
	}
}

void run_put(struct op_run *r, const struct zinc_view *v, const void *dense)
{
	each_row(r, v, (uint8_t *)(uintptr_t)dense, true);
}

void run_get(struct op_run *r, const struct zinc_view *v, void *dense)
{
	each_row(r, v, dense, false);
}

struct run_params run_step(uint32_t n_tokens, uint32_t n_seqs)
{
	struct run_params p = {{0}};

	p.slot[ZINC_SLOT_N_TOKENS] = n_tokens;
	p.slot[ZINC_SLOT_N_SEQS] = n_seqs;
	p.slot[ZINC_SLOT_N_OUT] = n_tokens;
	return p;
}

const struct zinc_op_impl *run_impl(const struct op_run *r, uint32_t op)
{
	for (uint32_t i = 0; i < r->backend->n_ops; i++)
		if (r->backend->ops[i]->op == op)
			return r->backend->ops[i];
	fail_msg("the backend has no op %u", op);
	return NULL;
}

int run_supports(const struct op_run *r, uint32_t op, const void *desc, uint32_t variant)
{
	return run_impl(r, op)->supports(r->dev, desc, variant);
}

void run_op(struct op_run *r, uint32_t op, const void *desc, uint32_t variant,
            const struct run_params *p)
{
	const struct zinc_op_impl *impl = run_impl(r, op);
	const struct zinc_backend *b = r->backend;
	uint64_t bytes = impl->scratch ? impl->scratch(r->dev, desc, variant) : 0;
	struct zinc_buf *scratch = NULL;
	struct zinc_timeline *tl = NULL;
	struct zinc_point done;
	struct zinc_cmd *cmd = NULL;
	struct zinc_err err = {0};
	struct zinc_submit s = {.struct_size = sizeof(s), .cmds = &cmd, .n_cmds = 1,
	                        .signal = &done, .n_signal = 1, .params = p->slot};

	if (bytes)
		scratch = guarded(r, bytes);
	if (impl->supports(r->dev, desc, variant) != ZINC_OK)
		fail_msg("%s declines variant %u of this case", impl->name, variant);
	/* The guards make the buffer larger than asked: hand over its middle. */
	if (scratch) {
		scratch->base += GUARD;
		scratch->bytes -= 2 * GUARD;
	}
	assert_int_equal(b->tl_create(r->dev, 0, &tl), ZINC_OK);
	assert_int_equal(b->cmd_begin(r->dev, 0, scratch, &cmd, &err), ZINC_OK);
	assert_int_equal(impl->record(cmd, desc, variant), ZINC_OK);
	assert_int_equal(b->cmd_end(cmd, &err), ZINC_OK);
	done = (struct zinc_point){tl, 1};
	assert_int_equal(b->submit(r->dev, &s, &err), ZINC_OK);
	assert_int_equal(b->tl_wait(tl, 1, UINT64_MAX), ZINC_OK);
	b->cmd_free(cmd);
	b->tl_free(tl);
	if (scratch) {
		scratch->base -= GUARD;
		scratch->bytes += 2 * GUARD;
	}
	check_guards(r);
	if (scratch)
		b->buf_free(r->bufs[--r->n_bufs]);
}
