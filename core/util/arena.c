/* arena.c - chained blocks, freed together. */
#include "util/arena.h"

#include <stdalign.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCK = 64 * 1024 };

struct arena_block {
	struct arena_block *next;
	size_t used, room;
	alignas(max_align_t) unsigned char data[];
};

static struct arena_block *grow(struct arena *a, size_t n)
{
	size_t room = n > BLOCK ? n : BLOCK;
	struct arena_block *b = calloc(1, sizeof(*b) + room);

	if (!b)
		return NULL;
	b->room = room;
	b->next = a->head;
	a->head = b;
	return b;
}

void *arena_alloc(struct arena *a, size_t n)
{
	struct arena_block *b = a->head;
	void *p;

	n = (n + alignof(max_align_t) - 1) / alignof(max_align_t) * alignof(max_align_t);
	if (!b || b->room - b->used < n)
		b = grow(a, n);
	if (!b)
		return NULL;
	p = b->data + b->used;
	b->used += n;
	return p;
}

void *arena_copy(struct arena *a, const void *src, size_t n)
{
	void *p = arena_alloc(a, n ? n : 1);

	if (p && n)
		memcpy(p, src, n);
	return p;
}

char *arena_strdup(struct arena *a, const char *s)
{
	return arena_copy(a, s, strlen(s) + 1);
}

void arena_finish(struct arena *a)
{
	while (a->head) {
		struct arena_block *next = a->head->next;

		free(a->head);
		a->head = next;
	}
}
