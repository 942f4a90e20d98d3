/* SPDX-License-Identifier: MIT */
/* chat.h - a model family's chat format: messages to prompt pieces, and the
 * generated stream back to content, reasoning and tool calls.
 *
 * Messages and tools are JSON text in the shape of the OpenAI chat API, so that
 * the core need not know what a family does with them:
 *   messages: [{"role": "system"|"user"|"assistant"|"tool", "content": string
 *     or [{"type":"text","text":...}] (of a tool also an object, where the
 *     family's format writes one), "reasoning_content"?: string,
 *     "tool_calls"?: [{"id"?, "type"?, "function": {"name", "arguments":
 *     object or JSON string}}], "name"?, "tool_call_id"?}, ...]
 *   tools: [{"type":"function","function":{"name","description","parameters"}}]
 * Object member order is preserved and matters (templates iterate it). */
#ifndef ZINC_CHAT_H
#define ZINC_CHAT_H

#include <stddef.h>
#include <stdint.h>
#include <zinc/status.h>

#ifdef __cplusplus
extern "C" {
#endif

struct zinc_chat_parser;

enum zinc_thinking {
	ZINC_THINK_DEFAULT = 0, /* the user chose nothing: what the file's own
	                         * template does then */
	ZINC_THINK_OFF = 1,
	ZINC_THINK_ON = 2
};

struct zinc_chat_request {
	uint32_t struct_size;
	uint32_t thinking;            /* enum zinc_thinking                   */
	uint32_t no_generation_prompt; /* 1: do not open the assistant's turn */
	uint32_t pad0;
	const char *messages;         /* JSON array                           */
	const char *tools;            /* JSON array or NULL                   */
};

/* Receives the prompt in pieces. special: parse this piece for special tokens
 * (it is the template's own text); otherwise it is a user's or a tool's text,
 * in which "<|im_end|>" is just characters. Concatenated, the pieces are
 * exactly what the family's Jinja template renders; their borders say nothing
 * about tokens, which may span them. Return nonzero to stop: render() then
 * returns that. Nothing is delivered when the request is at fault. */
typedef int zinc_chat_piece_fn(void *ctx, const char *text, size_t n, int special);

enum zinc_chat_event_kind {
	ZINC_CHAT_CONTENT = 1,   /* more of the answer's text                 */
	ZINC_CHAT_REASONING = 2, /* more of the thought                       */
	ZINC_CHAT_TOOL_CALL = 3  /* one complete call                         */
};

struct zinc_chat_event {
	uint32_t struct_size;
	uint32_t kind;         /* enum zinc_chat_event_kind                   */
	const char *text;      /* CONTENT, REASONING: n bytes, not terminated */
	uint64_t n;
	const char *name;      /* TOOL_CALL: function name                    */
	const char *arguments; /* TOOL_CALL: JSON object                      */
};

/* Pointers are valid during the call. Return nonzero to stop: the parser call
 * then returns that, and only parser_destroy() may follow. */
typedef int zinc_chat_event_fn(void *ctx, const struct zinc_chat_event *);

struct zinc_chat {
	uint32_t struct_size;
	uint32_t flags; /* 0 */
	/* [any] model is the architecture's own, from zinc_arch.open(). The err
	 * says which message is wrong and how, as the Jinja template would. */
	int (*render)(void *model, const struct zinc_chat_request *, zinc_chat_piece_fn *,
	              void *ctx, struct zinc_err *);
	/* [any] One sentence when the file's own template is one the plugin does
	 * not know (its defaults are then guesses), else NULL. */
	const char *(*warning)(void *model);

	/* A parser per answer. req is the request that the prompt was rendered
	 * from (its thinking mode tells whether the answer starts inside a
	 * thought). [cmd]: one thread at a time per parser. */
	int (*parser_create)(void *model, const struct zinc_chat_request *,
	                     struct zinc_chat_parser **out, struct zinc_err *);
	/* One generated token's text; special: the token is a control or
	 * user-defined token. Events arrive through fn before this returns. Text
	 * that may be the start of a marker is held back. */
	int (*parser_feed)(struct zinc_chat_parser *, const char *text, size_t n, int special,
	                   zinc_chat_event_fn *, void *ctx);
	/* The answer ended: what was held back comes out. A tool call that was
	 * cut off or is malformed comes out as the text it was: CONTENT, or
	 * REASONING when it began inside a thought. */
	int (*parser_end)(struct zinc_chat_parser *, zinc_chat_event_fn *, void *ctx);
	void (*parser_destroy)(struct zinc_chat_parser *); /* NULL ok */
};

#ifdef __cplusplus
}
#endif
#endif /* ZINC_CHAT_H */
