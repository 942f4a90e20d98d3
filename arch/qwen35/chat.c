/* chat.c - the chat format of Qwen3.5: ChatML with trimmed contents, thoughts
 * kept only while the tools of one question are being used, and calls written
 * as tags. */
#include "chat.h"

#include "common/chat_qwen.h"

static const struct qwen_style family = {
	.thoughts = true,
	.think_by_default = true,
	.on = "<think>\n",
	.off = "<think>\n\n</think>\n\n",
};

static const char tools_head[] =
	"# Tools\n\nYou have access to the following functions:\n\n<tools>";

static const char tools_tail[] =
	"\n</tools>\n\n"
	"If you choose to call a function ONLY reply in the following format with NO suffix:\n\n"
	"<tool_call>\n<function=example_function_name>\n"
	"<parameter=example_parameter_1>\nvalue_1\n</parameter>\n"
	"<parameter=example_parameter_2>\nThis is the value for the second parameter\n"
	"that can span\nmultiple lines\n</parameter>\n</function>\n</tool_call>\n\n"
	"<IMPORTANT>\nReminder:\n"
	"- Function calls MUST follow the specified format: an inner <function=...></function> "
	"block must be nested within <tool_call></tool_call> XML tags\n"
	"- Required parameters MUST be specified\n"
	"- You may provide optional reasoning for your function call in natural language BEFORE "
	"the function call, but NOT after\n"
	"- If there is no function call available, answer the question like normal with your "
	"current knowledge and do not tell the user about function calls\n"
	"</IMPORTANT>";

static void render_system(const struct chat_conv *conv, struct chat_text *out)
{
	const struct chat_msg *first = &conv->msg[0];
	bool system = chat_is(first, "system");
	struct chat_str content = system ? chat_str_trim(first->content) : chat_str("");

	if (!conv->tools) {
		if (system)
			qwen_turn(out, "system", content);
		return;
	}
	chat_mark(out, "<|im_start|>system\n");
	chat_mark(out, tools_head);
	qwen_tool_lines(out, conv);
	chat_mark(out, tools_tail);
	if (content.n) {
		chat_mark(out, "\n\n");
		chat_put(out, content);
	}
	chat_mark(out, "<|im_end|>\n");
}

static void render_call(const struct chat_call *call, struct chat_text *out)
{
	chat_mark(out, "<tool_call>\n<function=");
	chat_put(out, call->name);
	chat_mark(out, ">\n");
	for (void *i = json_object_iter(call->args); i;
	     i = json_object_iter_next(call->args, i)) {
		json_t *value = json_object_iter_value(i);

		chat_mark(out, "<parameter=");
		chat_put(out, chat_str(json_object_iter_key(i)));
		chat_mark(out, ">\n");
		if (json_is_object(value) || json_is_array(value))
			chat_json_write(out, value);
		else
			chat_json_write_str(out, value);
		chat_mark(out, "\n</parameter>\n");
	}
	chat_mark(out, "</function>\n</tool_call>");
}

static void render_assistant(const struct chat_msg *m, bool with_thought, struct chat_text *out)
{
	struct chat_str content = chat_str_trim(m->content);
	struct chat_str thought = m->reasoning;

	if (!m->has_reasoning)
		qwen_split_thought(content, &thought, &content);
	chat_mark(out, "<|im_start|>assistant\n");
	if (with_thought) {
		chat_mark(out, "<think>\n");
		chat_put(out, chat_str_trim(thought));
		chat_mark(out, "\n</think>\n\n");
	}
	chat_put(out, content);
	for (size_t i = 0; i < m->n_calls; i++) {
		chat_mark(out, i ? "\n" : chat_str_trim(content).n ? "\n\n" : "");
		render_call(&m->call[i], out);
	}
	chat_mark(out, "<|im_end|>\n");
}

static int render_messages(const struct chat_conv *conv, struct chat_text *out,
                           struct zinc_err *err)
{
	size_t last_query = qwen_last_query(conv, true);

	if (last_query == conv->n)
		return arch_fail(err, ZINC_E_INVALID, "No user query found in messages.");
	render_system(conv, out);
	for (size_t i = 0; i < conv->n; i++) {
		const struct chat_msg *m = &conv->msg[i];
		struct chat_str content = chat_str_trim(m->content);

		if (chat_is(m, "system")) {
			if (i > 0)
				return arch_fail(err, ZINC_E_INVALID,
				                 "messages[%zu]: System message must be at the "
				                 "beginning.", i);
		} else if (chat_is(m, "user")) {
			qwen_turn(out, "user", content);
		} else if (chat_is(m, "assistant")) {
			render_assistant(m, i > last_query, out);
		} else if (chat_is(m, "tool")) {
			qwen_tool_result(out, conv, i, content, false);
		} else {
			return arch_fail(err, ZINC_E_INVALID,
			                 "messages[%zu]: Unexpected message role.", i);
		}
	}
	return 0;
}

static int render_prompt(const void *style, const struct chat_conv *conv, struct chat_text *out,
                         struct zinc_err *err)
{
	const struct qwen_style *s = style;
	int rc = s->plain ? qwen_render_plain(s, conv, out, err) : render_messages(conv, out, err);

	if (!rc)
		qwen_generate(s, conv, out);
	return rc;
}

static void read_style(const void *model, struct qwen_style *style)
{
	qwen_style_read(model, &family, "<function=", style);
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
	const struct arch_base *base = model;
	struct qwen_style style;

	if (!base->chat_template)
		return "The model file has no chat template: Qwen3.5's own is used, which thinks "
		       "unless told not to (smaller models are meant not to).";
	read_style(model, &style);
	return style.unknown ? "The model file's chat template is not one this program knows: "
	                       "Qwen3.5's own is used, which thinks unless told not to."
	                     : NULL;
}

static int parser_create(void *model, const struct zinc_chat_request *req,
                         struct zinc_chat_parser **out, struct zinc_err *err)
{
	struct qwen_style style;

	read_style(model, &style);
	return qwen_parser_create(&style, req, out, err);
}

const struct zinc_chat qwen35_chat = {
	.struct_size = sizeof(qwen35_chat),
	.render = render,
	.warning = warning,
	.parser_create = parser_create,
	.parser_feed = chat_parser_feed,
	.parser_end = chat_parser_end,
	.parser_destroy = chat_parser_destroy,
};
