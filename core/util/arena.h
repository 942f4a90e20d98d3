/* arena.h - memory that is freed all at once: recordings, parsed lists. */
#ifndef CORE_UTIL_ARENA_H
#define CORE_UTIL_ARENA_H

#include <stddef.h>

struct arena_block;

/* Zero-initialise. */
struct arena {
	struct arena_block *head;
};

/* n zeroed bytes, aligned for any type; NULL: no memory. */
void *arena_alloc(struct arena *a, size_t n);
/* A copy of n bytes; NULL: no memory. */
void *arena_copy(struct arena *a, const void *src, size_t n);
char *arena_strdup(struct arena *a, const char *s);
void arena_finish(struct arena *a);

#endif
