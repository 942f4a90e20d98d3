/* prompt.h - what a person or a program wrote, as the tokens a model reads. */
#ifndef CORE_RUN_PROMPT_H
#define CORE_RUN_PROMPT_H

#include <stdbool.h>
#include <stddef.h>
#include <zinc/chat.h>

struct model;
struct tok_ids;

/* Refuses text that is not UTF-8; the message gives the byte's offset. what
 * names the text in the message ("the prompt"). */
int prompt_check_utf8(const char *what, const char *text, size_t n, struct zinc_err *err);

/* Raw text, with BOS in front where the model wants one. parse_special: texts
 * of special tokens become those tokens. Appends to out. */
int prompt_from_text(const struct model *m, const char *text, size_t n, bool parse_special,
		     struct tok_ids *out, struct zinc_err *err);

/* A chat request in the model's own format. Text of users and tools never
 * becomes a special token; apart from that the tokens are those of the whole
 * rendered text. ZINC_E_UNSUPPORTED when the model has no chat format. */
int prompt_from_chat(const struct model *m, const struct zinc_chat_request *req,
		     struct tok_ids *out, struct zinc_err *err);

#endif
