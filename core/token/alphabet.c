/* alphabet.c - the printable alphabet of byte-level vocabularies.
 *
 * A byte that is a printable Latin-1 character (0x21-0x7e, 0xa1-0xac,
 * 0xae-0xff) stands for itself; the 68 others are, in order, U+0100 to U+0143
 * (Radford et al., "Language Models are Unsupervised Multitask Learners",
 * 2019, and the encoder published with it). */
#include "token/tok_impl.h"

enum { FIRST_MOVED = 0x100, LAST_MOVED = 0x143 };

static bool stands_for_itself(unsigned c)
{
	return (c >= 0x21 && c <= 0x7e) || (c >= 0xa1 && c <= 0xac) || (c >= 0xae && c <= 0xff);
}

/* The k-th byte that does not stand for itself: 0x00-0x20, 0x7f-0xa0, 0xad. */
static unsigned moved_byte(unsigned k)
{
	if (k < 0x21)
		return k;
	return k < 0x21 + 0x22 ? k - 0x21 + 0x7f : 0xad;
}

bool tok_alphabet_undo(const char *text, size_t n, char *dst, size_t *out_n)
{
	size_t len = 0;

	for (size_t i = 0; i < n; i++) {
		unsigned c = (uint8_t)text[i];

		/* Only characters of one and two bytes occur. */
		if (c >= 0x80) {
			if (i + 1 >= n || c < 0xc2 || c > 0xc5 ||
			    ((uint8_t)text[i + 1] & 0xc0) != 0x80)
				return false;
			c = (c & 0x1f) << 6 | ((uint8_t)text[++i] & 0x3f);
		}
		if (c >= FIRST_MOVED && c <= LAST_MOVED)
			c = moved_byte(c - FIRST_MOVED);
		else if (!stands_for_itself(c))
			return false;
		dst[len++] = (char)c;
	}
	*out_n = len;
	return true;
}
