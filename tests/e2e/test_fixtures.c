/* test_fixtures.c - every position of every fixture against its reference
 * logits, within the bounds that the fixtures state. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "e2e/models.h"
#include "e2e/reference.h"
#include "e2e/rig.h"
#include "model/model.h"

/* F32 arithmetic and cache; see fixtures/README.md. */
static const double F16_FILE_BOUND = 1e-3, QUANT_FILE_BOUND = 2e-3;
static const double F16_CACHE_RMS = 0.03, Q8_RMS_FACTOR = 1.2;

static float *run(const char *path, const struct engine_config *c, const int32_t *ids, uint32_t n,
                  uint32_t n_vocab)
{
	float *x = calloc((size_t)n * n_vocab, sizeof(*x));
	struct rig r;

	assert_non_null(x);
	rig_open(&r, path, c);
	rig_logits(&r, ids, n, x, NULL);
	rig_close(&r);
	return x;
}

/* The exact bound, and the same bits however the prompt is cut. */
static void check_exact(const char *path, const struct reference *ref, double bound)
{
	static const uint32_t cuts[] = {1, 7, 32};
	size_t n = (size_t)ref->n_prompt * ref->n_vocab;
	struct engine_config c = rig_config();
	float *whole, *part;
	double worst;

	c.all_logits = true;
	whole = run(path, &c, ref->prompt, ref->n_prompt, ref->n_vocab);
	worst = rig_max_abs(whole, ref->logits, n);
	print_message("%s: max abs %.2e\n", strrchr(path, '/') + 1, worst);
	if (!(worst <= bound))
		fail_msg("%s: max abs %g, bound %g", path, worst, bound);
	for (size_t i = 0; i < sizeof(cuts) / sizeof(cuts[0]); i++) {
		c.chunk = cuts[i];
		part = run(path, &c, ref->prompt, ref->n_prompt, ref->n_vocab);
		if (memcmp(whole, part, n * sizeof(*part)))
			fail_msg("%s: chunks of %u give other bits, max abs %g", path, cuts[i],
			         rig_max_abs(whole, part, n));
		free(part);
	}
	free(whole);
}

/* The same first choice except near ties. */
static void check_top1(const char *path, const struct reference *ref, const float *x)
{
	for (uint32_t t = 0; t < ref->n_prompt; t++) {
		const float *want = ref->logits + (size_t)t * ref->n_vocab;
		uint32_t a = rig_argmax(x + (size_t)t * ref->n_vocab, ref->n_vocab);
		uint32_t b = rig_argmax(want, ref->n_vocab);

		if (a != b && want[b] - want[a] > 4 * F16_CACHE_RMS)
			fail_msg("%s: F16 cache: top-1 at %u is %u, not %u", path, t, a, b);
	}
}

