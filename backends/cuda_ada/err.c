/* err.c - filling a struct zinc_err; a plugin brings its own. */
#include <stdarg.h>
#include <stdio.h>

#include "ada.h"

int ada_err(struct zinc_err *err, int code, const char *fmt, ...)
{
	va_list ap;

	if (!err)
		return code;
	err->code = code;
	err->native = 0;
	va_start(ap, fmt);
	vsnprintf(err->msg, sizeof(err->msg), fmt, ap);
	va_end(ap);
	return code;
}
