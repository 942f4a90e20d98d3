/* test_quantize.c - whole files: which type each tensor gets, that the values
 * stay near, and that whatever goes wrong leaves the output as it was. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <cmocka.h>
#include <signal.h>
#include <unistd.h>

#include "cli/cmd_quantize.h"
#include "gguf_bytes.h"
#include "model/dtype.h"
#include "model/gguf.h"
#include "model/gguf_write.h"
#include "model/quant_recipe.h"
#include "model/quantize.h"
#include "quant.h"

/* A model of one block, and what q4_k_m and q8_0 make of it. */
static const struct {
	const char *name;
	uint32_t dtype, ne[2], q4_k_m, q8_0;
} parts[] = {
	{"token_embd.weight", ZINC_F16, {256, 40}, ZINC_Q6_K, ZINC_Q8_0},
	{"output_norm.weight", ZINC_F32, {256, 1}, ZINC_F32, ZINC_F32},
	{"blk.0.attn_norm.weight", ZINC_F32, {256, 1}, ZINC_F32, ZINC_F32},
	{"blk.0.attn_q.weight", ZINC_BF16, {256, 256}, ZINC_Q4_K, ZINC_Q8_0},
	{"blk.0.attn_v.weight", ZINC_F32, {256, 64}, ZINC_Q6_K, ZINC_Q8_0},
	{"blk.0.attn_output.weight", ZINC_F16, {96, 256}, ZINC_Q5_0, ZINC_Q8_0},
	{"blk.0.ffn_down.weight", ZINC_F16, {160, 256}, ZINC_Q8_0, ZINC_Q8_0},
	{"blk.0.ffn_up.weight", ZINC_F32, {40, 256}, ZINC_F16, ZINC_F16},
	{"blk.0.ffn_gate_inp.weight", ZINC_F16, {256, 4}, ZINC_F16, ZINC_F16},
	{"blk.0.ssm_conv1d.weight", ZINC_F32, {4, 384}, ZINC_F32, ZINC_F32},
	{"blk.0.ssm_a", ZINC_F32, {256, 2}, ZINC_F32, ZINC_F32},
};

enum { N_PARTS = sizeof(parts) / sizeof(parts[0]) };

static const char *path_of(const char *name)
{
	static char paths[4][400];
	static int next;
	char *p = paths[next++ % 4];

	snprintf(p, sizeof(paths[0]), "%s/%s", temp_dir(), name);
	return p;
}

/* The values of one tensor: a wave with its own phase, and perhaps one that is
 * no number. */
static void write_part(struct gguf_writer *w, int i, bool damaged)
{
	uint64_t n = (uint64_t)parts[i].ne[0] * parts[i].ne[1];
	float *x = malloc(n * sizeof(*x));
	uint8_t *raw = malloc(n * sizeof(*x));

	for (uint64_t j = 0; j < n; j++)
		x[j] = 0.05f * sinf(0.7f * (float)j + (float)i) + 0.01f * cosf(3.1f * (float)j);
	if (damaged)
		x[n / 2] = NAN;
	quant_from_f32(parts[i].dtype, x, raw, n);
	assert_int_equal(gguf_writer_data(w, raw, dtype_row_bytes(parts[i].dtype, n), NULL),
	                 ZINC_OK);
	free(x);
	free(raw);
}

/* damaged: the tensor with a NaN, or -1. */
static void write_model(const char *path, int damaged)
{
	static const struct gguf_str arch = {"made", 4};
	struct gguf_kv kv = {.key = {"general.architecture", 20}, .type = GGUF_STRING, .n = 1,
	                     .strs = &arch};
	struct gguf_writer *w;

	assert_int_equal(gguf_writer_create(path, &w, NULL), ZINC_OK);
	assert_int_equal(gguf_writer_kv(w, &kv, NULL), ZINC_OK);
	gguf_writer_kv_u32(w, "general.file_type", 1, NULL);
	gguf_writer_kv_u32(w, "made.block_count", 1, NULL);
	gguf_writer_kv_u32(w, "split.count", 1, NULL);
	for (int i = 0; i < N_PARTS; i++) {
		struct gguf_tensor t = {.name = parts[i].name, .dtype = parts[i].dtype,
		                        .n_dims = parts[i].ne[1] > 1 ? 2 : 1,
		                        .ne = {parts[i].ne[0], parts[i].ne[1], 1, 1}};

		assert_int_equal(gguf_writer_tensor(w, &t, NULL), ZINC_OK);
	}
	assert_int_equal(gguf_writer_begin(w, NULL), ZINC_OK);
	for (int i = 0; i < N_PARTS; i++)
		write_part(w, i, i == damaged);
	assert_int_equal(gguf_writer_commit(w, NULL), ZINC_OK);
	gguf_writer_destroy(w);
}

