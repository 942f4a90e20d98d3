/* err.h - filling a struct zinc_err: one line that names the thing and the
 * remedy. */
#ifndef CORE_UTIL_ERR_H
#define CORE_UTIL_ERR_H

#include <zinc/status.h>

/* Formats the message (newlines and control bytes become '?', cut at the
 * buffer's end on a UTF-8 boundary) and returns code. err may be NULL. */
__attribute__((format(printf, 3, 4))) int err_set(struct zinc_err *err, int code, const char *fmt,
                                                  ...);

/* As err_set, with native set to an errno value whose text is appended. */
__attribute__((format(printf, 4, 5))) int err_set_errno(struct zinc_err *err, int code, int errnum,
                                                        const char *fmt, ...);

/* Puts "prefix: " in front of the message already there; returns err->code. */
__attribute__((format(printf, 2, 3))) int err_prefix(struct zinc_err *err, const char *fmt, ...);

/* "unsupported", "no device", ...; never NULL. */
const char *err_name(int code);

#endif
