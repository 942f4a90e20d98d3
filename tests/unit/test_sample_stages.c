/* test_sample_stages.c - each stage of the sampler chain against a plain
 * double-precision reference. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "sample/chain.h"
#include "sample/rng.h"
#include "sample/sample.h"

enum { MAX = 300 };

static uint32_t lcg = 1;

static uint32_t random_u32(void)
{
	lcg = lcg * 1664525u + 1013904223u;
	return lcg >> 8;
}

/* Coarse values, so that ties occur. */
static float random_logit(void)
{
	return ((float)(random_u32() % 200) - 100.0f) / 10.0f;
}

static void test_exp(void **state)
{
	(void)state;
	for (double x = -699.9; x < 0.0; x += 0.0137) {
		double want = exp(x);

		assert_true(fabs(sample_exp(x) - want) <= 3e-15 * want);
	}
	assert_true(sample_exp(0.0) == 1.0);
	assert_true(sample_exp(1.0) == 1.0);
	assert_true(sample_exp(-1e300) == 0.0);
	assert_true(sample_exp(-INFINITY) == 0.0);
}

/* The sequences that the authors' own programs give. */
static void test_rng(void **state)
{
	const uint64_t want[] = {11520, 0, 1509978240, UINT64_C(1215971899390074240)};
	const uint64_t seeded[] = {UINT64_C(6457827717110365317), UINT64_C(3203168211198807973),
				   UINT64_C(9817491932198370423), UINT64_C(4593380528125082431)};
	struct rng r = {{1, 2, 3, 4}};

	(void)state;
	for (int i = 0; i < 4; i++)
		assert_true(rng_next(&r) == want[i]);
	rng_seed(&r, 1234567);
	for (int i = 0; i < 4; i++)
		assert_true(r.s[i] == seeded[i]);
	for (int i = 0; i < 1000; i++) {
		double u = rng_uniform(&r);

		assert_true(u >= 0.0 && u < 1.0);
	}
}

static void test_penalties(void **state)
{
	(void)state;
	for (int round = 0; round < 200; round++) {
		struct sample_config c;
		int32_t history[40];
		float logits[20], got[20];
		uint32_t mark[20] = {0};
		size_t n = random_u32() % 40;

		sample_config_init(&c);
		c.repeat_penalty = 0.5f + (float)(random_u32() % 20) / 10.0f;
		c.presence_penalty = (float)(random_u32() % 5) / 4.0f - 0.5f;
		c.frequency_penalty = (float)(random_u32() % 5) / 4.0f - 0.5f;
		for (size_t i = 0; i < n; i++)
			history[i] = (int32_t)(random_u32() % 20);
		for (int i = 0; i < 20; i++)
			got[i] = logits[i] = random_logit();
		penalties_apply(&c, (struct window){history, n}, got, mark);
		for (int id = 0; id < 20; id++) {
			double want = logits[id];
			int count = 0;

			for (size_t i = 0; i < n; i++)
				count += history[i] == id;
			if (count) {
				want = want > 0 ? want / (double)c.repeat_penalty
						: want * (double)c.repeat_penalty;
				want -= (double)c.presence_penalty +
					count * (double)c.frequency_penalty;
			}
			assert_true(fabs(got[id] - want) <= 1e-5 * (1 + fabs(want)));
			assert_int_equal(mark[id], 0);
		}
	}
}

static bool in(const int32_t *list, size_t n, int32_t id)
{
	for (size_t i = 0; i < n; i++)
		if (list[i] == id)
			return true;
	return false;
}

/* The definition, in quadratic time and worse. */
static void dry_reference(const struct sample_config *c, struct window w, double *logits,
			  int32_t n_vocab)
{
	for (int32_t id = 0; id < n_vocab; id++) {
		size_t longest = 0;

		if (in(c->dry_breakers, c->n_dry_breakers, id))
			continue;
		for (size_t at = 0; at < w.n; at++) {
			size_t len = 0;

			if (w.id[at] != id)
				continue;
			while (len < at && w.id[at - 1 - len] == w.id[w.n - 1 - len] &&
			       !in(c->dry_breakers, c->n_dry_breakers, w.id[at - 1 - len]))
				len++;
			longest = len > longest ? len : longest;
		}
		if (longest >= c->dry_allowed_length)
			logits[id] -=
				(double)c->dry_multiplier *
				pow((double)c->dry_base, (double)(longest - c->dry_allowed_length));
	}
}

