/* utf8.h - where UTF-8 sequences begin and end.
 *
 * Valid is what the Unicode standard calls well-formed (table 3-7): no
 * overlong forms, no surrogates, nothing above U+10FFFF. */
#ifndef CORE_TOKEN_UTF8_H
#define CORE_TOKEN_UTF8_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum utf8_kind {
	UTF8_VALID,
	UTF8_INVALID,   /* no continuation can make it valid */
	UTF8_INCOMPLETE /* the text ends inside a sequence   */
};

/* Bytes of the sequence that starts with this byte; 0: none starts so. */
static inline unsigned utf8_lead(uint8_t c)
{
	if (c < 0x80)
		return 1;
	if (c < 0xc2 || c > 0xf4)
		return 0;
	return c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
}

/* Whether c may be the second byte after this first one. */
static inline int utf8_second(uint8_t first, uint8_t c)
{
	uint8_t lo = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : 0x80;
	uint8_t hi = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : 0xbf;

	return c >= lo && c <= hi;
}

/* Looks at the start of s (n > 0). *len: bytes of the sequence, or of the part
 * that one U+FFFD stands for (the longest prefix of a valid sequence, else one
 * byte). */
static inline enum utf8_kind utf8_next(const char *s, size_t n, unsigned *len)
{
	uint8_t first = (uint8_t)s[0];
	unsigned want = utf8_lead(first);

	*len = 1;
	if (want <= 1)
		return want ? UTF8_VALID : UTF8_INVALID;
	for (; *len < want; ++*len) {
		uint8_t c;

		if (*len >= n)
			return UTF8_INCOMPLETE;
		c = (uint8_t)s[*len];
		if (*len == 1 ? !utf8_second(first, c) : (c & 0xc0) != 0x80)
			return UTF8_INVALID;
	}
	return UTF8_VALID;
}

/* Length of the longest valid start of s. */
static inline size_t utf8_valid_run(const char *s, size_t n)
{
	size_t i = 0;
	unsigned len;

	while (i < n) {
		uint64_t w;

		if (n - i >= sizeof(w)) {
			memcpy(&w, s + i, sizeof(w));
			if (!(w & UINT64_C(0x8080808080808080))) {
				i += sizeof(w);
				continue;
			}
		}
		if (utf8_next(s + i, n - i, &len) != UTF8_VALID)
			break;
		i += len;
	}
	return i;
}

#endif
