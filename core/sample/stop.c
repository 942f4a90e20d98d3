/* stop.c - stop strings, by one Knuth-Morris-Pratt automaton per string.
 *
 * A string's state is the length of its longest prefix that ends the text so
 * far; the longest of all states is exactly what has to be held back. */
#include "sample/stop.h"

#include <stdlib.h>
#include <string.h>

struct stop_string {
	char *text;
	size_t len;
	size_t *fail;   /* fail[i]: the state to fall back to from i + 1 matched bytes */
	size_t matched; /* bytes */
};

struct stop_matcher {
	struct stop_string *strings;
	size_t n;
	char *buf; /* text held back, then the text just fed */
	size_t held, room;
	size_t n_out; /* bytes of buf handed out by the last call */
};

static void build_fail(struct stop_string *s)
{
	size_t k = 0;

	s->fail[0] = 0;
	for (size_t i = 1; i < s->len; i++) {
		while (k && s->text[i] != s->text[k])
			k = s->fail[k - 1];
		if (s->text[i] == s->text[k])
			k++;
		s->fail[i] = k;
	}
}

struct stop_matcher *stop_create(const char *const *strings, size_t n)
{
	struct stop_matcher *m = calloc(1, sizeof(*m));

	if (!m)
		return NULL;
	m->strings = calloc(n ? n : 1, sizeof(*m->strings));
	if (!m->strings)
		goto fail;
	for (size_t i = 0; i < n; i++) {
		struct stop_string *s = &m->strings[m->n];

		if (!strings[i][0])
			continue;
		m->n++;
		s->len = strlen(strings[i]);
		s->text = strdup(strings[i]);
		s->fail = calloc(s->len, sizeof(*s->fail));
		if (!s->text || !s->fail)
			goto fail;
		build_fail(s);
	}
	return m;
fail:
	stop_destroy(m);
	return NULL;
}

void stop_destroy(struct stop_matcher *m)
{
	if (!m)
		return;
	for (size_t i = 0; i < m->n; i++) {
		free(m->strings[i].text);
		free(m->strings[i].fail);
	}
	free(m->strings);
	free(m->buf);
	free(m);
}

/* One byte further; true when the string is complete. */
static bool advance(struct stop_string *s, char byte)
{
	while (s->matched && s->text[s->matched] != byte)
		s->matched = s->fail[s->matched - 1];
	if (s->text[s->matched] == byte)
		s->matched++;
	return s->matched == s->len;
}

/* Moves every string by one byte. Returns the length of the longest one that is
 * now complete, 0 if none is. */
static size_t advance_all(struct stop_matcher *m, char byte)
{
	size_t complete = 0;

	for (size_t i = 0; i < m->n; i++)
		if (advance(&m->strings[i], byte) && m->strings[i].len > complete)
			complete = m->strings[i].len;
	return complete;
}

static size_t longest_state(const struct stop_matcher *m)
{
	size_t longest = 0;

	for (size_t i = 0; i < m->n; i++)
		if (m->strings[i].matched > longest)
			longest = m->strings[i].matched;
	return longest;
}

/* The output of the call before is the caller's no longer. */
static void forget_output(struct stop_matcher *m)
{
	if (m->n_out)
		memmove(m->buf, m->buf + m->n_out, m->held);
	m->n_out = 0;
}

static void hold_nothing(struct stop_matcher *m)
{
	m->held = 0;
	for (size_t i = 0; i < m->n; i++)
		m->strings[i].matched = 0;
}

static bool make_room(struct stop_matcher *m, size_t bytes)
{
	char *more;

	if (bytes <= m->room)
		return true;
	more = realloc(m->buf, bytes * 2);
	if (!more)
		return false;
	m->buf = more;
	m->room = bytes * 2;
	return true;
}

bool stop_feed(struct stop_matcher *m, const char *text, size_t len, const char **out, size_t *n)
{
	size_t total;

	forget_output(m);
	total = m->held + len;
	*out = text;
	*n = len;
	if (m->n == 0)
		return false;
	if (!make_room(m, total + 1)) {
		/* Rather a short answer than one with text out of order. */
		*n = 0;
		hold_nothing(m);
		return true;
	}
	memcpy(m->buf + m->held, text, len);
	*out = m->buf;
	for (size_t i = m->held; i < total; i++) {
		size_t complete = advance_all(m, m->buf[i]);

		if (complete) {
			*n = i + 1 - complete;
			hold_nothing(m);
			return true;
		}
	}
	m->held = longest_state(m);
	m->n_out = *n = total - m->held;
	return false;
}

void stop_end(struct stop_matcher *m, const char **out, size_t *n)
{
	forget_output(m);
	*out = m->buf ? m->buf : "";
	*n = m->held;
	hold_nothing(m);
}
