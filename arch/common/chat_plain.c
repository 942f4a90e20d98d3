/* chat_plain.c - rendering of plain turns. */
#include "chat_plain.h"

#include "base.h"

/* The usual roles are words of the template; others are whatever the client
 * wrote. */
static void put_role(const struct chat_plain *plain, const char *role, struct chat_text *out)
{
	if (strcmp(role, "assistant") == 0)
		chat_mark(out, plain->assistant);
	else
		chat_text_add(out, chat_str(role),
		              strcmp(role, "user") == 0 || strcmp(role, "system") == 0 ||
		                      strcmp(role, "tool") == 0);
}

int chat_plain_message(const struct chat_plain *plain, const struct chat_conv *conv, size_t i,
                       struct chat_text *out, struct zinc_err *err)
{
	const struct chat_msg *m = &conv->msg[i];

	if (!m->has_content)
		return arch_fail(err, ZINC_E_INVALID,
		                 "messages[%zu] has no content, and this model's chat template "
		                 "writes nothing else", i);
	chat_mark(out, plain->open);
	put_role(plain, m->role, out);
	chat_mark(out, plain->role_end);
	chat_put(out, plain->trim ? chat_str_trim(m->content) : m->content);
	chat_mark(out, plain->close);
	return 0;
}

int chat_plain_render(const struct chat_plain *plain, const struct chat_conv *conv,
                      struct chat_text *out, struct zinc_err *err)
{
	int rc = 0;

	chat_mark(out, plain->first);
	if (plain->system.n && !chat_is(&conv->msg[0], "system")) {
		chat_mark(out, plain->open);
		chat_mark(out, "system");
		chat_mark(out, plain->role_end);
		chat_text_add(out, plain->system, true);
		chat_mark(out, plain->close);
	}
	for (size_t i = 0; !rc && i < conv->n; i++)
		rc = chat_plain_message(plain, conv, i, out, err);
	return rc;
}

void chat_plain_generate(const struct chat_plain *plain, struct chat_text *out)
{
	chat_mark(out, plain->open);
	chat_mark(out, plain->assistant);
	chat_mark(out, plain->role_end);
}