static void test_dry_example(void **state)
{
	/* "1 2 3 4 ... 1 2 3": 4 would extend a repetition of 3. */
	int32_t history[] = {1, 2, 3, 4, 7, 1, 2, 3};
	int32_t breaker[] = {2};
	struct sample_config c;
	float logits[8] = {0};
	uint32_t mark[8] = {0}, z[8];

	(void)state;
	sample_config_init(&c);
	c.dry_multiplier = 0.8f;
	dry_apply(&c, (struct window){history, 8}, logits, mark, z);
	for (int i = 0; i < 8; i++)
		assert_true(fabs(logits[i] - (i == 4 ? -0.8 * 1.75 : 0.0)) < 1e-6);

	/* With 2 as a breaker the match is only "3", shorter than allowed. */
	memset(logits, 0, sizeof(logits));
	c.dry_breakers = breaker;
	c.n_dry_breakers = 1;
	dry_apply(&c, (struct window){history, 8}, logits, mark, z);
	for (int i = 0; i < 8; i++)
		assert_true(logits[i] == 0.0f);
}

static void test_dry_random(void **state)
{
	(void)state;
	for (int round = 0; round < 1000; round++) {
		struct sample_config c;
		int32_t history[60], breakers[2] = {1, 3};
		float got[5];
		double want[5];
		uint32_t mark[5] = {0}, z[60];
		size_t n = 1 + random_u32() % 60;

		sample_config_init(&c);
		c.dry_multiplier = 0.5f;
		c.dry_base = 1.25f;
		c.dry_allowed_length = 1 + random_u32() % 3;
		c.dry_breakers = breakers;
		c.n_dry_breakers = random_u32() % 3;
		for (size_t i = 0; i < n; i++)
			history[i] = (int32_t)(random_u32() % (2 + round % 4));
		for (int i = 0; i < 5; i++)
			want[i] = got[i] = random_logit();
		dry_apply(&c, (struct window){history, n}, got, mark, z);
		dry_reference(&c, (struct window){history, n}, want, 5);
		for (int i = 0; i < 5; i++) {
			assert_true(fabs(got[i] - want[i]) <= 1e-5 * (1 + fabs(want[i])));
			assert_int_equal(mark[i], 0);
		}
	}
}

struct ref {
	double logit, p, key;
	int32_t id;
};

static int by_key(const void *a, const void *b)
{
	const struct ref *x = a, *y = b;

	if (x->key != y->key)
		return x->key < y->key ? 1 : -1;
	return (x->id > y->id) - (x->id < y->id);
}

static void ref_softmax(struct ref *r, size_t n)
{
	double max = -INFINITY, sum = 0.0;

	for (size_t i = 0; i < n; i++)
		max = fmax(max, r[i].logit);
	for (size_t i = 0; i < n; i++)
		sum += r[i].p = exp(r[i].logit - max);
	for (size_t i = 0; i < n; i++)
		r[i].p /= sum;
}

static void ref_sort(struct ref *r, size_t n)
{
	qsort(r, n, sizeof(*r), by_key);
}

static size_t ref_mass(const struct ref *r, size_t n, double p)
{
	double sum = 0.0;

	for (size_t i = 0; i < n; i++) {
		sum += r[i].p;
		if (sum >= p)
			return i + 1;
	}
	return n;
}

static bool same_set(const struct cands *s, const struct ref *r, size_t n)
{
	if (s->n != n)
		return false;
	for (size_t i = 0; i < n; i++) {
		bool found = false;

		for (size_t j = 0; j < s->n; j++)
			found |= s->c[j].id == r[i].id;
		if (!found)
			return false;
	}
	return true;
}

static size_t make_refs(struct ref *r, const float *logits, size_t n)
{
	size_t kept = 0;

	for (size_t i = 0; i < n; i++)
		if (logits[i] > -INFINITY)
			r[kept++] = (struct ref){logits[i], 0.0, logits[i], (int32_t)i};
	return kept;
}

static size_t random_logits(float *logits)
{
	size_t n = 1 + random_u32() % (MAX - 1);

	for (size_t i = 0; i < n; i++)
		logits[i] = random_u32() % 11 ? random_logit() : (i % 2 ? NAN : -INFINITY);
	logits[random_u32() % n] = 1.0f;
	return n;
}

