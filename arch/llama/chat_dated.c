/* chat_dated.c - the chat format of Llama 3.1 to 3.3. The model was taught to call
 * one function at a time, by an answer that is nothing but a JSON object. */
#include "chat_dated.h"

#include "common/base.h"
#include "common/chat_call.h"

static const char tools_head[] =
	"Given the following functions, please respond with a JSON for a function call "
	"with its proper arguments that best answers the given prompt.\n\n"
	"Respond in the format {\"name\": function name, \"parameters\": dictionary of argument "
	"name and its value}.Do not use variables.\n\n";

static void put_head(const struct chat_plain *turns, const char *role, struct chat_text *out)
{
	chat_mark(out, turns->open);
	chat_mark(out, role);
	chat_mark(out, turns->role_end);
}

static bool is_result(const struct chat_msg *m)
{
	return chat_is(m, "tool") || chat_is(m, "ipython");
}

/* The system turn is always there. The day is the one that the template has for
 * programs that tell it none, so that a prompt is the same tomorrow. */
static void put_system(const struct chat_plain *turns, const struct chat_conv *conv,
                       struct chat_text *out)
{
	chat_mark(out, turns->first);
	put_head(turns, "system", out);
	if (conv->tools)
		chat_mark(out, "Environment: ipython\n");
	chat_mark(out, "Cutting Knowledge Date: December 2023\nToday Date: 26 Jul 2024\n\n");
	if (chat_is(&conv->msg[0], "system"))
		chat_put(out, chat_str_trim(conv->msg[0].content));
	chat_mark(out, turns->close);
}

/* Message i, which the declarations of the tools stand in. */
static int put_first_question(const struct chat_plain *turns, const struct chat_conv *conv,
                              size_t i, struct chat_text *out, struct zinc_err *err)
{
	if (i == conv->n || !chat_is(&conv->msg[i], "user") || !conv->msg[i].has_content)
		return arch_fail(err, ZINC_E_INVALID,
		                 "messages[%zu]: Cannot put tools in the first user message when "
		                 "there's no first user message!", i);
	put_head(turns, "user", out);
	chat_mark(out, tools_head);
	for (size_t t = 0; t < conv->n_tools; t++) {
		chat_json_write_lines(out, json_array_get(conv->tools, t));
		chat_mark(out, "\n\n");
	}
	chat_put(out, chat_str_trim(conv->msg[i].content));
	chat_mark(out, turns->close);
	return 0;
}

/* What the message says besides is left out, as the template does. */
static int put_call(const struct chat_plain *turns, const struct chat_conv *conv, size_t i,
                    struct chat_text *out, struct zinc_err *err)
{
	const struct chat_msg *m = &conv->msg[i];

	if (m->n_calls != 1)
		return arch_fail(err, ZINC_E_INVALID,
		                 "messages[%zu]: This model only supports single tool-calls at "
		                 "once!", i);
	put_head(turns, turns->assistant, out);
	chat_mark(out, "{\"name\": \"");
	chat_put(out, m->call->name);
	chat_mark(out, "\", \"" LLAMA_ARGUMENTS "\": ");
	if (m->call->args)
		chat_json_write(out, m->call->args);
	else
		chat_mark(out, "{}");
	chat_mark(out, "}");
	chat_mark(out, turns->close);
	return 0;
}

/* A text is written as JSON too: in quotes. */
static void put_result(const struct chat_plain *turns, const struct chat_msg *m,
                       struct chat_text *out)
{
	put_head(turns, "ipython", out);
	if (m->object)
		chat_json_write(out, m->object);
	else if (m->has_content)
		chat_json_write_text(out, m->content);
	else
		chat_mark(out, "None");
	chat_mark(out, turns->close);
}

static int refuse_tools(const struct chat_conv *conv, struct zinc_err *err)
{
	if (conv->tools)
		return arch_fail(err, ZINC_E_UNSUPPORTED,
		                 "tools cannot be written in this model's chat format by this "
		                 "program; leave them out");
	for (size_t i = 0; i < conv->n; i++)
		if (conv->msg[i].n_calls || is_result(&conv->msg[i]))
			return arch_fail(err, ZINC_E_UNSUPPORTED,
			                 "messages[%zu] uses a tool, which this program cannot "
			                 "write in this model's chat format", i);
	return 0;
}

int llama_render_dated(const struct chat_plain *turns, const struct chat_conv *conv, bool tools,
                       struct chat_text *out, struct zinc_err *err)
{
	size_t i = chat_is(&conv->msg[0], "system") ? 1 : 0;
	int rc = tools ? 0 : refuse_tools(conv, err);

	put_system(turns, conv, out);
	if (!rc && conv->tools)
		rc = put_first_question(turns, conv, i++, out, err);
	for (; !rc && i < conv->n; i++) {
		const struct chat_msg *m = &conv->msg[i];

		if (m->n_calls)
			rc = put_call(turns, conv, i, out, err);
		else if (is_result(m))
			put_result(turns, m, out);
		else
			rc = chat_plain_message(turns, conv, i, out, err);
	}
	return rc;
}

bool llama_read_call(const struct chat_body *body, json_t *tools, struct chat_text *name,
                     struct chat_text *args)
{
	(void)tools;
	return chat_call_read((struct chat_str){body->p, body->n}, LLAMA_ARGUMENTS, name, args);
}
