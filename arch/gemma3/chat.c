/* chat.c - the chat format of Gemma 3: user and model turns in strict
 * alternation; a system text stands in front of the first user's message. No
 * tools, no thoughts. */
#include "chat.h"

#include "common/base.h"
#include "common/chat_parse.h"

/* Parts of a content are trimmed one by one. */
static void put_content(struct chat_text *out, const struct chat_msg *m)
{
	if (!m->parts)
		chat_put(out, chat_str_trim(m->content));
	for (size_t i = 0; i < json_array_size(m->parts); i++)
		chat_put(out, chat_str_trim(chat_json_str(
				      json_object_get(json_array_get(m->parts, i), "text"))));
}

static int put_turn(struct chat_text *out, const struct chat_conv *conv, size_t i,
                    struct zinc_err *err)
{
	const struct chat_msg *m = &conv->msg[i];
	bool system = chat_is(&conv->msg[0], "system");
	size_t turn = system ? i - 1 : i;
	bool assistant = chat_is(m, "assistant");

	if (chat_is(m, "user") != (turn % 2 == 0))
		return arch_fail(err, ZINC_E_INVALID,
		                 "messages[%zu]: Conversation roles must alternate "
		                 "user/assistant/user/assistant/...", i);
	if (!m->has_content)
		return arch_fail(err, ZINC_E_INVALID, "messages[%zu]: Invalid content type", i);
	chat_mark(out, "<start_of_turn>");
	chat_text_add(out, chat_str(assistant ? "model" : m->role),
	              assistant || chat_is(m, "user"));
	chat_mark(out, "\n");
	if (turn == 0 && system) {
		chat_put(out, conv->msg[0].content);
		chat_mark(out, "\n\n");
	}
	put_content(out, m);
	chat_mark(out, "<end_of_turn>\n");
	return 0;
}

static int render_prompt(const void *style, const struct chat_conv *conv, struct chat_text *out,
                         struct zinc_err *err)
{
	int rc = 0;

	(void)style;
	chat_mark(out, "<bos>");
	for (size_t i = chat_is(&conv->msg[0], "system") ? 1 : 0; !rc && i < conv->n; i++)
		rc = put_turn(out, conv, i, err);
	if (!rc && conv->generate)
		chat_mark(out, "<start_of_turn>model\n");
	return rc;
}

static int render(void *model, const struct zinc_chat_request *req, zinc_chat_piece_fn *fn,
                  void *ctx, struct zinc_err *err)
{
	struct chat_job job = {.req = req, .fn = fn, .ctx = ctx, .err = err};

	(void)model;
	return chat_render(&job, render_prompt, NULL);
}

static const char *warning(void *model)
{
	const struct arch_base *base = model;
	struct chat_str text = {base->chat_template, base->chat_template_len};

	if (!text.p || text.n == 0 || chat_str_find(text, "<start_of_turn>"))
		return NULL;
	return "The model file's chat template is not one this program knows: Gemma 3's own is "
	       "used.";
}

static int parser_create(void *model, const struct zinc_chat_request *req,
                         struct zinc_chat_parser **out, struct zinc_err *err)
{
	static const char *const hidden[] = {"<end_of_turn>", "<start_of_turn>", "<eos>", "<bos>",
	                                     NULL};
	static const struct chat_syntax syntax = {.hidden = hidden};

	(void)model;
	(void)req;
	return chat_parser_create(&syntax, NULL, CHAT_START_PLAIN, out, err);
}

const struct zinc_chat gemma3_chat = {
	.struct_size = sizeof(gemma3_chat),
	.render = render,
	.warning = warning,
	.parser_create = parser_create,
	.parser_feed = chat_parser_feed,
	.parser_end = chat_parser_end,
	.parser_destroy = chat_parser_destroy,
};
