/* chat_qwen.h - what the chat formats of Qwen3 and Qwen3.5 share: ChatML turns,
 * <think> blocks, <tool_call> blocks and tool results in user turns. [any]
 *
 * Files of one family differ in what their template does when nobody chose
 * between thinking and not, so that is read from the template's text. */
#ifndef ARCH_COMMON_CHAT_QWEN_H
#define ARCH_COMMON_CHAT_QWEN_H

#include "base.h"
#include "chat_conv.h"
#include "chat_parse.h"

struct qwen_style {
	bool unknown; /* the file has a template, and it is none of these */
	bool plain;   /* turns and nothing else: no tools, no thoughts in history */
	bool trim;    /* plain: contents are trimmed */
	bool thoughts; /* earlier turns can be written with their thoughts */
	bool think_by_default;
	/* What the generation prompt ends with when thinking is on, off. */
	const char *on, *off;
};

/* call_word: what the family's own template contains and others do not. */
void qwen_style_read(const struct arch_base *base, const struct qwen_style *family,
                     const char *call_word, struct qwen_style *out);
const char *qwen_think_prompt(const struct qwen_style *style, uint32_t thinking);

/* A plain conversation, or just the generation prompt of any. */
int qwen_render_plain(const struct qwen_style *style, const struct chat_conv *conv,
                      struct chat_text *out, struct zinc_err *err);
void qwen_generate(const struct qwen_style *style, const struct chat_conv *conv,
                   struct chat_text *out);

/* "<|im_start|>ROLE\n" CONTENT "<|im_end|>\n" */
void qwen_turn(struct chat_text *out, const char *role, struct chat_str content);
/* A tool's result; neighbouring ones share a user turn. */
void qwen_tool_result(struct chat_text *out, const struct chat_conv *conv, size_t i,
                      struct chat_str content, bool opens_first);
/* "\n" and one tool per line */
void qwen_tool_lines(struct chat_text *out, const struct chat_conv *conv);

/* Index of the last message in which a user asks something; results of tools
 * in a user's clothes do not count. conv->n when there is none. */
size_t qwen_last_query(const struct chat_conv *conv, bool trim);
/* Content of an old turn that still holds its thought: returns true and both
 * parts. */
bool qwen_split_thought(struct chat_str content, struct chat_str *thought,
                        struct chat_str *answer);

/* zinc_chat.parser_create for the style. */
int qwen_parser_create(const struct qwen_style *style, const struct zinc_chat_request *req,
                       struct zinc_chat_parser **out, struct zinc_err *err);
/* chat_qwen_calls.c: both spellings of a call, told apart by the first
 * character. */
bool qwen_read_call(const struct chat_body *body, json_t *tools, struct chat_text *name,
                    struct chat_text *args);

#endif
