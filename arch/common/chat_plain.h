/* chat_plain.h - chat formats that are nothing but turns: a header with the
 * role, the content as it is, a footer. [any] */
#ifndef ARCH_COMMON_CHAT_PLAIN_H
#define ARCH_COMMON_CHAT_PLAIN_H

#include "chat_conv.h"

struct chat_plain {
	const char *first;     /* before everything, "" if nothing             */
	const char *open;      /* header: open ROLE close_role                 */
	const char *role_end;
	const char *close;     /* behind the content                           */
	const char *assistant; /* what this format calls the assistant         */
	bool trim;             /* content without white space at both ends     */
	struct chat_str system; /* written when no system message begins the
	                         * conversation; n 0: none                      */
};

/* Everything up to the generation prompt, which is `open`, `assistant`,
 * `role_end` and whatever the family adds. ZINC_E_INVALID for a message
 * without content. */
int chat_plain_render(const struct chat_plain *plain, const struct chat_conv *conv,
                      struct chat_text *out, struct zinc_err *err);
/* Message i alone. */
int chat_plain_message(const struct chat_plain *plain, const struct chat_conv *conv, size_t i,
                       struct chat_text *out, struct zinc_err *err);
void chat_plain_generate(const struct chat_plain *plain, struct chat_text *out);

#endif
