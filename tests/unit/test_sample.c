/* test_sample.c - the sampler as a whole: what it may choose, how often, and
 * that a seed gives the same draws everywhere. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <string.h>

#include "sample/sample.h"

static int32_t next_of(const struct sample_config *c, const float *logits, uint32_t n)
{
	struct sampler *s;
	struct zinc_err err;
	int32_t id = -1;

	assert_int_equal(sampler_create(c, n, &s, &err), ZINC_OK);
	assert_int_equal(sampler_next(s, logits, &id, &err), ZINC_OK);
	sampler_destroy(s);
	return id;
}

static void test_greedy(void **state)
{
	struct sample_config c;
	float logits[] = {1.0f, 3.0f, NAN, 3.0f, -INFINITY};
	float inf[] = {1.0f, INFINITY, INFINITY};
	float low[] = {-INFINITY, -3e38f, NAN};

	(void)state;
	sample_config_init(&c);
	assert_int_equal(next_of(&c, logits, 5), 1);
	assert_int_equal(next_of(&c, inf, 3), 1);
	assert_int_equal(next_of(&c, low, 3), 1);
}

static void test_bias_and_suppress(void **state)
{
	struct sample_config c;
	struct sample_bias bias[] = {{1, -INFINITY}, {0, 2.5f}};
	int32_t suppress[] = {2};
	float logits[] = {1.0f, INFINITY, 9.0f, 3.0f};

	(void)state;
	sample_config_init(&c);
	c.bias = bias;
	c.n_bias = 2;
	assert_int_equal(next_of(&c, logits, 4), 2);
	c.suppress = suppress;
	c.n_suppress = 1;
	assert_int_equal(next_of(&c, logits, 4), 0);
	c.temperature = 1.0f;
	for (uint64_t seed = 0; seed < 50; seed++) {
		int32_t id;

		c.seed = seed;
		id = next_of(&c, logits, 4);
		assert_true(id == 0 || id == 3);
	}
	assert_true(logits[0] == 1.0f && logits[2] == 9.0f);
}

static void test_nothing_left(void **state)
{
	struct sample_config c;
	float logits[] = {NAN, -INFINITY, NAN};
	struct sampler *s;
	struct zinc_err err;
	int32_t id;

	(void)state;
	sample_config_init(&c);
	for (int i = 0; i < 2; i++) {
		c.temperature = (float)i;
		assert_int_equal(sampler_create(&c, 3, &s, &err), ZINC_OK);
		assert_int_equal(sampler_next(s, logits, &id, &err), ZINC_E_INVALID);
		assert_non_null(strstr(err.msg, "no token"));
		sampler_destroy(s);
	}
}

static void test_infinite_logits_share(void **state)
{
	struct sample_config c;
	float logits[] = {5.0f, INFINITY, 1.0f, INFINITY};
	int seen[4] = {0};

	(void)state;
	sample_config_init(&c);
	c.temperature = 0.7f;
	c.typical_p = 0.95f;
	c.top_p = 0.99f;
	c.min_p = 0.1f;
	for (uint64_t seed = 0; seed < 200; seed++) {
		c.seed = seed;
		seen[next_of(&c, logits, 4)]++;
	}
	assert_int_equal(seen[0] + seen[2], 0);
	assert_true(seen[1] > 60 && seen[3] > 60);
	c.top_k = 1;
	assert_int_equal(next_of(&c, logits, 4), 1);
}

/* Only the last penalty_last_n tokens count, prompt tokens included. */
static void test_penalty_window(void **state)
{
	struct sample_config c;
	struct sampler *s;
	struct zinc_err err;
	float logits[] = {2.0f, 1.9f, 0.0f};
	int32_t id;

	(void)state;
	sample_config_init(&c);
	c.repeat_penalty = 1.5f;
	c.penalty_last_n = 2;
	assert_int_equal(sampler_create(&c, 3, &s, &err), ZINC_OK);
	assert_int_equal(sampler_accept(s, 0), ZINC_OK);
	assert_int_equal(sampler_next(s, logits, &id, &err), ZINC_OK);
	assert_int_equal(id, 1); /* history 0 1 */
	assert_int_equal(sampler_next(s, logits, &id, &err), ZINC_OK);
	assert_int_equal(id, 0); /* both penalised; history 0 1 0 */
	assert_int_equal(sampler_accept(s, 2), ZINC_OK);
	assert_int_equal(sampler_accept(s, 2), ZINC_OK);
	assert_int_equal(sampler_next(s, logits, &id, &err), ZINC_OK);
	assert_int_equal(id, 0);
	assert_int_equal(sampler_accept(s, 3), ZINC_E_INVALID);
	assert_int_equal(sampler_accept(s, -1), ZINC_E_INVALID);
	sampler_destroy(s);
}

