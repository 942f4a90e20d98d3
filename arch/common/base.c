/* base.c - filling a struct zinc_err. */
#include "base.h"

#include <stdarg.h>
#include <stdio.h>

/* Length of msg without a UTF-8 sequence that the end of the buffer cut. */
static size_t whole_utf8(const char *msg, size_t n)
{
	size_t start = n;

	while (start > 0 && n - start < 4 && ((unsigned char)msg[start - 1] & 0xc0) == 0x80)
		start--;
	if (start == 0)
		return n;
	unsigned char lead = (unsigned char)msg[start - 1];
	size_t need = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : lead >= 0xc0 ? 2 : 1;

	return n - (start - 1) < need ? start - 1 : n;
}

int arch_fail(struct zinc_err *err, int code, const char *fmt, ...)
{
	va_list ap;

	if (!err)
		return code;
	err->code = code;
	err->native = 0;
	va_start(ap, fmt);
	int n = vsnprintf(err->msg, sizeof(err->msg), fmt, ap);
	va_end(ap);
	if (n < 0)
		err->msg[0] = 0;
	if (n >= (int)sizeof(err->msg))
		err->msg[whole_utf8(err->msg, sizeof(err->msg) - 1)] = 0;
	for (char *c = err->msg; *c; c++)
		if ((unsigned char)*c < 0x20 || *c == 0x7f)
			*c = '?';
	return code;
}
