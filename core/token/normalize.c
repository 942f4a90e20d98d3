/* normalize.c - what happens to a text before it is cut into tokens. */
#include "token/tok_impl.h"

#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

#include "token/utf8.h"

enum {
	CHUNK = 1024,     /* from here on a chunk ends at the next safe character */
	CHUNK_MAX = 4096, /* and here in any case                                 */
};

static int append(struct tok_work *w, size_t *used, const char *bytes, size_t n)
{
	void *buf = w->buf;

	if (!tok_reserve(&buf, &w->buf_room, *used + n, 1))
		return tok_no_memory(w->err);
	w->buf = buf;
	memcpy(w->buf + *used, bytes, n);
	*used += n;
	return ZINC_OK;
}

/* A character that never composes with one before it. */
static bool is_safe_start(const char *s, unsigned len)
{
	utf8proc_int32_t c;
	const utf8proc_property_t *p;

	if (len == 1)
		return true;
	utf8proc_iterate((const utf8proc_uint8_t *)s, len, &c);
	p = utf8proc_get_property(c);
	return p->combining_class == 0 && p->category != UTF8PROC_CATEGORY_MN &&
	       p->category != UTF8PROC_CATEGORY_MC && p->category != UTF8PROC_CATEGORY_ME &&
	       (c < 0x1160 || c > 0x11ff);
}

/* Bytes of valid UTF-8 that can be composed apart from what follows them. A
 * single chunk could be the whole text, but ordering a long run of combining
 * marks takes quadratic time, so past CHUNK_MAX it is cut all the same. */
static size_t chunk_len(const char *s, size_t n, bool *plain)
{
	size_t i = 0;
	unsigned len;

	*plain = true;
	while (i < n && i < CHUNK_MAX && utf8_next(s + i, n - i, &len) == UTF8_VALID) {
		if (i >= CHUNK && is_safe_start(s + i, len))
			break;
		/* Nothing below U+0300 (cc 80) is changed or composes. */
		*plain = *plain && (uint8_t)s[i] < 0xcc;
		i += len;
	}
	return i;
}

static int compose(struct tok_work *w, size_t *used, const char *s, size_t n)
{
	utf8proc_uint8_t *dst;
	utf8proc_ssize_t len = utf8proc_map((const utf8proc_uint8_t *)s, (utf8proc_ssize_t)n, &dst,
					    UTF8PROC_STABLE | UTF8PROC_COMPOSE);
	int rc;

	if (len < 0)
		return tok_no_memory(w->err);
	rc = append(w, used, (const char *)dst, (size_t)len);
	free(dst);
	return rc;
}

static int nfc(struct tok_work *w, size_t *used, const char *s, size_t n)
{
	int rc = ZINC_OK;

	while (n && !rc) {
		bool plain;
		size_t len = chunk_len(s, n, &plain);

		if (len == 0) { /* an invalid byte stays as it is */
			len = 1;
			plain = true;
		}
		rc = plain ? append(w, used, s, len) : compose(w, used, s, len);
		s += len;
		n -= len;
	}
	return rc;
}

/* U+2581 in a text is the same to these models as the blank it stands for. */
static void block_to_blank(char *s, size_t *n)
{
	size_t len = 0;

	for (size_t i = 0; i < *n;) {
		bool block = *n - i >= 3 && !memcmp(s + i, "\xe2\x96\x81", 3);

		s[len++] = block ? ' ' : s[i];
		i += block ? 3 : 1;
	}
	*n = len;
}

static bool needs_nfc(const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if ((uint8_t)s[i] >= 0xcc)
			return true;
	return false;
}

int tok_normalize(const struct tok *t, struct tok_work *w, bool prefix, const char **text,
		  size_t *n)
{
	bool compose_it = t->spec.flags & ZINC_TOK_NFC && needs_nfc(*text, *n);
	bool blocks = t->spec.kind != ZINC_TOK_BPE_BYTES && memmem(*text, *n, "\xe2\x96\x81", 3);
	size_t used = 0;
	int rc = ZINC_OK;

	if (!compose_it && !blocks && !prefix)
		return ZINC_OK;
	if (prefix)
		rc = append(w, &used, " ", 1);
	if (!rc)
		rc = compose_it ? nfc(w, &used, *text, *n) : append(w, &used, *text, *n);
	if (rc)
		return rc;
	if (blocks)
		block_to_blank(w->buf, &used);
	*text = w->buf;
	*n = used;
	return ZINC_OK;
}
