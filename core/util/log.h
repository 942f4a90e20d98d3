/* log.h - what zinc tells the person at the terminal, on stderr. */
#ifndef CORE_UTIL_LOG_H
#define CORE_UTIL_LOG_H

#include <zinc/plugin.h> /* enum zinc_log_level */

/* Lines above this level are dropped; ZINC_LOG_WARN at start. */
void log_set_level(int level);

/* Writes "zinc: ..." (errors and warnings say so) as one line. [any] */
__attribute__((format(printf, 2, 3))) void log_msg(int level, const char *fmt, ...);

/* As log_msg, but the same text is written once per process only: for notices
 * about a model or device that every step would repeat. */
__attribute__((format(printf, 2, 3))) void log_once(int level, const char *fmt, ...);

#endif
