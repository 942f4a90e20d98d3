/* chat.c - the chat formats of files of the llama architecture, which carry
 * whatever their makers trained with. The format is told from marks in the
 * template's text, without a template from the tokenizer's name. */
#include "chat.h"

#include "chat_dated.h"
#include "common/base.h"
#include "common/chat_parse.h"
#include "common/chat_plain.h"

#include <stdlib.h>

enum format { PLAIN, CHATML, LLAMA2, LLAMA3, ZEPHYR };

struct style {
	enum format format;
	bool sure; /* the marks were there, or there is no template to differ from */
	bool trim;
	bool dated; /* LLAMA3: since 3.1 the system turn tells two dates */
	bool tools; /* dated: tools are declared in the first question */
	struct chat_str system; /* CHATML: the template's own system text, as it
	                         * stands in the template's source */
};

static struct chat_str template_text(const struct arch_base *base)
{
	return (struct chat_str){base->chat_template,
	                         base->chat_template ? base->chat_template_len : 0};
}

/* A ChatML template may contain a whole system turn, written when the
 * conversation brings none: its text up to the end mark. */
static struct chat_str default_system(struct chat_str text)
{
	static const char *const head[] = {"<|im_start|>system\\n", "<|im_start|>system\n"};

	for (int i = 0; i < 2; i++) {
		const char *at = chat_str_find(text, head[i]);

		if (!at)
			continue;
		at += strlen(head[i]);
		struct chat_str rest = {at, text.n - (size_t)(at - text.p)};
		const char *end = chat_str_find(rest, "<|im_end|>");
		struct chat_str system = {at, end ? (size_t)(end - at) : 0};

		/* An expression in between is no fixed text. */
		if (!chat_str_find(system, "'") && !chat_str_find(system, "\"") &&
		    !chat_str_find(system, "{"))
			return system;
	}
	return (struct chat_str){0};
}

static bool key_is(const struct arch_base *base, const char *key, const char *value)
{
	const char *text;
	uint64_t n;

	return base->host && base->host->meta_str(base->meta, key, &text, &n) == ZINC_OK &&
	       chat_str_is((struct chat_str){text, n}, value);
}

static void read_style(const struct arch_base *base, struct style *style)
{
	struct chat_str text = template_text(base);

	memset(style, 0, sizeof(*style));
	style->sure = true;
	style->trim = chat_str_find(text, "trim") != NULL;
	if (chat_str_find(text, "<|im_start|>")) {
		style->format = CHATML;
		style->system = default_system(text);
	} else if (chat_str_find(text, "<|start_header_id|>")) {
		style->format = LLAMA3;
		style->dated = chat_str_find(text, "Cutting Knowledge Date") != NULL;
		style->tools = style->dated &&
		               chat_str_find(text, "tools_in_user_message = true") != NULL;
	} else if (chat_str_find(text, "[INST]")) {
		style->format = LLAMA2;
		style->sure = chat_str_find(text, "<<SYS>>") != NULL;
	} else if (chat_str_find(text, "<|user|>") && chat_str_find(text, "<|assistant|>")) {
		style->format = ZEPHYR;
	} else if (text.n == 0 && key_is(base, "tokenizer.ggml.pre", "smollm")) {
		style->format = CHATML;
	} else if (text.n == 0 && key_is(base, "tokenizer.ggml.pre", "llama-bpe")) {
		style->format = LLAMA3;
	} else {
		style->sure = false;
	}
}

/* Formats that are plain turns. */
static const struct chat_plain turns[] = {
	[PLAIN] = {.first = "", .open = "", .role_end = ":\n", .close = "\n\n",
	           .assistant = "assistant"},
	[CHATML] = {.first = "", .open = "<|im_start|>", .role_end = "\n",
	            .close = "<|im_end|>\n", .assistant = "assistant"},
	[LLAMA3] = {.first = "<|begin_of_text|>", .open = "<|start_header_id|>",
	            .role_end = "<|end_header_id|>\n\n", .close = "<|eot_id|>",
	            .assistant = "assistant", .trim = true},
	[ZEPHYR] = {.first = "", .open = "<|", .role_end = "|>\n", .close = "</s>\n",
	            .assistant = "assistant"},
};

/* The first question carries the system text, and is trimmed with it. */
static void put_first_question(struct chat_text *out, struct chat_str system,
                               struct chat_str question)
{
	struct chat_str bare = chat_str_trim(question);

	chat_mark(out, "<s>[INST] <<SYS>>\n");
	chat_put(out, system);
	chat_mark(out, "\n<</SYS>>");
	if (bare.n) {
		chat_mark(out, "\n\n");
		chat_put(out, (struct chat_str){question.p,
		                                (size_t)(bare.p + bare.n - question.p)});
	}
	chat_mark(out, " [/INST]");
}

/* [INST] question [/INST] answer </s> */
static int render_llama2(const struct chat_conv *conv, struct chat_text *out,
                         struct zinc_err *err)
{
	size_t first = chat_is(&conv->msg[0], "system") ? 1 : 0;