static int quantize(const char *in, const char *out, const char *type, uint32_t n_threads,
                    struct zinc_err *err)
{
	struct quantize_job job = {.in = in, .out = out, .recipe = quant_recipe_find(type),
	                           .n_threads = n_threads};
	struct quantize_stats stats;

	assert_non_null(job.recipe);
	return quantize_file(&job, &stats, err);
}

static void check_near(const struct gguf_tensor *a, const struct gguf_tensor *b, double bound)
{
	uint64_t n = (uint64_t)a->ne[0] * a->ne[1];
	float *x = malloc(n * sizeof(*x)), *y = malloc(n * sizeof(*y));
	double e = 0, s = 0;

	quant_to_f32(a->dtype, a->data, x, n);
	quant_to_f32(b->dtype, b->data, y, n);
	for (uint64_t i = 0; i < n; i++) {
		e += ((double)x[i] - y[i]) * ((double)x[i] - y[i]);
		s += (double)x[i] * x[i];
	}
	free(x);
	free(y);
	if (sqrt(e / s) > bound)
		fail_msg("%s: relative error %.3f", a->name, sqrt(e / s));
}

static void check_model(const char *type, uint32_t file_type)
{
	struct gguf *a, *b;
	uint32_t v;

	assert_int_equal(quantize(path_of("in.gguf"), path_of("out.gguf"), type, 2, NULL), ZINC_OK);
	assert_int_equal(gguf_open(path_of("in.gguf"), &a, NULL), ZINC_OK);
	assert_int_equal(gguf_open(path_of("out.gguf"), &b, NULL), ZINC_OK);
	assert_int_equal(gguf_get_u32(b, "general.file_type", 0, &v), ZINC_OK);
	assert_int_equal(v, file_type);
	assert_int_equal(gguf_get_u32(b, "general.quantization_version", 0, &v), ZINC_OK);
	assert_int_equal(v, 2);
	assert_non_null(gguf_find(b, "made.block_count"));
	assert_null(gguf_find(b, "split.count"));
	for (int i = 0; i < N_PARTS; i++) {
		const struct gguf_tensor *from = gguf_tensor_at(a, (uint64_t)i);
		const struct gguf_tensor *to = gguf_tensor_at(b, (uint64_t)i);
		uint32_t want = strcmp(type, "q8_0") ? parts[i].q4_k_m : parts[i].q8_0;

		assert_string_equal(to->name, parts[i].name);
		if (to->dtype != want)
			fail_msg("%s is %s, not %s", to->name, dtype_name(to->dtype), dtype_name(want));
		if (to->dtype == from->dtype)
			assert_memory_equal(to->data, from->data, from->bytes);
		check_near(from, to, 0.06);
	}
	gguf_close(a);
	gguf_close(b);
}

static void types_and_values(void **state)
{
	(void)state;
	write_model(path_of("in.gguf"), -1);
	check_model("q4_k_m", 15);
	check_model("q8_0", 7);
}

static void threads_do_not_change_a_byte(void **state)
{
	struct bytes one, five;

	(void)state;
	write_model(path_of("in.gguf"), -1);
	assert_int_equal(quantize(path_of("in.gguf"), path_of("1.gguf"), "q5_k_m", 1, NULL), 0);
	assert_int_equal(quantize(path_of("in.gguf"), path_of("5.gguf"), "q5_k_m", 5, NULL), 0);
	one = read_whole(path_of("1.gguf"));
	five = read_whole(path_of("5.gguf"));
	assert_int_equal(one.n, five.n);
	assert_memory_equal(one.data, five.data, one.n);
	bytes_finish(&one);
	bytes_finish(&five);
}

