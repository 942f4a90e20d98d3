/* chat_tools.h - Gemma 4's own notation for tools, calls and results:
 *   declaration:NAME{description:<|"|>...<|"|>,parameters:{...}}
 *   call:NAME{key:<|"|>text<|"|>,n:2,list:[true,{a:1}]}
 * Members are sorted by key; <|"|> is one token, so strings need no escapes. */
#ifndef ARCH_GEMMA4_CHAT_TOOLS_H
#define ARCH_GEMMA4_CHAT_TOOLS_H

#include "common/chat_parse.h"

#define GEMMA4_QUOTE "<|\"|>"

/* What the published templates do differently. */
struct gemma4_style {
	bool unknown;       /* the file has a template, and it is none of these    */
	bool plain;         /* turns and nothing else                              */
	bool trim;          /* plain: contents are trimmed                         */
	bool empty_thought; /* thinking off: the answer follows a closed, empty
	                     * thought (12B, 26B, 31B; E2B and E4B must not)       */
	bool think_line;    /* <|think|> stands on a line of its own               */
	/* Since July 2026: neighbouring assistant messages are one turn, their
	 * thoughts are kept with and without calls, null is "null", and with
	 * thinking on the model goes on thinking after a result. */
	bool joins_turns;
};

void gemma4_write_declaration(struct chat_text *out, json_t *tool,
                              const struct gemma4_style *style);
/* The inside of a call's braces; args may be NULL. */
void gemma4_write_arguments(struct chat_text *out, json_t *args,
                            const struct gemma4_style *style);
void gemma4_write_quoted(struct chat_text *out, struct chat_str s);

/* chat_calls.c: struct chat_syntax.read_call */
bool gemma4_read_call(const struct chat_body *body, json_t *tools, struct chat_text *name,
                      struct chat_text *args);

#endif