static void test_top_k(void **state)
{
	(void)state;
	for (int round = 0; round < 400; round++) {
		float logits[MAX];
		struct cand c[MAX];
		struct ref r[MAX];
		struct cands s = {c, 0};
		size_t n = random_logits(logits), m = make_refs(r, logits, n);
		uint32_t k = random_u32() % (uint32_t)(n + 3);

		ref_sort(r, m);
		cands_collect(&s, logits, n, k);
		assert_true(same_set(&s, r, k && k < m ? k : m));
	}
}

static void test_best_first(void **state)
{
	(void)state;
	for (int round = 0; round < 200; round++) {
		float logits[MAX];
		struct cand c[MAX];
		struct ref r[MAX];
		struct cands s = {c, 0};
		size_t n = random_logits(logits), m = make_refs(r, logits, n);
		size_t k = 1 + random_u32() % n;

		ref_sort(r, m);
		cands_collect(&s, logits, n, 0);
		k = k < m ? k : m;
		assert_int_equal(cands_best_first(&s, k, NULL, NULL), k);
		for (size_t i = 0; i < k; i++)
			assert_int_equal(s.c[i].id, r[i].id);
	}
}

static void test_top_p_and_min_p(void **state)
{
	(void)state;
	for (int round = 0; round < 400; round++) {
		float logits[MAX], p = (float)(1 + random_u32() % 999) / 1000.0f;
		struct cand c[MAX];
		struct ref r[MAX];
		struct cands s = {c, 0};
		size_t n = random_logits(logits), m = make_refs(r, logits, n), kept = 0;

		ref_softmax(r, m);
		ref_sort(r, m);
		cands_collect(&s, logits, n, 0);
		cands_top_p(&s, p);
		assert_true(same_set(&s, r, ref_mass(r, m, p)));

		cands_collect(&s, logits, n, 0);
		cands_min_p(&s, p);
		while (kept < m && r[kept].p >= (double)p * r[0].p)
			kept++;
		assert_true(same_set(&s, r, kept));
	}
}

static void test_typical(void **state)
{
	(void)state;
	for (int round = 0; round < 400; round++) {
		float logits[MAX], p = (float)(1 + random_u32() % 999) / 1000.0f;
		struct cand c[MAX];
		struct ref r[MAX];
		struct cands s = {c, 0};
		size_t n = 1 + random_u32() % (MAX - 1), m;
		double entropy = 0.0;

		/* Fine values: with ties in |surprise - entropy| rounding would
		 * decide, and the reference rounds elsewhere. */
		for (size_t i = 0; i < n; i++)
			logits[i] = (float)(random_u32() % 1000003) / 100003.0f;
		m = make_refs(r, logits, n);
		ref_softmax(r, m);
		for (size_t i = 0; i < m; i++)
			entropy -= r[i].p * log(r[i].p);
		for (size_t i = 0; i < m; i++)
			r[i].key = (double)-(float)fabs(-log(r[i].p) - entropy);
		ref_sort(r, m);
		cands_collect(&s, logits, n, 0);
		cands_typical(&s, p);
		assert_true(same_set(&s, r, ref_mass(r, m, p)));
	}
}

/* Locally typical sampling may drop the likeliest token: with probabilities
 * 0.4 and six times 0.1 the entropy is 1.75; -log 0.4 = 0.92 is 0.83 away and
 * -log 0.1 = 2.30 only 0.55. */
static void test_typical_drops_the_obvious(void **state)
{
	float logits[7];
	struct cand c[7];
	struct cands s = {c, 0};

	(void)state;
	for (int i = 0; i < 7; i++)
		logits[i] = logf(i == 0 ? 0.4f : 0.1f);
	cands_collect(&s, logits, 7, 0);
	cands_typical(&s, 0.55f);
	assert_int_equal(s.n, 6);
	for (size_t i = 0; i < s.n; i++)
		assert_int_not_equal(s.c[i].id, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_exp),        cmocka_unit_test(test_rng),
		cmocka_unit_test(test_penalties),  cmocka_unit_test(test_dry_example),
		cmocka_unit_test(test_dry_random), cmocka_unit_test(test_top_k),
		cmocka_unit_test(test_best_first), cmocka_unit_test(test_top_p_and_min_p),
		cmocka_unit_test(test_typical),    cmocka_unit_test(test_typical_drops_the_obvious),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
