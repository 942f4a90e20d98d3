/* test_stop.c - stop strings: every way to split the text, overlaps, UTF-8. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "sample/stop.h"

enum { MAX_TEXT = 64 };

struct result {
	char text[256];
	size_t n;
	bool stopped;
	size_t longest_held; /* most bytes fed but not yet given back */
};

static void take(struct result *r, const char *out, size_t n)
{
	assert_true(r->n + n < sizeof(r->text));
	if (n)
		memcpy(r->text + r->n, out, n);
	r->n += n;
	r->text[r->n] = '\0';
}

/* Feeds text in pieces: bit i of cuts set means a cut after byte i. */
static struct result feed_cut(const char *const *stops, size_t n_stops, const char *text,
			      uint64_t cuts)
{
	struct stop_matcher *m = stop_create(stops, n_stops);
	struct result r = {.n = 0};
	size_t len = strlen(text), at = 0;
	const char *out;
	size_t n;

	assert_non_null(m);
	for (size_t i = 0; i < len && !r.stopped; i++) {
		if (i + 1 < len && !(cuts >> i & 1))
			continue;
		r.stopped = stop_feed(m, text + at, i + 1 - at, &out, &n);
		take(&r, out, n);
		at = i + 1;
		if (!r.stopped && at - r.n > r.longest_held)
			r.longest_held = at - r.n;
	}
	stop_end(m, &out, &n);
	if (r.stopped)
		assert_int_equal(n, 0);
	take(&r, out, n);
	stop_destroy(m);
	return r;
}

/* The plain definition: the first byte at which some stop string ends; of those
 * that end there, the longest. -1: none. */
static long reference(const char *const *stops, size_t n_stops, const char *text)
{
	size_t len = strlen(text);

	for (size_t end = 1; end <= len; end++) {
		size_t longest = 0;

		for (size_t i = 0; i < n_stops; i++) {
			size_t l = strlen(stops[i]);

			if (l && l <= end && l > longest && !memcmp(text + end - l, stops[i], l))
				longest = l;
		}
		if (longest)
			return (long)(end - longest);
	}
	return -1;
}

static void check_all_splits(const char *const *stops, size_t n_stops, const char *text)
{
	size_t len = strlen(text);
	long want = reference(stops, n_stops, text);
	uint64_t n_cuts = UINT64_C(1) << (len > 1 ? len - 1 : 0);

	assert_true(len <= 14);
	for (uint64_t cuts = 0; cuts < n_cuts; cuts++) {
		struct result r = feed_cut(stops, n_stops, text, cuts);

		assert_int_equal(r.stopped, want >= 0);
		assert_int_equal(r.n, want >= 0 ? (size_t)want : len);
		assert_memory_equal(r.text, text, r.n);
	}
}

static void test_every_split(void **state)
{
	const char *one[] = {"END"};
	const char *self[] = {"abab"};
	const char *aab[] = {"aab"};

	(void)state;
	check_all_splits(one, 1, "hello END ok");
	check_all_splits(one, 1, "ENENENDx");
	check_all_splits(one, 1, "ENENEN");
	check_all_splits(one, 1, "END");
	check_all_splits(one, 1, "");
	check_all_splits(self, 1, "xababab");
	check_all_splits(self, 1, "abaabab");
	check_all_splits(aab, 1, "aaaaab");
	check_all_splits(aab, 1, "aaaaaa");
}

static void test_overlapping_stops(void **state)
{
	const char *inside[] = {"abcd", "bc"};
	const char *same_end[] = {"bc", "xbc"};
	const char *prefix[] = {"ab", "abc"};
	const char *chain[] = {"abcde", "cdx", "eex"};

	(void)state;
	check_all_splits(inside, 2, "zabcdz");
	check_all_splits(same_end, 2, "axbcz");
	check_all_splits(same_end, 2, "abcz");
	check_all_splits(prefix, 2, "xxabc");
	check_all_splits(chain, 3, "abcdabcdx");
	check_all_splits(chain, 3, "abcabcdee");
}