	for (size_t i = first; i < conv->n; i++) {
		const struct chat_msg *m = &conv->msg[i];
		bool user = chat_is(m, "user");

		if (user != ((i - first) % 2 == 0))
			return arch_fail(err, ZINC_E_INVALID,
			                 "messages[%zu]: Conversation roles must alternate "
			                 "user/assistant/user/assistant/...", i);
		if (user && i == 1 && first) {
			put_first_question(out, conv->msg[0].content, m->content);
		} else if (user) {
			chat_mark(out, "<s>[INST] ");
			chat_put(out, chat_str_trim(m->content));
			chat_mark(out, " [/INST]");
		} else if (chat_is(m, "assistant")) {
			chat_mark(out, " ");
			chat_put(out, chat_str_trim(m->content));
			chat_mark(out, " </s>");
		}
	}
	return 0;
}

/* Puts back what a template's string literal escapes: \n, and nothing else in
 * a text without quotes. */
static char *unescape(struct chat_str s)
{
	char *text = malloc(s.n + 1);
	size_t n = 0;

	for (size_t i = 0; text && i < s.n; i++) {
		bool newline = s.p[i] == '\\' && i + 1 < s.n && s.p[i + 1] == 'n';

		text[n++] = newline ? '\n' : s.p[i];
		i += newline;
	}
	if (text)
		text[n] = 0;
	return text;
}

static int render_chatml(const struct style *style, const struct chat_conv *conv,
                         struct chat_text *out, struct zinc_err *err)
{
	struct chat_plain plain = turns[CHATML];
	char *system = unescape(style->system);

	if (!system)
		return arch_fail(err, ZINC_E_NO_MEMORY, "no memory for the rendered prompt");
	plain.system = chat_str(system);
	plain.trim = style->trim;
	int rc = chat_plain_render(&plain, conv, out, err);

	free(system);
	return rc;
}

static int render_prompt(const void *style_read, const struct chat_conv *conv,
                         struct chat_text *out, struct zinc_err *err)
{
	const struct style *style = style_read;
	int rc;

	switch (style->format) {
	case CHATML:
		rc = render_chatml(style, conv, out, err);
		break;
	case LLAMA2: /* the answer simply follows */
		return render_llama2(conv, out, err);
	case LLAMA3:
		rc = style->dated ? llama_render_dated(&turns[LLAMA3], conv, style->tools, out, err)
		                  : chat_plain_render(&turns[LLAMA3], conv, out, err);
		break;
	default:
		rc = chat_plain_render(&turns[style->format], conv, out, err);
	}
	if (!rc && conv->generate)
		chat_plain_generate(&turns[style->format], out);
	return rc;
}

static int render(void *model, const struct zinc_chat_request *req, zinc_chat_piece_fn *fn,
                  void *ctx, struct zinc_err *err)
{
	struct style style;
	struct chat_job job = {.req = req, .fn = fn, .ctx = ctx, .err = err};

	read_style(model, &style);
	job.object_results = style.tools;
	return chat_render(&job, render_prompt, &style);
}

static const char *warning(void *model)
{
	struct style style;

	read_style(model, &style);
	if (style.sure)
		return NULL;
	if (style.format == LLAMA2)
		return "The model file's [INST] chat template is not the one this program knows: "
		       "the original Llama 2 format is used.";
	return template_text(model).n
	               ? "The model file's chat template is not one this program knows: the "
	                 "conversation is written as plain text."
	               : "The model file has no chat template: the conversation is written as "
	                 "plain text.";
}

static const char *const hidden[] = {"<|im_end|>", "<|im_start|>",    "<|eot_id|>",
                                     "<|eom_id|>", "<|end_of_text|>", "<|endoftext|>",
                                     "</s>",       "<s>",             NULL};

static int parser_create(void *model, const struct zinc_chat_request *req,
                         struct zinc_chat_parser **out, struct zinc_err *err)
{
	static const struct chat_syntax text_only = {.hidden = hidden};
	static const struct chat_syntax with_tools = {
		.marker = {[CHAT_CALL_OPEN] = "<|python_tag|>"},
		.hidden = hidden,
		.read_call = llama_read_call,
		.bare_arguments = LLAMA_ARGUMENTS,
	};
	struct style style;
	json_t *tools = NULL;
	int rc;

	read_style(model, &style);
	if (!style.tools)
		return chat_parser_create(&text_only, NULL, CHAT_START_PLAIN, out, err);
	rc = chat_tools_load(req, &tools, err);
	if (rc)
		return rc;
	return chat_parser_create(json_array_size(tools) ? &with_tools : &text_only, tools,
	                          CHAT_START_PLAIN, out, err);
}

const struct zinc_chat llama_chat = {
	.struct_size = sizeof(llama_chat),
	.render = render,
	.warning = warning,
	.parser_create = parser_create,
	.parser_feed = chat_parser_feed,
	.parser_end = chat_parser_end,
	.parser_destroy = chat_parser_destroy,
};
