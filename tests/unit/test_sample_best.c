/* test_sample_best.c - choosing from the largest logits alone gives what choosing
 * from all of them gives. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdlib.h>

#include "sample/sample.h"

enum { N = 400, STEPS = 30, ROUNDS = 300 };

static uint32_t random_u32(void)
{
	static uint64_t x = 7;

	x = x * UINT64_C(6364136223846793005) + 1442695040888963407u;
	return (uint32_t)(x >> 33);
}

static bool one_in(uint32_t n)
{
	return random_u32() % n == 0;
}

/* Few different values, so that ties are common; now and then what no model
 * should give. */
static void random_logits(float *x)
{
	uint32_t values = one_in(2) ? 40 : 100000;
	bool odd = one_in(4);

	for (int i = 0; i < N; i++) {
		x[i] = ((float)(random_u32() % values) / (float)values - 0.7f) * 20.0f;
		if (odd && one_in(30))
			x[i] = one_in(3) ? INFINITY : one_in(2) ? -INFINITY : NAN;
	}
}

static const float *sorted;

static int by_rank(const void *a, const void *b)
{
	int32_t i = *(const int32_t *)a, k = *(const int32_t *)b;
	float x = sorted[i], y = sorted[k];

	if (isnan(x) || isnan(y))
		return isnan(x) == isnan(y) ? i - k : isnan(x) ? 1 : -1;
	return x != y ? (x < y ? 1 : -1) : i - k;
}

/* As ZINC_OP_TOP_LOGITS gives them. */
static void find_best(const float *x, int32_t *ids, float *logits, uint32_t n)
{
	int32_t all[N];

	for (int i = 0; i < N; i++)
		all[i] = i;
	sorted = x;
	qsort(all, N, sizeof(*all), by_rank);
	for (uint32_t i = 0; i < n; i++) {
		ids[i] = all[i];
		logits[i] = x[all[i]];
	}
}

struct lists {
	struct sample_bias bias[4];
	int32_t suppress[5];
};

static struct sample_config random_config(struct lists *l)
{
	struct sample_config c;

	sample_config_init(&c);
	c.temperature = one_in(3) ? 0.0f : 0.2f + (float)(random_u32() % 100) / 50.0f;
	c.top_k = 1 + random_u32() % (one_in(8) ? N + 5 : 60);
	c.top_p = one_in(2) ? 0.9f : 1.0f;
	c.min_p = one_in(2) ? 0.05f : 0.0f;
	c.typical_p = one_in(3) ? 0.8f : 1.0f;
	c.penalty_last_n = one_in(2) ? 0 : random_u32() % 64;
	c.repeat_penalty = one_in(2) ? 1.3f : 1.0f;
	c.presence_penalty = one_in(2) ? 1.5f : 0.0f;
	c.frequency_penalty = one_in(2) ? 0.5f : 0.0f;
	c.seed = random_u32();
	c.n_bias = random_u32() % 5;
	c.n_suppress = random_u32() % 6;
	for (size_t i = 0; i < c.n_bias; i++)
		l->bias[i] = (struct sample_bias){(int32_t)(random_u32() % N),
						  one_in(3) ? -INFINITY : -3.0f};
	for (size_t i = 0; i < c.n_suppress; i++)
		l->suppress[i] = (int32_t)(random_u32() % N);
	c.bias = l->bias;
	c.suppress = l->suppress;
	return c;
}

static void compare_runs(const struct sample_config *c)
{
	struct sampler *all, *best;
	struct zinc_err err;

	assert_int_equal(sampler_create(c, N, &all, &err), ZINC_OK);
	assert_int_equal(sampler_create(c, N, &best, &err), ZINC_OK);
	for (int step = 0; step < STEPS; step++) {
		float x[N], logits[SAMPLE_REACH_MAX];
		int32_t ids[SAMPLE_REACH_MAX], id = -1, id_best = -1;
		struct sample_best b = {ids, logits, sampler_reach(best)};
		int rc;

		random_logits(x);
		find_best(x, ids, logits, (uint32_t)b.n);
		rc = sampler_next(all, x, &id, &err);
		assert_int_equal(sampler_next_best(best, &b, &id_best, &err), rc);
		assert_int_equal(id_best, id);
	}
	sampler_destroy(all);
	sampler_destroy(best);
}

static void test_equal(void **state)
{
	int compared = 0;

	(void)state;
	for (int round = 0; round < ROUNDS; round++) {
		struct lists l;
		struct sample_config c = random_config(&l);

		if (!sample_reach(&c, N))
			continue;
		compare_runs(&c);
		compared++;
	}
	assert_true(compared > ROUNDS / 2);
}

static void test_reach(void **state)
{
	struct sample_bias up = {3, 0.5f};
	struct sample_config c;

	(void)state;
	sample_config_init(&c);
	assert_int_equal(sample_reach(&c, 1000), 1);
	c.n_suppress = 7;
	assert_int_equal(sample_reach(&c, 1000), 8);
	assert_int_equal(sample_reach(&c, 5), 5);
	c.temperature = 0.8f;
	assert_int_equal(sample_reach(&c, 1000), 0);
	c.top_k = 40;
	assert_int_equal(sample_reach(&c, 1000), 47);
	c.penalty_last_n = 64;
	assert_int_equal(sample_reach(&c, 1000), 47);
	c.presence_penalty = 1.5f;
	assert_int_equal(sample_reach(&c, 1000), 111);
	c.presence_penalty = -0.1f;
	assert_int_equal(sample_reach(&c, 1000), 0);
	c.presence_penalty = 0.0f;
	c.repeat_penalty = 0.9f;
	assert_int_equal(sample_reach(&c, 1000), 0);
	c.repeat_penalty = 1.0f;
	c.dry_multiplier = 0.8f;
	assert_int_equal(sample_reach(&c, 1000), 0);
	c.dry_multiplier = 0.0f;
	c.bias = &up;
	c.n_bias = 1;
	assert_int_equal(sample_reach(&c, 1000), 0);
	c.n_bias = 0;
	c.top_k = SAMPLE_REACH_MAX;
	assert_int_equal(sample_reach(&c, 1000), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_equal),
		cmocka_unit_test(test_reach),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