/* Three-letter alphabet, so that partial matches abound. */
static void test_random_against_definition(void **state)
{
	uint32_t x = 12345;

	(void)state;
	for (int round = 0; round < 4000; round++) {
		char text[MAX_TEXT + 1], stops[3][8];
		const char *list[3];
		size_t len, n_stops;
		long want;

		x = x * 1664525u + 1013904223u;
		len = 1 + (x >> 20) % 40;
		n_stops = 1 + (x >> 16) % 3;
		for (size_t i = 0; i < len; i++) {
			x = x * 1664525u + 1013904223u;
			text[i] = (char)('a' + (x >> 24) % 3);
		}
		text[len] = '\0';
		for (size_t s = 0; s < n_stops; s++) {
			size_t l;

			x = x * 1664525u + 1013904223u;
			l = (x >> 24) % 7;
			for (size_t i = 0; i < l; i++) {
				x = x * 1664525u + 1013904223u;
				stops[s][i] = (char)('a' + (x >> 24) % 3);
			}
			stops[s][l] = '\0';
			list[s] = stops[s];
		}
		want = reference(list, n_stops, text);
		for (int k = 0; k < 3; k++) {
			struct result r;

			x = x * 1664525u + 1013904223u;
			r = feed_cut(list, n_stops, text, (uint64_t)x << 8 ^ x);
			assert_int_equal(r.stopped, want >= 0);
			assert_int_equal(r.n, want >= 0 ? (size_t)want : len);
			assert_memory_equal(r.text, text, r.n);
		}
	}
}

/* Text that cannot be part of a stop string must not wait. */
static void test_holds_back_no_more_than_needed(void **state)
{
	const char *stops[] = {"STOP!", "\n\n"};
	struct result r;

	(void)state;
	r = feed_cut(stops, 2, "abcdefgh", UINT64_MAX);
	assert_int_equal(r.longest_held, 0);
	r = feed_cut(stops, 2, "abSTOfgh\nx", UINT64_MAX);
	assert_int_equal(r.longest_held, 3);
	assert_false(r.stopped);
	assert_string_equal(r.text, "abSTOfgh\nx");
}

static void test_utf8(void **state)
{
	const char *accent[] = {"\xc3\xa9"};             /* e acute */
	const char *ja[] = {"\xe7\xb5\x82\xe3\x82\x8f"}; /* two kanji/kana */
	struct result r;

	(void)state;
	check_all_splits(accent, 1, "caf\xc3\xa0\xc3\xa9s");
	check_all_splits(ja, 1, "\xe7\xb5\x82\xe7\xb5\x82\xe3\x82\x8f!");
	/* Fed by whole characters, whole characters come back. */
	r = feed_cut(accent, 1, "\xc3\xa0\xc3\xa0", 0x2);
	assert_string_equal(r.text, "\xc3\xa0\xc3\xa0");
	assert_int_equal(r.longest_held, 0);
}

static void test_none_and_empty(void **state)
{
	const char *empty[] = {"", ""};

	(void)state;
	check_all_splits(NULL, 0, "anything");
	check_all_splits(empty, 2, "anything");
	stop_destroy(NULL);
}

/* An answer may hold zero bytes; they match nothing here. */
static void test_nul_bytes(void **state)
{
	const char *stops[] = {"ab"};
	struct stop_matcher *m = stop_create(stops, 1);
	const char *out;
	size_t n;

	(void)state;
	assert_non_null(m);
	assert_false(stop_feed(m, "a\0a", 3, &out, &n));
	assert_int_equal(n, 2);
	assert_memory_equal(out, "a\0", 2);
	assert_true(stop_feed(m, "b\0", 2, &out, &n));
	assert_int_equal(n, 0);
	assert_false(stop_feed(m, "\0\0", 2, &out, &n));
	assert_int_equal(n, 2);
	stop_destroy(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_split),
		cmocka_unit_test(test_overlapping_stops),
		cmocka_unit_test(test_random_against_definition),
		cmocka_unit_test(test_holds_back_no_more_than_needed),
		cmocka_unit_test(test_utf8),
		cmocka_unit_test(test_none_and_empty),
		cmocka_unit_test(test_nul_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
