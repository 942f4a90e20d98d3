/* decode.c - ids to text, one token at a time or all at once. */
#include "token/tok_impl.h"

#include <stdlib.h>
#include <string.h>

#include "token/utf8.h"

static const char replacement[] = "\xef\xbf\xbd"; /* U+FFFD */

const char *tok_piece(const struct tok *t, int32_t id, size_t *n)
{
	uint32_t len = 0;
	const char *word = "";

	if (id >= 0 && (uint32_t)id < t->n_vocab)
		word = tok_word(&t->words, (uint32_t)id, &len);
	*n = len;
	return word;
}

struct output {
	char *buf;
	size_t n, room;
};

static void put(struct output *o, const char *bytes, size_t n)
{
	if (n > o->room - o->n)
		return;
	memcpy(o->buf + o->n, bytes, n);
	o->n += n;
}

/* Adds one byte to what is held, and lets go of what became complete. */
static void feed_byte(struct tok_stream *s, char c, struct output *o)
{
	s->held[s->n_held++] = c;
	while (s->n_held) {
		unsigned len;
		enum utf8_kind kind = utf8_next(s->held, s->n_held, &len);

		if (kind == UTF8_INCOMPLETE)
			return;
		if (kind == UTF8_VALID)
			put(o, s->held, len);
		else
			put(o, replacement, 3);
		s->n_held -= len;
		memmove(s->held, s->held + len, s->n_held);
	}
}

size_t tok_stream_feed(struct tok_stream *s, const struct tok *t, int32_t id, char *buf,
		       size_t room)
{
	struct output o = {buf, 0, room};
	size_t n, i = 0;
	const char *piece = tok_piece(t, id, &n);

	if (!s->started && tok_type_of(t, id) != TOK_CONTROL) {
		s->started = true;
		if (t->spec.flags & ZINC_TOK_SPACE_PREFIX && n && piece[0] == ' ')
			i = 1;
	}
	for (; i < n; i++)
		feed_byte(s, piece[i], &o);
	return o.n;
}

size_t tok_stream_end(struct tok_stream *s, char *buf, size_t room)
{
	struct output o = {buf, 0, room};

	/* What is held is one cut-off sequence. */
	if (s->n_held)
		put(&o, replacement, 3);
	s->n_held = 0;
	return o.n;
}

size_t tok_max_piece(const struct tok *t)
{
	return t->max_piece;
}

char *tok_decode(const struct tok *t, const int32_t *ids, size_t n, bool show_special, size_t *len)
{
	struct tok_stream s = {0};
	size_t room = 4, used = 0, bytes;
	char *buf;

	/* Each byte may come out as U+FFFD. */
	for (size_t i = 0; i < n; i++) {
		tok_piece(t, ids[i], &bytes);
		room += 3 * bytes;
	}
	buf = malloc(room);
	if (!buf)
		return NULL;
	for (size_t i = 0; i < n; i++)
		if (show_special || tok_type_of(t, ids[i]) != TOK_CONTROL)
			used += tok_stream_feed(&s, t, ids[i], buf + used, room - used);
	used += tok_stream_end(&s, buf + used, room - used);
	buf[used] = '\0';
	if (len)
		*len = used;
	return buf;
}
