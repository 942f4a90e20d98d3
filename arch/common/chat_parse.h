/* chat_parse.h - the generated stream, token by token, to content, reasoning
 * and tool calls. One state machine serves every family; a family names its
 * markers and reads the inside of a call.
 *
 * When does text count as a marker? Every marker here is a single token in the
 * vocabularies of its family. So it counts when it comes from a special token,
 * whole, in pieces over several feeds, or with others in one feed; and when one
 * feed, which is one token, spells exactly the marker, whatever the token's
 * type (files exist that declare such tokens as ordinary ones). Spelled out by
 * several ordinary tokens it is content: that is how a model quotes "</think>"
 * to somebody who asked about it.
 *
 * Calls without markers. An answer is held back for as long as it can be one, and
 * comes out as soon as it cannot.
 *
 * Newlines. A thought loses those at both ends; content loses the ones that
 * follow a thought or a call, and those before a call. They are held back, as a
 * count, until it is known what follows. */
#ifndef ARCH_COMMON_CHAT_PARSE_H
#define ARCH_COMMON_CHAT_PARSE_H

#include "chat_conv.h"

enum chat_marker {
	CHAT_THINK_OPEN = 0,
	CHAT_THINK_CLOSE,
	CHAT_CALL_OPEN,
	CHAT_CALL_CLOSE,
	CHAT_QUOTE, /* delimits strings inside a call */
	CHAT_N_MARKERS
};

#define CHAT_MARKER_MAX 40 /* bytes */

/* The text between the markers of a call. */
struct chat_body {
	const char *p;
	size_t n;
	const size_t *quote; /* ascending offsets where a CHAT_QUOTE marker begins */
	size_t n_quotes;
};

struct chat_syntax {
	const char *marker[CHAT_N_MARKERS]; /* NULL: the family has none */
	/* Follows CHAT_THINK_OPEN and is not part of the thought; NULL: nothing. */
	const char *think_lead;
	/* Special tokens that are never shown, such as the end of a turn; ends
	 * with NULL. */
	const char *const *hidden;
	/* Reads a call: the function's name and its arguments as the JSON text of
	 * an object. False when it is not well formed. tools may be NULL. A family
	 * without markers has none (NULL). */
	bool (*read_call)(const struct chat_body *, json_t *tools, struct chat_text *name,
	                  struct chat_text *args);
	/* A family whose calls have no closing marker, and need no opening one:
	 * a call is then a JSON object up to the answer's end (see chat_call.h),
	 * and this names its member with the arguments. NULL: all others. */
	const char *bare_arguments;
};

enum chat_start {
	CHAT_START_PLAIN = 0,   /* the answer begins with the first token        */
	CHAT_START_ANSWER = 1,  /* the prompt closed a thought just before       */
	CHAT_START_THOUGHT = 2, /* the prompt opened a thought                   */
};

/* Takes over one reference of tools (may be NULL), also on failure. */
int chat_parser_create(const struct chat_syntax *syntax, json_t *tools, enum chat_start start,
                       struct zinc_chat_parser **out, struct zinc_err *err);

/* Entries of struct zinc_chat. They return 0, ZINC_E_NO_MEMORY, or what fn
 * returned when that was not 0. */
int chat_parser_feed(struct zinc_chat_parser *p, const char *text, size_t n, int special,
                     zinc_chat_event_fn *fn, void *ctx);
int chat_parser_end(struct zinc_chat_parser *p, zinc_chat_event_fn *fn, void *ctx);
void chat_parser_destroy(struct zinc_chat_parser *p);

#endif