/* A run so long that the penalty overflows stays a number. */
static void test_dry_long_run(void **state)
{
	struct sample_config c;
	struct sampler *s;
	struct zinc_err err;
	float logits[] = {50.0f, -50.0f};
	int32_t id;

	(void)state;
	sample_config_init(&c);
	c.dry_multiplier = 1.0f;
	assert_int_equal(sampler_create(&c, 2, &s, &err), ZINC_OK);
	for (int i = 0; i < 3000; i++)
		assert_int_equal(sampler_accept(s, 0), ZINC_OK);
	assert_int_equal(sampler_next(s, logits, &id, &err), ZINC_OK);
	assert_int_equal(id, 1);
	sampler_destroy(s);
}

static void check_frequencies(const struct sample_config *c, const float *logits, size_t n,
			      const double *p)
{
	enum { DRAWS = 200000 };
	struct sampler *s;
	struct zinc_err err;
	long count[8] = {0};
	double chi2 = 0.0;
	int freedom = -1;

	assert_true(n <= 8);
	assert_int_equal(sampler_create(c, (uint32_t)n, &s, &err), ZINC_OK);
	for (int i = 0; i < DRAWS; i++) {
		int32_t id;

		assert_int_equal(sampler_next(s, logits, &id, &err), ZINC_OK);
		count[id]++;
	}
	sampler_destroy(s);
	for (size_t i = 0; i < n; i++) {
		double want = p[i] * DRAWS;

		if (p[i] == 0.0) {
			assert_int_equal(count[i], 0);
			continue;
		}
		chi2 += ((double)count[i] - want) * ((double)count[i] - want) / want;
		freedom++;
	}
	/* The 0.999 quantile for 5 degrees of freedom is 20.5. */
	assert_true(freedom <= 5);
	assert_true(chi2 < 20.5);
}

static void test_draw_frequencies(void **state)
{
	const float logits[] = {0.3f, -1.0f, 1.7f, 0.9f, NAN, 2.0f};
	struct sample_config c;

	(void)state;
	sample_config_init(&c);
	c.seed = 42;
	for (int t = 0; t < 3; t++) {
		double p[6], sum = 0.0;

		c.temperature = t == 0 ? 1.0f : t == 1 ? 0.5f : 2.0f;
		for (int i = 0; i < 6; i++)
			sum += p[i] = i == 4 ? 0.0 : exp(logits[i] / (double)c.temperature);
		for (int i = 0; i < 6; i++)
			p[i] /= sum;
		check_frequencies(&c, logits, 6, p);
	}
}

/* Top-k and min-p decide at temperature 1, whatever the draw's temperature. */
static void test_chain_frequencies(void **state)
{
	const float logits[] = {4.0f, 3.0f, 2.0f, 1.0f, 0.0f};
	struct sample_config c;
	double p[5] = {0};
	double sum = 0.0;

	(void)state;
	sample_config_init(&c);
	c.temperature = 4.0f;
	c.top_k = 4;
	c.min_p = 0.1f; /* e^-2 = 0.135 stays, e^-3 = 0.0498 goes */
	for (int i = 0; i < 3; i++)
		sum += p[i] = exp(logits[i] / 4.0);
	for (int i = 0; i < 3; i++)
		p[i] /= sum;
	check_frequencies(&c, logits, 5, p);
}

