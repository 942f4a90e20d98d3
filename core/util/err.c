/* err.c - filling a struct zinc_err. */
#include "util/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* One line of valid-looking text: control bytes replaced, no half character. */
static void tidy(char *msg, size_t room)
{
	size_t n = strnlen(msg, room - 1);

	for (size_t i = 0; i < n; i++)
		if ((unsigned char)msg[i] < 0x20 || msg[i] == 0x7f)
			msg[i] = '?';
	if (n + 1 < room)
		return;
	while (n > 0 && ((unsigned char)msg[n - 1] & 0xc0) == 0x80)
		n--;
	if (n > 0 && ((unsigned char)msg[n - 1] & 0x80))
		n--;
	msg[n] = '\0';
}

int err_set(struct zinc_err *err, int code, const char *fmt, ...)
{
	va_list ap;

	if (!err)
		return code;
	err->code = code;
	err->native = 0;
	va_start(ap, fmt);
	vsnprintf(err->msg, sizeof(err->msg), fmt, ap);
	va_end(ap);
	tidy(err->msg, sizeof(err->msg));
	return code;
}

int err_set_errno(struct zinc_err *err, int code, int errnum, const char *fmt, ...)
{
	va_list ap;
	size_t n;

	if (!err)
		return code;
	err->code = code;
	err->native = errnum;
	va_start(ap, fmt);
	vsnprintf(err->msg, sizeof(err->msg), fmt, ap);
	va_end(ap);
	n = strlen(err->msg);
	snprintf(err->msg + n, sizeof(err->msg) - n, ": %s", strerror(errnum));
	tidy(err->msg, sizeof(err->msg));
	return code;
}

int err_prefix(struct zinc_err *err, const char *fmt, ...)
{
	char old[sizeof(err->msg)];
	va_list ap;
	size_t n;

	if (!err)
		return ZINC_E_INTERNAL;
	memcpy(old, err->msg, sizeof(old));
	va_start(ap, fmt);
	vsnprintf(err->msg, sizeof(err->msg), fmt, ap);
	va_end(ap);
	n = strlen(err->msg);
	snprintf(err->msg + n, sizeof(err->msg) - n, ": %s", old);
	tidy(err->msg, sizeof(err->msg));
	return err->code;
}

const char *err_name(int code)
{
	switch (code) {
	case ZINC_OK: return "ok";
	case ZINC_E_UNSUPPORTED: return "unsupported";
	case ZINC_E_INVALID: return "invalid";
	case ZINC_E_NO_DEVICE: return "no device";
	case ZINC_E_NO_MEMORY: return "out of memory";
	case ZINC_E_TIMEOUT: return "timeout";
	case ZINC_E_DEVICE_LOST: return "device lost";
	case ZINC_E_VERSION: return "version mismatch";
	case ZINC_E_IO: return "i/o error";
	default: return "internal error";
	}
}
