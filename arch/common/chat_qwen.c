/* chat_qwen.c - ChatML with thoughts and tools. */
#include "chat_qwen.h"

#include "chat_plain.h"

#define THOUGHT_OPEN "<think>\n"
#define THOUGHT_NONE "<think>\n\n</think>\n\n"

/* A line break as a template's text spells it: as such, or as \n in a string
 * literal. Its length at p, or 0. */
static size_t newline_at(struct chat_str s)
{
	if (s.n && s.p[0] == '\n')
		return 1;
	return s.n >= 2 && s.p[0] == '\\' && s.p[1] == 'n' ? 2 : 0;
}

/* Does this part of a template write "<think>\n" and leave it open? */
static bool opens_thought(struct chat_str s)
{
	for (const char *at; (at = chat_str_find(s, "<think>")) != NULL;) {
		s.n -= (size_t)(at - s.p) + strlen("<think>");
		s.p = at + strlen("<think>");
		size_t n = newline_at(s);

		if (n && !newline_at((struct chat_str){s.p + n, s.n - n}))
			return true;
	}
	return false;
}

/* How the template ends: from its last question whether to open the
 * assistant's turn. */
static struct chat_str generation_part(struct chat_str text)
{
	const char *at = chat_str_find_last(text, "add_generation_prompt");

	if (!at)
		return (struct chat_str){text.p + text.n, 0};
	return (struct chat_str){at, text.n - (size_t)(at - text.p)};
}

void qwen_style_read(const struct arch_base *base, const struct qwen_style *family,
                     const char *call_word, struct qwen_style *out)
{
	struct chat_str text = {base->chat_template, base->chat_template_len};

	*out = *family;
	if (!text.p || text.n == 0)
		return;
	struct chat_str end = generation_part(text);
	bool tools = chat_str_find(text, "<tool_response>") != NULL;

	if (!chat_str_find(text, "<|im_start|>") || end.n == 0 ||
	    (tools && !chat_str_find(text, call_word))) {
		out->unknown = true;
		return;
	}
	bool has_switch = chat_str_find(end, "enable_thinking") != NULL;

	out->plain = !tools;
	out->trim = chat_str_find(text, "trim") != NULL;
	out->thoughts = chat_str_find(text, "reasoning_content") != NULL;
	out->on = opens_thought(end) ? THOUGHT_OPEN : "";
	out->off = !has_switch                       ? out->on
	           : chat_str_find(end, "</think>") ? THOUGHT_NONE
	                                             : "";
	out->think_by_default = !has_switch || chat_str_find(end, "is false") ||
	                        chat_str_find(end, "not enable_thinking");
}

const char *qwen_think_prompt(const struct qwen_style *style, uint32_t thinking)
{
	bool think = thinking == ZINC_THINK_DEFAULT ? style->think_by_default
	                                            : thinking == ZINC_THINK_ON;

	return think ? style->on : style->off;
}

static const struct chat_plain turns = {
	.first = "",
	.open = "<|im_start|>",
	.role_end = "\n",
	.close = "<|im_end|>\n",
	.assistant = "assistant",
};

int qwen_render_plain(const struct qwen_style *style, const struct chat_conv *conv,
                      struct chat_text *out, struct zinc_err *err)
{
	struct chat_plain plain = turns;

	plain.trim = style->trim;
	return chat_plain_render(&plain, conv, out, err);
}

void qwen_generate(const struct qwen_style *style, const struct chat_conv *conv,
                   struct chat_text *out)
{
	if (!conv->generate)
		return;
	chat_plain_generate(&turns, out);
	chat_mark(out, qwen_think_prompt(style, conv->thinking));
}

void qwen_turn(struct chat_text *out, const char *role, struct chat_str content)
{
	chat_mark(out, "<|im_start|>");
	chat_mark(out, role);
	chat_mark(out, "\n");
	chat_put(out, content);
	chat_mark(out, "<|im_end|>\n");
}

void qwen_tool_result(struct chat_text *out, const struct chat_conv *conv, size_t i,
                      struct chat_str content, bool opens_first)
{
	bool first = i == 0 ? opens_first : !chat_is(&conv->msg[i - 1], "tool");
	bool last = i + 1 == conv->n || !chat_is(&conv->msg[i + 1], "tool");

	if (first)
		chat_mark(out, "<|im_start|>user");
	chat_mark(out, "\n<tool_response>\n");
	chat_put(out, content);
	chat_mark(out, "\n</tool_response>");
	if (last)
		chat_mark(out, "<|im_end|>\n");
}

void qwen_tool_lines(struct chat_text *out, const struct chat_conv *conv)
{
	for (size_t i = 0; i < conv->n_tools; i++) {
		chat_mark(out, "\n");
		chat_json_write(out, json_array_get(conv->tools, i));
	}
}

size_t qwen_last_query(const struct chat_conv *conv, bool trim)
{
	for (size_t i = conv->n; i-- > 0;) {
		const struct chat_msg *m = &conv->msg[i];
		struct chat_str content = trim ? chat_str_trim(m->content) : m->content;

		if (chat_is(m, "user") && !(chat_str_starts(content, "<tool_response>") &&
		                            chat_str_ends(content, "</tool_response>")))
			return i;
	}
	return conv->n;
}

bool qwen_split_thought(struct chat_str content, struct chat_str *thought,
                        struct chat_str *answer)
{
	const char *first = chat_str_find(content, "</think>");
	const char *last = chat_str_find_last(content, "</think>");

	if (!first)
		return false;
	struct chat_str before = chat_str_rtrim_newlines(
		(struct chat_str){content.p, (size_t)(first - content.p)});
	const char *open = chat_str_find_last(before, "<think>");

	if (open) {
		open += strlen("<think>");
		before.n -= (size_t)(open - before.p);
		before.p = open;
	}
	*thought = chat_str_ltrim_newlines(before);
	last += strlen("</think>");
	*answer = chat_str_ltrim_newlines(
		(struct chat_str){last, content.n - (size_t)(last - content.p)});
	return true;
}

int qwen_parser_create(const struct qwen_style *style, const struct zinc_chat_request *req,
                       struct zinc_chat_parser **out, struct zinc_err *err)
{
	static const char *const hidden[] = {"<|im_end|>", "<|endoftext|>", "<|im_start|>", NULL};
	static const struct chat_syntax syntax = {
		.marker = {"<think>", "</think>", "<tool_call>", "</tool_call>", NULL},
		.hidden = hidden,
		.read_call = qwen_read_call,
	};
	const char *words =
		req->no_generation_prompt ? "" : qwen_think_prompt(style, req->thinking);
	enum chat_start start = strcmp(words, THOUGHT_OPEN) == 0 ? CHAT_START_THOUGHT
	                        : *words                         ? CHAT_START_ANSWER
	                                                         : CHAT_START_PLAIN;
	json_t *tools;
	int rc = chat_tools_load(req, &tools, err);

	return rc ? rc : chat_parser_create(&syntax, tools, start, out, err);
}