/* More elements than are encoded at once. */
static void a_large_tensor(void **state)
{
	struct gguf_tensor t = {.name = "blk.0.ffn_up.weight", .dtype = ZINC_BF16, .n_dims = 2,
	                        .ne = {96, 50000, 1, 1}, .bytes = 96 * 50000 * 2};
	uint16_t *values = malloc(t.bytes);
	struct gguf_writer *w;
	struct gguf *a, *b;

	(void)state;
	for (uint32_t i = 0; i < t.ne[0] * t.ne[1]; i++)
		values[i] = (uint16_t)(0x3c00 + i * 40503u % 509); /* 0.0078 to 0.031 */
	assert_int_equal(gguf_writer_create(path_of("in.gguf"), &w, NULL), ZINC_OK);
	assert_int_equal(gguf_writer_tensor(w, &t, NULL), ZINC_OK);
	assert_int_equal(gguf_writer_begin(w, NULL), ZINC_OK);
	assert_int_equal(gguf_writer_data(w, values, t.bytes, NULL), ZINC_OK);
	assert_int_equal(gguf_writer_commit(w, NULL), ZINC_OK);
	gguf_writer_destroy(w);
	free(values);
	assert_int_equal(quantize(path_of("in.gguf"), path_of("out.gguf"), "q8_0", 3, NULL), 0);
	assert_int_equal(gguf_open(path_of("in.gguf"), &a, NULL), ZINC_OK);
	assert_int_equal(gguf_open(path_of("out.gguf"), &b, NULL), ZINC_OK);
	assert_int_equal(gguf_tensor_at(b, 0)->dtype, ZINC_Q8_0);
	check_near(gguf_tensor_at(a, 0), gguf_tensor_at(b, 0), 0.006);
	gguf_close(a);
	gguf_close(b);
}

static void a_quantised_tensor_is_no_source(void **state)
{
	struct zinc_err err = {0};

	(void)state;
	write_model(path_of("in.gguf"), -1);
	assert_int_equal(quantize(path_of("in.gguf"), path_of("8.gguf"), "q8_0", 1, NULL), 0);
	assert_int_equal(quantize(path_of("8.gguf"), path_of("again.gguf"), "q8_0", 1, NULL), 0);
	assert_int_equal(quantize(path_of("8.gguf"), path_of("4.gguf"), "q4_0", 1, &err),
	                 ZINC_E_UNSUPPORTED);
	assert_non_null(strstr(err.msg, "token_embd.weight is q8_0"));
	assert_int_equal(access(path_of("4.gguf"), F_OK), -1);
}

/* The older output is what it was, and nothing lies beside it. */
static void check_untouched(void)
{
	struct bytes b = read_whole(path_of("out.gguf"));
	const char *dir = temp_dir();

	assert_int_equal(b.n, 5);
	assert_memory_equal(b.data, "older", 5);
	bytes_finish(&b);
	unlink(path_of("in.gguf"));
	unlink(path_of("out.gguf"));
	assert_int_equal(rmdir(dir), 0);
}

static void a_damaged_tensor_is_named(void **state)
{
	struct zinc_err err = {0};

	(void)state;
	write_model(path_of("in.gguf"), 5);
	temp_file("out.gguf", "older", 5);
	assert_int_equal(quantize(path_of("in.gguf"), path_of("out.gguf"), "q6_k", 2, &err),
	                 ZINC_E_INVALID);
	assert_non_null(strstr(err.msg, parts[5].name));
	check_untouched();
}

static void a_full_disk_changes_nothing(void **state)
{
	struct rlimit old, small;
	struct zinc_err err = {0};
	int rc;

	(void)state;
	write_model(path_of("in.gguf"), -1);
	temp_file("out.gguf", "older", 5);
	signal(SIGXFSZ, SIG_IGN);
	getrlimit(RLIMIT_FSIZE, &old);
	small = old;
	small.rlim_cur = 50000;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	rc = quantize(path_of("in.gguf"), path_of("out.gguf"), "q4_0", 1, &err);
	setrlimit(RLIMIT_FSIZE, &old);
	assert_int_equal(rc, ZINC_E_IO);
	assert_non_null(strstr(err.msg, "out.gguf"));
	check_untouched();
}

static void stops_when_told_to(void **state)
{
	volatile sig_atomic_t stop = 1;
	struct quantize_job job = {.recipe = quant_recipe_find("q8_0"), .n_threads = 1,
	                           .stop = &stop};
	struct quantize_stats stats;

	(void)state;
	write_model(path_of("in.gguf"), -1);
	temp_file("out.gguf", "older", 5);
	job.in = path_of("in.gguf");
	job.out = path_of("out.gguf");
	assert_int_equal(quantize_file(&job, &stats, NULL), ZINC_E_TIMEOUT);
	check_untouched();
}

