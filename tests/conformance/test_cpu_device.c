/* test_cpu_device.c - the CPU backend's options, device and buffers. */
#include "op_run.h"

#include <stdlib.h>
#include <string.h>

#include "isa.h"

/* A host whose options are given, to open the plugin by hand. */
struct options {
	const char *threads, *isa;
};

static const char *option(void *ctx, const char *key)
{
	const struct options *o = ctx;

	return !strcmp(key, "threads") ? o->threads : !strcmp(key, "isa") ? o->isa : NULL;
}

static void *plain_alloc(void *ctx, size_t n, size_t align)
{
	void *p;

	(void)ctx;
	return posix_memalign(&p, align < sizeof(p) ? sizeof(p) : align, n) ? NULL : p;
}

static void plain_free(void *ctx, void *p)
{
	(void)ctx;
	free(p);
}

static int init_with(struct options *o, struct zinc_err *err, uint32_t *n_devices)
{
	struct zinc_host host = {.struct_size = sizeof(host), .ctx = o, .option = option,
	                         .alloc = plain_alloc, .free = plain_free};
	void *self = NULL;
	int rc = zinc_plugin_v0.init(&host, &self, err);

	if (!rc) {
		assert_int_equal(zinc_plugin_v0.backend->dev_count(self, n_devices, err), ZINC_OK);
		zinc_plugin_v0.fini(self);
	}
	return rc;
}

static void test_options(void **state)
{
	static const char *const bad_threads[] = {"0", "-1", "many", "4x", "", "5000"};
	struct zinc_err err;
	struct options o = {NULL, NULL};
	uint32_t n = 0;

	(void)state;
	assert_int_equal(init_with(&o, &err, &n), ZINC_OK);
	assert_int_equal(n, 1);
	for (size_t i = 0; i < sizeof(bad_threads) / sizeof(*bad_threads); i++) {
		o.threads = bad_threads[i];
		assert_int_equal(init_with(&o, &err, &n), ZINC_E_INVALID);
		assert_non_null(strstr(err.msg, "threads="));
	}
	o.threads = "2";
	o.isa = "sse9";
	assert_int_equal(init_with(&o, &err, &n), ZINC_E_INVALID);
	assert_non_null(strstr(err.msg, "isa=sse9"));
	o.isa = isa_name(CPU_ISA_COUNT - 1);
	assert_int_equal(init_with(&o, &err, &n),
	                 isa_detect() == CPU_ISA_COUNT - 1 ? ZINC_OK : ZINC_E_NO_DEVICE);
	o.isa = "plain";
	assert_int_equal(init_with(&o, &err, &n), ZINC_OK);
}

static void device_info(struct op_run *r)
{
	struct zinc_dev_info info = {.struct_size = sizeof(info)};

	assert_int_equal(r->backend->dev_info(r->self, 0, &info), ZINC_OK);
	assert_int_equal(info.struct_size, sizeof(info));
	assert_int_equal(info.dev_class, ZINC_DEV_CPU);
	assert_true(info.name[0] && info.mem_total >= info.mem_budget && info.mem_budget > 0);
	assert_int_equal(info.n_queues, 1);
	assert_int_equal(r->backend->dev_info(r->self, 1, &info), ZINC_E_INVALID);
	/* A caller compiled with a shorter struct gets what fits. */
	memset(&info, 0x55, sizeof(info));
	info.struct_size = offsetof(struct zinc_dev_info, driver);
	assert_int_equal(r->backend->dev_info(r->self, 0, &info), ZINC_OK);
	assert_int_equal(info.struct_size, offsetof(struct zinc_dev_info, driver));
	assert_int_equal(info.driver[0], 0x55);
}