static void test_seed(void **state)
{
	/* An independent program's draws. */
	static const int32_t golden[] = {48, 3, 42, 43, 34, 41, 57, 29, 13, 18, 59, 17};
	struct sample_config c;
	struct zinc_err err;
	struct sampler *s[3];
	float logits[64];
	int differ = 0;

	(void)state;
	sample_config_init(&c);
	c.temperature = 0.9f;
	c.typical_p = 0.98f;
	c.top_p = 0.97f;
	c.min_p = 0.01f;
	c.repeat_penalty = 1.1f;
	c.penalty_last_n = 8;
	for (int i = 0; i < 3; i++) {
		c.seed = i < 2 ? 7 : 8;
		assert_int_equal(sampler_create(&c, 64, &s[i], &err), ZINC_OK);
	}
	for (int step = 0; step < 64; step++) {
		int32_t id[3];

		for (int i = 0; i < 64; i++)
			logits[i] = (float)((i * 37 + step * 11) % 64) / 16.0f;
		for (int i = 0; i < 3; i++)
			assert_int_equal(sampler_next(s[i], logits, &id[i], &err), ZINC_OK);
		assert_int_equal(id[0], id[1]);
		differ += id[0] != id[2];
		if (step < (int)(sizeof(golden) / sizeof(golden[0])))
			assert_int_equal(id[0], golden[step]);
	}
	assert_true(differ > 32);
	for (int i = 0; i < 3; i++)
		sampler_destroy(s[i]);
}

static void check_refused(struct sample_config c, const char *name)
{
	struct zinc_err err;
	struct sampler *s;

	assert_int_equal(sample_config_check(&c, &err), ZINC_E_INVALID);
	assert_non_null(strstr(err.msg, name));
	assert_int_equal(sampler_create(&c, 10, &s, &err), ZINC_E_INVALID);
	assert_null(s);
}

static void test_config_check(void **state)
{
	struct sample_config c;
	struct sample_bias nan_bias = {1, NAN}, inf_bias = {1, INFINITY};

	(void)state;
	sample_config_init(&c);
	assert_int_equal(sample_config_check(&c, NULL), ZINC_OK);
#define REFUSE(field, value, name)                                                                 \
	do {                                                                                       \
		struct sample_config bad = c;                                                      \
		bad.field = (value);                                                               \
		check_refused(bad, name);                                                          \
	} while (0)
	REFUSE(temperature, -0.1f, "temperature");
	REFUSE(temperature, NAN, "temperature");
	REFUSE(temperature, INFINITY, "temperature");
	REFUSE(top_p, 0.0f, "top-p");
	REFUSE(top_p, 1.1f, "top-p");
	REFUSE(top_p, NAN, "top-p");
	REFUSE(min_p, -0.1f, "min-p");
	REFUSE(min_p, 1.5f, "min-p");
	REFUSE(typical_p, 0.0f, "typical");
	REFUSE(repeat_penalty, 0.0f, "repeat penalty");
	REFUSE(presence_penalty, NAN, "presence penalty");
	REFUSE(frequency_penalty, INFINITY, "frequency penalty");
	REFUSE(dry_multiplier, -1.0f, "DRY multiplier");
	REFUSE(dry_base, 0.5f, "DRY base");
	REFUSE(dry_allowed_length, 0, "DRY allowed length");
#undef REFUSE
	c.n_bias = 1;
	c.bias = &nan_bias;
	check_refused(c, "bias");
	c.bias = &inf_bias;
	check_refused(c, "bias");
}

static void test_ids_out_of_range(void **state)
{
	struct sample_config c;
	struct sample_bias bias = {10, 1.0f};
	int32_t suppress = -1;
	struct zinc_err err;
	struct sampler *s;

	(void)state;
	sample_config_init(&c);
	c.bias = &bias;
	c.n_bias = 1;
	assert_int_equal(sampler_create(&c, 10, &s, &err), ZINC_E_INVALID);
	assert_non_null(strstr(err.msg, "10"));
	c.n_bias = 0;
	c.suppress = &suppress;
	c.n_suppress = 1;
	assert_int_equal(sampler_create(&c, 10, &s, &err), ZINC_E_INVALID);
	assert_int_equal(sampler_create(&c, 0, &s, &err), ZINC_E_INVALID);
	sampler_destroy(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_greedy),
		cmocka_unit_test(test_bias_and_suppress),
		cmocka_unit_test(test_nothing_left),
		cmocka_unit_test(test_infinite_logits_share),
		cmocka_unit_test(test_penalty_window),
		cmocka_unit_test(test_dry_long_run),
		cmocka_unit_test(test_draw_frequencies),
		cmocka_unit_test(test_chain_frequencies),
		cmocka_unit_test(test_seed),
		cmocka_unit_test(test_config_check),
		cmocka_unit_test(test_ids_out_of_range),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
