/* chat_text.c - slices and growing text for chat formats. */
#include "chat_text.h"

#include "base.h"

#include <stdlib.h>

bool chat_str_starts(struct chat_str s, const char *prefix)
{
	size_t n = strlen(prefix);

	return s.n >= n && memcmp(s.p, prefix, n) == 0;
}

bool chat_str_ends(struct chat_str s, const char *suffix)
{
	size_t n = strlen(suffix);

	return s.n >= n && memcmp(s.p + s.n - n, suffix, n) == 0;
}

const char *chat_str_find(struct chat_str s, const char *needle)
{
	return s.n ? memmem(s.p, s.n, needle, strlen(needle)) : NULL;
}

const char *chat_str_find_last(struct chat_str s, const char *needle)
{
	size_t n = strlen(needle);
	const char *last = NULL;

	for (const char *at; (at = chat_str_find(s, needle)) != NULL;) {
		last = at;
		s.n -= (size_t)(at - s.p) + n;
		s.p = at + n;
	}
	return last;
}

/* Length of the white space character that the n bytes at p are, else 0. */
static size_t space_len(const unsigned char *p, size_t n)
{
	if (n == 1)
		return p[0] == ' ' || (p[0] >= 0x09 && p[0] <= 0x0d) ||
		       (p[0] >= 0x1c && p[0] <= 0x1f);
	if (n == 2)
		return p[0] == 0xc2 && (p[1] == 0x85 || p[1] == 0xa0) ? 2 : 0;
	unsigned c = (unsigned)p[0] << 16 | (unsigned)p[1] << 8 | p[2];

	if ((c >= 0xe28080 && c <= 0xe2808a) || c == 0xe280a8 || c == 0xe280a9 || c == 0xe280af ||
	    c == 0xe2819f || c == 0xe38080 || c == 0xe19a80)
		return 3;
	return 0;
}

static size_t space_at_start(struct chat_str s)
{
	for (size_t n = 1; n <= 3 && n <= s.n; n++)
		if (space_len((const unsigned char *)s.p, n))
			return n;
	return 0;
}

static size_t space_at_end(struct chat_str s)
{
	for (size_t n = 1; n <= 3 && n <= s.n; n++)
		if (space_len((const unsigned char *)s.p + s.n - n, n))
			return n;
	return 0;
}

struct chat_str chat_str_trim(struct chat_str s)
{
	size_t n;

	while ((n = space_at_start(s)) != 0) {
		s.p += n;
		s.n -= n;
	}
	while ((n = space_at_end(s)) != 0)
		s.n -= n;
	return s;
}

struct chat_str chat_str_ltrim_newlines(struct chat_str s)
{
	while (s.n && s.p[0] == '\n') {
		s.p++;
		s.n--;
	}
	return s;
}

struct chat_str chat_str_rtrim_newlines(struct chat_str s)
{
	while (s.n && s.p[s.n - 1] == '\n')
		s.n--;
	return s;
}

void chat_text_finish(struct chat_text *t)
{
	free(t->data);
	free(t->run);
	memset(t, 0, sizeof(*t));
}

/* Makes place for `more` elements of `size` bytes behind the first n. */
static bool reserve(void **data, size_t *room, size_t n, size_t more, size_t size)
{
	if (more <= *room - n)
		return true;
	if (more > SIZE_MAX / size / 2 - n)
		return false;
	size_t want = n + more;

	want = want < 2 * *room ? 2 * *room : want < 64 ? 64 : want;
	void *grown = realloc(*data, want * size);

	if (!grown)
		return false;
	*data = grown;
	*room = want;
	return true;
}

void chat_text_add(struct chat_text *t, struct chat_str s, bool special)
{
	if (t->failed || s.n == 0)
		return;
	bool extends = t->n_runs && t->run[t->n_runs - 1].special == special;
	void *data = t->data, *run = t->run;

	t->failed = !reserve(&data, &t->room, t->n, s.n, 1);
	t->data = data;
	if (!t->failed && !extends) {
		t->failed = !reserve(&run, &t->run_room, t->n_runs, 1, sizeof(*t->run));
		t->run = run;
	}
	if (t->failed)
		return;
	memcpy(t->data + t->n, s.p, s.n);
	t->n += s.n;
	if (!extends)
		t->run[t->n_runs++].special = special;
	t->run[t->n_runs - 1].end = t->n;
}

const char *chat_text_cstr(struct chat_text *t)
{
	void *data = t->data;

	if (t->failed || !reserve(&data, &t->room, t->n, 1, 1))
		return NULL;
	t->data = data;
	t->data[t->n] = 0;
	return t->data;
}

int chat_text_deliver(const struct chat_text *t, zinc_chat_piece_fn *fn, void *ctx,
                      struct zinc_err *err)
{
	size_t start = 0;

	if (t->failed)
		return arch_fail(err, ZINC_E_NO_MEMORY, "no memory for the rendered prompt");
	for (size_t i = 0; i < t->n_runs; i++) {
		int rc = fn(ctx, t->data + start, t->run[i].end - start, t->run[i].special);

		if (rc)
			return rc;
		start = t->run[i].end;
	}
	return 0;
}