static void buffers(struct op_run *r)
{
	static const uint64_t sizes[] = {0, 1, 100, 1 << 20, 9 << 20};
	const struct zinc_backend *b = r->backend;
	uint8_t bytes[4] = {1, 2, 3, 4}, got[4];
	struct zinc_err err;
	struct zinc_buf *buf;

	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		assert_int_equal(b->buf_alloc(r->dev, sizes[i], ZINC_MEM_DEVICE, &buf, &err),
		                 ZINC_OK);
		assert_int_equal((uintptr_t)buf->base % 64, 0);
		for (uint64_t at = 0; at < sizes[i]; at += 997)
			assert_int_equal(buf->base[at], 0);
		assert_int_equal(b->buf_write(buf, sizes[i], bytes, 0), ZINC_OK);
		assert_int_equal(b->buf_write(buf, sizes[i], bytes, 1), ZINC_E_INVALID);
		assert_int_equal(b->buf_write(buf, UINT64_MAX, bytes, 2), ZINC_E_INVALID);
		assert_int_equal(b->buf_read(buf, sizes[i] + 1, got, 0), ZINC_E_INVALID);
		if (sizes[i] >= 4) {
			assert_int_equal(b->buf_write(buf, sizes[i] - 4, bytes, 4), ZINC_OK);
			assert_int_equal(b->buf_read(buf, sizes[i] - 4, got, 4), ZINC_OK);
			assert_memory_equal(got, bytes, 4);
		}
		b->buf_free(buf);
	}
	assert_int_equal(b->buf_alloc(r->dev, UINT64_C(1) << 60, ZINC_MEM_DEVICE, &buf, &err),
	                 ZINC_E_NO_MEMORY);
	assert_int_equal(b->buf_alloc(r->dev, 8, 7, &buf, &err), ZINC_E_INVALID);
	b->buf_free(NULL);
}

static void import(struct op_run *r)
{
	static const uint8_t file[8] = {9, 8, 7, 6, 5, 4, 3, 2};
	struct zinc_buf *buf;
	uint8_t got[4];

	assert_int_equal(r->backend->buf_import(r->dev, file, 8, &buf, NULL), ZINC_OK);
	assert_ptr_equal(buf->base, file);
	assert_int_equal(r->backend->buf_read(buf, 4, got, 4), ZINC_OK);
	assert_memory_equal(got, file + 4, 4);
	assert_int_equal(r->backend->buf_write(buf, 0, got, 4), ZINC_E_INVALID);
	r->backend->buf_free(buf);
	assert_int_equal(r->backend->buf_import(r->dev, NULL, 8, &buf, NULL), ZINC_E_INVALID);
}

/* The rates are this machine's: only that there are any can be checked. */
static void peaks(struct op_run *r)
{
	struct zinc_peaks got = {.struct_size = sizeof(got)};
	const struct zinc_backend *b = r->backend;
	struct zinc_span spans[3];
	struct zinc_err err;
	struct zinc_buf *buf;

	assert_int_equal(b->buf_alloc(r->dev, 3 << 20, ZINC_MEM_DEVICE, &buf, &err), ZINC_OK);
	spans[0] = (struct zinc_span){buf, 0, (1 << 20) + 1};
	spans[1] = (struct zinc_span){buf, 3 << 20, 0};
	spans[2] = (struct zinc_span){buf, (2 << 20) + 3, (1 << 20) - 3};
	assert_int_equal(b->dev_peaks(r->dev, spans, 3, &got, &err), ZINC_OK);
	assert_int_equal(got.struct_size, sizeof(got));
	assert_true(got.read_bytes_per_s > 0);
	assert_int_equal(got.int8_ops_per_s > 0, r->isa != RUN_PLAIN);
	spans[2].bytes++;
	assert_int_equal(b->dev_peaks(r->dev, spans, 3, &got, &err), ZINC_E_INVALID);
	got.int8_ops_per_s = 7;
	got.struct_size = offsetof(struct zinc_peaks, int8_ops_per_s);
	assert_int_equal(b->dev_peaks(r->dev, NULL, 0, &got, &err), ZINC_OK);
	assert_int_equal(got.read_bytes_per_s, 0);
	assert_int_equal(got.int8_ops_per_s, 7);
	b->buf_free(buf);
}

EVERYWHERE(device_info)
EVERYWHERE(buffers)
EVERYWHERE(import)
EVERYWHERE(peaks)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_options),
		cmocka_unit_test(test_device_info),
		cmocka_unit_test(test_buffers),
		cmocka_unit_test(test_import),
		cmocka_unit_test(test_peaks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
