/* chat_dated.h - the chat format of Llama 3.1, 3.2 and 3.3: turns as in Llama 3, a
 * system turn that tells two dates, tools. [any] */
#ifndef ARCH_LLAMA_CHAT_DATED_H
#define ARCH_LLAMA_CHAT_DATED_H

#include "common/chat_parse.h"
#include "common/chat_plain.h"

/* The member of a call that holds its arguments. */
#define LLAMA_ARGUMENTS "parameters"

/* Everything up to the generation prompt. tools: the file's template knows
 * them; otherwise a conversation with tools is refused. */
int llama_render_dated(const struct chat_plain *turns, const struct chat_conv *conv, bool tools,
                       struct chat_text *out, struct zinc_err *err);
/* chat_syntax.read_call */
bool llama_read_call(const struct chat_body *body, json_t *tools, struct chat_text *name,
                     struct chat_text *args);

#endif
