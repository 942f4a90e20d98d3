/* chat_text.h - slices of text, and growing text that remembers which parts of
 * it are the chat template's own words and which are somebody's content.
 *
 * A rendered prompt is collected whole and delivered at the end, so that a
 * conversation with a mistake in it emits nothing. [any] */
#ifndef ARCH_COMMON_CHAT_TEXT_H
#define ARCH_COMMON_CHAT_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <zinc/chat.h>

/* A slice; not terminated, not owned. */
struct chat_str {
	const char *p;
	size_t n;
};

static inline struct chat_str chat_str(const char *s)
{
	return (struct chat_str){s, strlen(s)};
}

static inline bool chat_str_is(struct chat_str s, const char *text)
{
	return s.n == strlen(text) && memcmp(s.p, text, s.n) == 0;
}

bool chat_str_starts(struct chat_str s, const char *prefix);
bool chat_str_ends(struct chat_str s, const char *suffix);
/* Where needle first (last) begins in s, or NULL. */
const char *chat_str_find(struct chat_str s, const char *needle);
const char *chat_str_find_last(struct chat_str s, const char *needle);
/* Without Unicode white space at both ends, as Python's str.strip(). */
struct chat_str chat_str_trim(struct chat_str s);
/* Without newlines at the start, at the end. */
struct chat_str chat_str_ltrim_newlines(struct chat_str s);
struct chat_str chat_str_rtrim_newlines(struct chat_str s);

struct chat_run {
	size_t end; /* offset where this run ends and the next begins */
	bool special;
};

/* Zero-initialise. Lack of memory sticks in `failed`; later calls do nothing,
 * so only the end has to be checked. */
struct chat_text {
	char *data; /* not terminated; see chat_text_cstr() */
	size_t n, room;
	struct chat_run *run;
	size_t n_runs, run_room;
	bool failed;
};

void chat_text_finish(struct chat_text *t);
void chat_text_add(struct chat_text *t, struct chat_str s, bool special);
/* Terminates the text, which stays owned by t; NULL: no memory. */
const char *chat_text_cstr(struct chat_text *t);

/* Words of the template. */
static inline void chat_mark(struct chat_text *t, const char *words)
{
	chat_text_add(t, chat_str(words), true);
}

/* Somebody's content: nothing in it is ever a special token. */
static inline void chat_put(struct chat_text *t, struct chat_str s)
{
	chat_text_add(t, s, false);
}

/* Hands the runs to fn. Returns 0, ZINC_E_NO_MEMORY, or what fn returned when
 * that was not 0. */
int chat_text_deliver(const struct chat_text *t, zinc_chat_piece_fn *fn, void *ctx,
                      struct zinc_err *err);

#endif