static void the_source_is_safe(void **state)
{
	static const char *const names[] = {"in.gguf", "hard.gguf", "soft.gguf"};
	struct bytes before, after;

	(void)state;
	write_model(path_of("in.gguf"), -1);
	before = read_whole(path_of("in.gguf"));
	assert_int_equal(link(path_of("in.gguf"), path_of("hard.gguf")), 0);
	assert_int_equal(symlink("in.gguf", path_of("soft.gguf")), 0);
	for (int i = 0; i < 3; i++) {
		struct zinc_err err = {0};

		assert_int_equal(quantize(path_of("in.gguf"), path_of(names[i]), "q8_0", 1, &err),
		                 ZINC_E_INVALID);
		assert_non_null(strstr(err.msg, "is read"));
	}
	assert_int_equal(quantize(path_of("in.gguf"), temp_dir(), "q8_0", 1, NULL), ZINC_E_INVALID);
	after = read_whole(path_of("in.gguf"));
	assert_int_equal(before.n, after.n);
	assert_memory_equal(before.data, after.data, before.n);
	bytes_finish(&before);
	bytes_finish(&after);
}

static int command(const char *a, const char *b, const char *c, const char *d)
{
	char *argv[] = {"quantize", (char *)a, (char *)b, (char *)c, (char *)d, NULL};
	int argc = 1;

	while (argv[argc])
		argc++;
	return cmd_quantize(argc, argv);
}

static void exit_status(void **state)
{
	(void)state;
	write_model(path_of("in.gguf"), -1);
	assert_int_equal(command(NULL, NULL, NULL, NULL), 2);
	assert_int_equal(command(path_of("in.gguf"), path_of("out.gguf"), "q9_9", NULL), 2);
	assert_int_equal(command(path_of("in.gguf"), path_of("out.gguf"), NULL, NULL), 2);
	assert_int_equal(command("--threads", "0", "a", "b"), 2);
	assert_int_equal(command("--threads=1x", "a", "b", "q8_0"), 2);
	assert_int_equal(command("--what", "a", "b", "q8_0"), 2);
	assert_int_equal(command("--threads", NULL, NULL, NULL), 2);
	assert_int_equal(access(path_of("out.gguf"), F_OK), -1);
	assert_int_equal(command(path_of("none.gguf"), path_of("out.gguf"), "q8_0", NULL), 1);
	assert_int_equal(command(path_of("in.gguf"), path_of("out.gguf"), "Q4_K_M", NULL), 0);
	assert_int_equal(command(path_of("in.gguf"), "--threads=3", path_of("out.gguf"), "q6_k"), 0);
	assert_int_equal(command("--help", NULL, NULL, NULL), 0);
}

/* As the program meets it: the signal that goes with the limit is not ignored
 * beforehand. */
static void the_command_outlives_a_full_disk(void **state)
{
	struct rlimit small = {20000, RLIM_INFINITY};
	int status;
	pid_t pid;

	(void)state;
	write_model(path_of("in.gguf"), -1);
	temp_file("out.gguf", "older", 5);
	fflush(NULL);
	pid = fork();
	if (pid == 0) {
		signal(SIGXFSZ, SIG_DFL);
		setrlimit(RLIMIT_FSIZE, &small);
		_exit(command(path_of("in.gguf"), path_of("out.gguf"), "q8_0", NULL));
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 1);
	check_untouched();
}

static int clean(void **state)
{
	(void)state;
	temp_clear();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(types_and_values, clean),
		cmocka_unit_test_teardown(threads_do_not_change_a_byte, clean),
		cmocka_unit_test_teardown(a_large_tensor, clean),
		cmocka_unit_test_teardown(a_quantised_tensor_is_no_source, clean),
		cmocka_unit_test_teardown(a_damaged_tensor_is_named, clean),
		cmocka_unit_test_teardown(a_full_disk_changes_nothing, clean),
		cmocka_unit_test_teardown(stops_when_told_to, clean),
		cmocka_unit_test_teardown(the_source_is_safe, clean),
		cmocka_unit_test_teardown(exit_status, clean),
		cmocka_unit_test_teardown(the_command_outlives_a_full_disk, clean),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