static int ascending(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

enum { PROMPTS = 40, F16_PROMPTS = 9, LEN = 48 };

/* How far two ways of running a model are apart, prompt by prompt and position by
 * position. */
struct deviations {
	double prompt[PROMPTS], position[LEN][PROMPTS];
	uint32_t n_prompts, len; /* of the shortest */
};

static void add_prompt(struct deviations *d, struct rig *f32, struct rig *other,
                       const int32_t *ids, uint32_t n, uint32_t n_vocab)
{
	float *x = calloc((size_t)n * n_vocab, sizeof(*x));
	float *y = calloc((size_t)n * n_vocab, sizeof(*y));

	assert_non_null(x);
	assert_non_null(y);
	assert_true(n <= LEN);
	rig_logits(f32, ids, n, x, NULL);
	rig_logits(other, ids, n, y, NULL);
	d->prompt[d->n_prompts] = rig_rms(x, y, (size_t)n * n_vocab);
	for (uint32_t t = 0; t < n; t++)
		d->position[t][d->n_prompts] = rig_rms(x + (size_t)t * n_vocab,
		                                       y + (size_t)t * n_vocab, n_vocab);
	d->len = d->n_prompts && d->len < n ? d->len : n;
	d->n_prompts++;
	free(x);
	free(y);
}

static double median(double *v, uint32_t n)
{
	qsort(v, n, sizeof(*v), ascending);
	return v[n / 2];
}

/* The deviation of a noisier configuration from the F32 one, which stands for the
 * exact one: check_exact() has just verified it. In a random network with experts
 * one prompt says little: the deviation is that of the few positions whose noise,
 * however small, tips them to another expert, and differs from prompt to prompt (with
 * 8-bit activations fourfold, the peer's as well, with an F16 cache by a hundred
 * times). There n_prompts are run, the reference's own among them. */
static struct deviations deviations(const char *path, const struct reference *ref,
                                    const struct engine_config *noisy, uint32_t n_prompts,
                                    const char *what)
{
	struct engine_config c = rig_config();
	struct deviations d = {.n_prompts = 0};
	int32_t ids[LEN];
	struct rig f32, other;

	c.all_logits = true;
	rig_open(&f32, path, &c);
	rig_open(&other, path, noisy);
	add_prompt(&d, &f32, &other, ref->prompt, ref->n_prompt, ref->n_vocab);
	print_message("%s: %s: rms %.4f", strrchr(path, '/') + 1, what, d.prompt[0]);
	while (d.n_prompts < n_prompts && f32.model->info.n_expert) {
		models_prompt(ids, LEN, ref->n_vocab, d.n_prompts);
		add_prompt(&d, &f32, &other, ids, LEN, ref->n_vocab);
	}
	rig_close(&f32);
	rig_close(&other);
	return d;
}

/* Each position's noise on the median prompt; the worst position's. */
static double worst_position(struct deviations *d)
{
	double worst = 0;

	for (uint32_t t = 0; t < d->len; t++) {
		double rms = median(d->position[t], d->n_prompts);

		worst = rms > worst ? rms : worst;
	}
	return worst;
}

/* A 16-bit cache: small noise. With experts some prompts have positions that it tips, so
 * the median prompt counts, at every position. */
static void check_f16_cache(const char *path, const struct reference *ref)
{
	struct engine_config c = rig_config();
	struct deviations d;
	double rms;
	float *x;

	c.all_logits = true;
	c.kv_type = ZINC_F16;
	d = deviations(path, ref, &c, F16_PROMPTS, "F16 cache");
	rms = d.n_prompts > 1 ? worst_position(&d) : d.prompt[0];
	if (d.n_prompts > 1)
		print_message(", worst position of the median of %u prompts %.4f", d.n_prompts, rms);
	print_message("\n");
	if (!(rms <= F16_CACHE_RMS))
		fail_msg("%s: F16 cache: rms %g", path, rms);
	x = run(path, &c, ref->prompt, ref->n_prompt, ref->n_vocab);
	if (rig_rms(x, ref->logits, (size_t)ref->n_prompt * ref->n_vocab) <= F16_CACHE_RMS)
		check_top1(path, ref, x);
	free(x);
}

static double mean(const double *v, uint32_t n)
{
	double sum = 0;

	for (uint32_t i = 0; i < n; i++)
		sum += v[i];
	return sum / n;
}

static void no_noisier(const char *path, const char *what, double ours, double peer)
{
	if (!(ours <= Q8_RMS_FACTOR * peer))
		fail_msg("%s: 8-bit activations: %srms %g, the peer's %g", path, what, ours, peer);
}

/* 8-bit activations may be no noisier than the peer's; with experts, on the same
 * prompts together. */
static void check_q8(const char *path, const struct reference *ref)
{
	struct engine_config c = rig_config();
	struct deviations d;
	double ours;

	if (ref->peer_rms <= 0)
		return;
	c.all_logits = true;
	c.numerics = RUN_NUM_FAST;
	assert_true(ref->n_peer <= PROMPTS);
	d = deviations(path, ref, &c, ref->n_peer, "8-bit activations");
	if (d.n_prompts == 1) {
		print_message("\n");
		no_noisier(path, "", d.prompt[0], ref->peer_rms);
		return;
	}
	assert_int_equal(d.n_prompts, ref->n_peer);
	ours = mean(d.prompt, d.n_prompts);
	print_message(", of %u prompts mean %.4f", d.n_prompts, ours);
	no_noisier(path, "mean ", ours, mean(ref->peer_by_prompt, ref->n_peer));
	ours = median(d.prompt, d.n_prompts);
	print_message(", median %.4f\n", ours);
	no_noisier(path, "median ", ours, median(ref->peer_by_prompt, ref->n_peer));
}

static void check_folder(const char *dir, double bound)
{
	uint32_t n, checked = 0;
	char **list = rig_list(dir, &n);

	for (uint32_t i = 0; i < n; i++) {
		struct reference ref;

		if (!reference_open(&ref, list[i]))
			continue;
		if (rig_mine())
			check_exact(list[i], &ref, bound);
		if (rig_mine())
			check_f16_cache(list[i], &ref);
		if (rig_mine())
			check_q8(list[i], &ref);
		reference_close(&ref);
		checked++;
	}
	rig_list_free(list, n);
	assert_true(checked > 0);
}

static void test_q8_0(void **state)
{
	(void)state;
	check_folder(ZINC_FIXTURE_DIR "/q8_0", QUANT_FILE_BOUND);
}

static void test_k_quants(void **state)
{
	(void)state;
	check_folder(ZINC_FIXTURE_DIR "/k_quants", QUANT_FILE_BOUND);
}

static void need_f16(void)
{
	if (rig_f16_dir())
		return;
	print_message("skipped: ZINC_FIXTURES does not name the folder of the F16 fixtures\n");
	skip();
}

static void test_f16(void **state)
{
	(void)state;
	need_f16();
	check_folder(rig_f16_dir(), F16_FILE_BOUND);
}

static void check_greedy(const char *path, const struct reference *ref)
{
	struct engine_config c = rig_config();
	int32_t got[64];
	struct rig r;

	assert_true(ref->n_greedy <= 64);
	rig_open(&r, path, &c);
	rig_greedy(&r, ref->prompt, ref->n_prompt, got, ref->n_greedy);
	rig_close(&r);
	assert_memory_equal(got, ref->greedy, ref->n_greedy * sizeof(*got));
}

static void check_hidden(const char *path, const struct reference *ref)
{
	size_t per = (size_t)ref->n_prompt * ref->n_embd;
	float *x = calloc((size_t)ref->n_prompt * ref->n_vocab, sizeof(*x));
	float *h = calloc((ref->n_layer + 1) * per, sizeof(*h));
	struct engine_config c = rig_config();
	struct rig r;

	assert_non_null(x);
	assert_non_null(h);
	c.hidden = true;
	rig_open(&r, path, &c);
	rig_logits(&r, ref->prompt, ref->n_prompt, x, h);
	rig_close(&r);
	for (uint32_t l = 0; l <= ref->n_layer; l++) {
		double worst = rig_max_abs(h + l * per, ref->hidden + l * per, per);

		if (!(worst <= F16_FILE_BOUND))
			fail_msg("%s: residual after %u blocks: max abs %g", path, l, worst);
	}
	free(x);
	free(h);
}

static void check_long(const char *path, const struct reference *ref)
{
	static const uint32_t numerics[] = {RUN_NUM_F32, RUN_NUM_FAST};
	size_t n = (size_t)ref->n_long * ref->n_vocab;

	/* FAST with F16 weights: F32 products, the delta net as the backend
	 * prefers it. */
	for (int i = 0; i < 2; i++) {
		struct engine_config c = rig_config();
		float *x;
		double worst;

		c.all_logits = true;
		c.numerics = numerics[i];
		x = run(path, &c, ref->long_prompt, ref->n_long, ref->n_vocab);
		worst = rig_max_abs(x, ref->long_logits, n);
		print_message("%s: long, max abs %.2e\n", strrchr(path, '/') + 1, worst);
		if (!(worst <= F16_FILE_BOUND))
			fail_msg("%s: long prompt: max abs %g", path, worst);
		free(x);
	}
}

static void test_f16_paths(void **state)
{
	uint32_t n;
	char **list;

	(void)state;
	need_f16();
	list = rig_list(rig_f16_dir(), &n);
	for (uint32_t i = 0; i < n; i++) {
		struct reference ref;

		if (!reference_open(&ref, list[i]))
			continue;
		if (ref.greedy && rig_mine())
			check_greedy(list[i], &ref);
		if (ref.hidden && rig_mine())
			check_hidden(list[i], &ref);
		if (ref.long_logits && rig_mine())
			check_long(list[i], &ref);
		reference_close(&ref);
	}
	rig_list_free(list, n);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_q8_0),
		cmocka_unit_test(test_k_quants),
		cmocka_unit_test(test_f16),
		cmocka_unit_test(test_f16_paths),
	};

	if (!rig_has_backend())
		return 77;
	return rig_result(cmocka_run_group_tests_name("fixtures", tests, NULL, NULL));
}
