/* chat_fake.h - chat formats without a model: a struct arch_base that holds a
 * template's text and a few metadata keys, rendering into memory, and parsing of
 * streams cut in any way. */
#ifndef TESTS_UNIT_CHAT_FAKE_H
#define TESTS_UNIT_CHAT_FAKE_H

#include <stdbool.h>

#include "common/base.h"

struct zinc_meta {
	const char *str_key, *str; /* the only string key there is */
	const char *u32_key;       /* the only number              */
	uint32_t u32;
};

struct chat_fake {
	struct arch_base base; /* first: this is the "model" */
	const struct zinc_chat *chat;
	struct zinc_meta meta;
};

/* chat_template: NULL for none. */
void chat_fake_init(struct chat_fake *f, const struct zinc_chat *chat, const char *chat_template);

struct chat_prompt {
	int rc;
	struct zinc_err err;
	char *text;    /* terminated; "" when rc != 0 */
	char *special; /* for every byte of text, '1' or '0' */
	size_t n;
	unsigned n_pieces;
};

/* Free with chat_prompt_finish(). */
struct chat_prompt chat_fake_render(struct chat_fake *f, const struct zinc_chat_request *req);
void chat_prompt_finish(struct chat_prompt *p);
/* Renders messages (and tools, or NULL) with default thinking and compares. */
void chat_fake_expect(struct chat_fake *f, const char *messages, const char *tools,
                      const char *want);

/* A message as JSON; both are string literals. */
#define MSG(role, content) "{\"role\":\"" role "\",\"content\":\"" content "\"}"

/* One token's text. */
struct chat_token {
	const char *text;
	size_t n;
	bool special;
};

/* Tokens of a text as a family's vocabulary has them: its markers are special
 * tokens, the rest is cut at blanks. At most room; returns how many. */
size_t chat_fake_tokens(const char *text, const char *const *markers, struct chat_token *out,
                        size_t room);

/* The special tokens of a family's vocabulary that a stream may hold; ends with
 * NULL. */
const char *const *chat_fake_markers(const struct zinc_chat *chat);
/* A request of one message, with one tool "f" that has parameters of every type:
 * s string, n integer, b boolean, l array, o object, sn and u string or null, e one
 * of two strings. */
struct zinc_chat_request chat_fake_request(uint32_t thinking);

/* Parses tokens and writes down what comes: "R{thought}C{text}T{name arguments}",
 * neighbouring texts of one kind joined. piece: bytes fed at once inside a token,
 * 0 for whole tokens. A new string. */
char *chat_fake_parse(struct chat_fake *f, const struct zinc_chat_request *req,
                      const struct chat_token *token, size_t n, size_t piece);

#endif
