/* chat.c - the chat format of Qwen3: ChatML with contents as they are, thoughts
 * kept only behind the last question, and calls written as JSON. */
#include "chat.h"

#include "common/chat_qwen.h"

/* The model opens its thought itself; only "off" writes one, an empty one. */
static const struct qwen_style family = {
	.thoughts = true,
	.think_by_default = true,
	.on = "",
	.off = "<think>\n\n</think>\n\n",
};

static const char tools_head[] =
	"# Tools\n\nYou may call one or more functions to assist with the user query.\n\n"
	"You are provided with function signatures within <tools></tools> XML tags:\n<tools>";

static const char tools_tail[] =
	"\n</tools>\n\n"
	"For each function call, return a json object with function name and arguments within "
	"<tool_call></tool_call> XML tags:\n<tool_call>\n"
	"{\"name\": <function-name>, \"arguments\": <args-json-object>}\n</tool_call>";

static void render_system(const struct chat_conv *conv, struct chat_text *out)
{
	const struct chat_msg *first = &conv->msg[0];
	bool system = chat_is(first, "system");

	if (!conv->tools) {
		if (system)
			qwen_turn(out, "system", first->content);
		return;
	}
	chat_mark(out, "<|im_start|>system\n");
	if (system) {
		chat_put(out, first->content);
		chat_mark(out, "\n\n");
	}
	chat_mark(out, tools_head);
	qwen_tool_lines(out, conv);
	chat_mark(out, tools_tail);
	chat_mark(out, "<|im_end|>\n");
}

static void render_call(const struct chat_call *call, struct chat_text *out)
{
	chat_mark(out, "<tool_call>\n{\"name\": \"");
	chat_put(out, call->name);
	chat_mark(out, "\", \"arguments\": ");
	if (call->raw.n)
		chat_put(out, call->raw);
	else if (call->args)
		chat_json_write(out, call->args);
	else
		chat_mark(out, "{}");
	chat_mark(out, "}\n</tool_call>");
}

/* behind: the message answers the last question; last: it ends the
 * conversation. */
static void render_assistant(const struct chat_msg *m, bool behind, bool last,
                             struct chat_text *out)
{
	struct chat_str content = m->content, thought = m->reasoning;

	if (!m->has_reasoning)
		qwen_split_thought(content, &thought, &content);
	chat_mark(out, "<|im_start|>assistant\n");
	if (behind && (last || thought.n)) {
		chat_mark(out, "<think>\n");
		chat_put(out, chat_str_ltrim_newlines(chat_str_rtrim_newlines(thought)));
		chat_mark(out, "\n</think>\n\n");
		chat_put(out, chat_str_ltrim_newlines(content));
	} else {
		chat_put(out, content);
	}
	for (size_t i = 0; i < m->n_calls; i++) {
		if (i > 0 || content.n)
			chat_mark(out, "\n");
		render_call(&m->call[i], out);
	}
	chat_mark(out, "<|im_end|>\n");
}

/* Files whose model never thinks have a template that knows no thoughts. */
static void render_thoughtless(const struct chat_msg *m, struct chat_text *out)
{
	struct chat_msg plain = *m;

	plain.has_reasoning = true;
	plain.reasoning = chat_str("");
	render_assistant(&plain, false, false, out);
}

static int render_messages(const struct qwen_style *style, const struct chat_conv *conv,
                           struct chat_text *out, struct zinc_err *err)
{
	size_t last_query = qwen_last_query(conv, false);

	if (last_query == conv->n)
		last_query = conv->n - 1;
	render_system(conv, out);
	for (size_t i = 0; i < conv->n; i++) {
		const struct chat_msg *m = &conv->msg[i];

		if (chat_is(m, "user") || (chat_is(m, "system") && i > 0))
			qwen_turn(out, m->role, m->content);
		else if (chat_is(m, "assistant") && style->thoughts)
			render_assistant(m, i > last_query, i + 1 == conv->n, out);
		else if (chat_is(m, "assistant"))
			render_thoughtless(m, out);
		else if (chat_is(m, "tool"))
			qwen_tool_result(out, conv, i, m->content, true);
		else if (!chat_is(m, "system"))
			/* The template would drop the message without a word. */
			return arch_fail(err, ZINC_E_INVALID,
			                 "messages[%zu] has the role \"%s\"; this model knows "
			                 "system, user, assistant and tool", i, m->role);
	}
	return 0;
}

static int render_prompt(const void *style, const struct chat_conv *conv, struct chat_text *out,
                         struct zinc_err *err)
{
	const struct qwen_style *s = style;
	int rc = s->plain ? qwen_render_plain(s, conv, out, err)
	                  : render_messages(s, conv, out, err);

	if (!rc)
		qwen_generate(s, conv, out);
	return rc;
}

static void read_style(const void *model, struct qwen_style *style)
{
	qwen_style_read(model, &family, "\"arguments", style);
}

static int render(void *model, const struct zinc_chat_request *req, zinc_chat_piece_fn *fn,
                  void *ctx, struct zinc_err *err)
{
	struct qwen_style style;
	struct chat_job job = {.req = req, .fn = fn, .ctx = ctx, .err = err};

	read_style(model, &style);
	return chat_render(&job, render_prompt, &style);
}

static const char *warning(void *model)
{
	struct qwen_style style;

	read_style(model, &style);
	return style.unknown ? "The model file's chat template is not one this program knows: "
	                       "Qwen3's own is used, which thinks unless told not to."
	                     : NULL;
}

static int parser_create(void *model, const struct zinc_chat_request *req,
                         struct zinc_chat_parser **out, struct zinc_err *err)
{
	struct qwen_style style;

	read_style(model, &style);
	return qwen_parser_create(&style, req, out, err);
}

const struct zinc_chat qwen3_chat = {
	.struct_size = sizeof(qwen3_chat),
	.render = render,
	.warning = warning,
	.parser_create = parser_create,
	.parser_feed = chat_parser_feed,
	.parser_end = chat_parser_end,
	.parser_destroy = chat_parser_destroy,
};
