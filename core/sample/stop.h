/* stop.h - ending an answer at a stop string, without printing any part of it. */
#ifndef CORE_SAMPLE_STOP_H
#define CORE_SAMPLE_STOP_H

#include <stdbool.h>
#include <stddef.h>

struct stop_matcher;

/* NULL: no memory. Strings are copied; empty ones are ignored. */
struct stop_matcher *stop_create(const char *const *strings, size_t n);
void stop_destroy(struct stop_matcher *m); /* NULL ok */

/* Feeds text. *out and *n: what is certain to come before any stop string
 * (valid until the next call; may be empty). Returns true when a stop string
 * was completed; then *out ends right before it. */
bool stop_feed(struct stop_matcher *m, const char *text, size_t len, const char **out, size_t *n);
/* The answer ended by itself: what was held back. */
void stop_end(struct stop_matcher *m, const char **out, size_t *n);

#endif
