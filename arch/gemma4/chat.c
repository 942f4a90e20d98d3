/* chat.c - the chat format of Gemma 4: turns between <|turn> and <turn|>, a
 * real system turn, thoughts in a channel, and tool results inside the model's
 * own turn. */
#include "chat.h"

#include "chat_tools.h"
#include "common/base.h"
#include "common/chat_plain.h"

#define EMPTY_THOUGHT "<|channel>thought\n<channel|>"

static void read_style(const struct arch_base *base, struct gemma4_style *style)
{
	struct chat_str text = {base->chat_template, base->chat_template_len};
	uint32_t per_layer = 0;

	memset(style, 0, sizeof(*style));
	style->think_line = true;
	if (base->host)
		base->host->meta_u32(base->meta, "gemma4.embedding_length_per_layer_input",
		                     &per_layer);
	/* Only E2B and E4B have per-layer embeddings. */
	style->empty_thought = per_layer == 0;
	if (!text.p || text.n == 0)
		return;
	if (!chat_str_find(text, "<|turn>")) {
		style->unknown = true;
		return;
	}
	style->plain = !chat_str_find(text, "<|tool_call>");
	style->trim = chat_str_find(text, "trim") != NULL;
	style->empty_thought = chat_str_find(text, "<|channel>thought\\n<channel|>") ||
	                       chat_str_find(text, EMPTY_THOUGHT);
	style->think_line = chat_str_find(text, "<|think|>\\n") ||
	                    chat_str_find(text, "<|think|>\n");
	style->joins_turns = chat_str_find(text, "continues_into_next") != NULL;
}

/* What a message was last seen to write. */
enum written { TEXT, CALL, RESULT };

/* Content of a model turn without the thoughts that it may still hold. */
static void put_answer(struct chat_text *out, struct chat_str s)
{
	struct chat_text kept = {0};

	for (bool more = true; more;) {
		const char *close = chat_str_find(s, "<channel|>");
		struct chat_str part = {s.p, close ? (size_t)(close - s.p) : s.n};
		const char *open = chat_str_find(part, "<|channel>");

		chat_put(&kept, (struct chat_str){part.p, open ? (size_t)(open - part.p) : part.n});
		more = close != NULL;
		if (more) {
			size_t used = part.n + strlen("<channel|>");

			s = (struct chat_str){s.p + used, s.n - used};
		}
	}
	out->failed = out->failed || kept.failed;
	if (kept.n)
		chat_put(out, chat_str_trim((struct chat_str){kept.data, kept.n}));
	chat_text_finish(&kept);
}

/* Each part of the content is treated on its own. True if anything came. */
static bool put_content(struct chat_text *out, const struct chat_msg *m)
{
	size_t n_parts = m->parts ? json_array_size(m->parts) : 1, before = out->n;

	for (size_t i = 0; i < n_parts; i++) {
		json_t *part = json_array_get(m->parts, i);
		struct chat_str s =
			part ? chat_json_str(json_object_get(part, "text")) : m->content;

		if (chat_is(m, "assistant"))
			put_answer(out, s);
		else
			chat_put(out, chat_str_trim(s));
	}
	return out->n > before;
}

static void put_calls(struct chat_text *out, const struct chat_msg *m,
                      const struct gemma4_style *style)
{
	for (size_t i = 0; i < m->n_calls; i++) {
		chat_mark(out, "<|tool_call>call:");
		chat_put(out, m->call[i].name);
		chat_mark(out, "{");
		gemma4_write_arguments(out, m->call[i].args, style);
		chat_mark(out, "}<tool_call|>");
	}
}

/* The function whose result this is. Where neither side has an id, they match:
 * so it is in the template. */
static struct chat_str result_name(const struct chat_msg *m, const struct chat_msg *result)
{
	struct chat_str name = chat_str(result->name ? result->name : "unknown");

	for (size_t i = 0; i < m->n_calls; i++) {
		const char *id = m->call[i].id, *call_id = result->call_id;

		if (id && call_id ? strcmp(id, call_id) == 0 : id == call_id)
			name = m->call[i].name;
	}
	return name;
}

static void put_result(struct chat_text *out, const struct chat_msg *m,
                       const struct chat_msg *result, const struct gemma4_style *style)
{
	chat_mark(out, "<|tool_response>response:");
	chat_put(out, result_name(m, result));
	chat_mark(out, "{value:");
	if (result->has_content)
		gemma4_write_quoted(out, result->content);
	else
		chat_put(out, chat_str(style->joins_turns ? "null" : "None"));
	chat_mark(out, "}<tool_response|>");
}

/* The first message at or behind i that is no tool result, or conv->n. */
static size_t skip_results(const struct chat_conv *conv, size_t i)
{
	while (i < conv->n && chat_is(&conv->msg[i], "tool"))
		i++;
	return i;
}

static void put_turn_head(struct chat_text *out, const char *role)
{
	bool assistant = strcmp(role, "assistant") == 0;

	chat_mark(out, "<|turn>");
	chat_text_add(out, chat_str(assistant ? "model" : role),
	              assistant || strcmp(role, "user") == 0 || strcmp(role, "system") == 0);
	chat_mark(out, "\n");
}

/* How a message ends: its turn is closed, stays open for what follows, or
 * waits for the result of a call. */
static void put_turn_end(struct chat_text *out, const struct chat_conv *conv, size_t i,
                         const struct gemma4_style *style, bool wrote_content)
{
	const struct chat_msg *m = &conv->msg[i];
	size_t next = skip_results(conv, i + 1);
	bool results = m->n_calls && next > i + 1;
	bool empty = m->parts ? json_array_size(m->parts) == 0 : m->content.n == 0;
	bool joined = false;

	if (style->joins_turns) {
		empty = !wrote_content && next == conv->n;
		joined = chat_is(m, "assistant") && next < conv->n &&
		         chat_is(&conv->msg[next], "assistant");
	}
	if (m->n_calls && !results)
		chat_mark(out, "<|tool_response>");
	else if (!joined && !(results && empty))
		chat_mark(out, "<turn|>\n");
}

static void put_message(struct chat_text *out, const struct chat_conv *conv, size_t i,
                        const struct gemma4_style *style, bool with_thought)
{
	const struct chat_msg *m = &conv->msg[i];

	if (with_thought && m->reasoning.n && (m->n_calls || style->joins_turns)) {
		chat_mark(out, "<|channel>thought\n");
		chat_put(out, m->reasoning);
		chat_mark(out, "\n<channel|>");
	}
	put_calls(out, m, style);
	for (size_t k = i + 1; m->n_calls && k < conv->n && chat_is(&conv->msg[k], "tool"); k++)
		put_result(out, m, &conv->msg[k], style);
	bool wrote_content = put_content(out, m);

	put_turn_end(out, conv, i, style, wrote_content);
}

static bool is_system(const struct chat_msg *m)
{
	return chat_is(m, "system") || chat_is(m, "developer");
}

static void put_system(struct chat_text *out, const struct chat_conv *conv,
                       const struct gemma4_style *style)
{
	const struct chat_msg *first = &conv->msg[0];
	bool think = conv->thinking == ZINC_THINK_ON;

	if (!think && !conv->tools && !is_system(first))
		return;
	chat_mark(out, "<|turn>system\n");
	if (think)
		chat_mark(out, style->think_line ? "<|think|>\n" : "<|think|>");
	if (is_system(first))
		chat_put(out, chat_str_trim(first->content));
	for (size_t i = 0; i < conv->n_tools; i++)
		gemma4_write_declaration(out, json_array_get(conv->tools, i), style);
	chat_mark(out, "<turn|>\n");
}

static void put_messages(struct chat_text *out, const struct chat_conv *conv,
                         const struct gemma4_style *style)
{
	size_t first = is_system(&conv->msg[0]) ? 1 : 0, last_user = first;
	const char *previous = "";
	bool asked = false;

	for (size_t i = first; i < conv->n; i++)
		if (chat_is(&conv->msg[i], "user")) {
			last_user = i;
			asked = true;
		}
	for (size_t i = first; i < conv->n; i++) {
		const struct chat_msg *m = &conv->msg[i];

		if (chat_is(m, "tool"))
			continue; /* written with its call */
		if (!(chat_is(m, "assistant") && strcmp(previous, "assistant") == 0))
			put_turn_head(out, m->role);
		put_message(out, conv, i, style, !asked || i > last_user);
		previous = m->role;
	}
}

/* What stands at the end when the model is to go on. */
static enum written last_written(const struct chat_conv *conv)
{
	size_t i = conv->n;

	while (i > 0 && chat_is(&conv->msg[i - 1], "tool"))
		i--;
	if (i == 0 || conv->msg[i - 1].n_calls == 0)
		return TEXT;
	return i < conv->n ? RESULT : CALL;
}

static const struct chat_plain turns = {
	.first = "<bos>",
	.open = "<|turn>",
	.role_end = "\n",
	.close = "<turn|>\n",
	.assistant = "model",
};

static void put_generation(struct chat_text *out, const struct chat_conv *conv,
                           const struct gemma4_style *style)
{
	bool think = conv->thinking == ZINC_THINK_ON;
	enum written last = style->plain ? TEXT : last_written(conv);

	if (!conv->generate)
		return;
	if (last == TEXT) {
		chat_plain_generate(&turns, out);
		if (!think && style->empty_thought)
			chat_mark(out, EMPTY_THOUGHT);
	} else if (last == RESULT && think && style->joins_turns) {
		chat_mark(out, "<|channel>thought\n");
	}
}

static int render_prompt(const void *style_read, const struct chat_conv *conv,
                         struct chat_text *out, struct zinc_err *err)
{
	const struct gemma4_style *style = style_read;
	int rc = 0;

	if (style->plain) {
		struct chat_plain plain = turns;

		plain.trim = style->trim;
		rc = chat_plain_render(&plain, conv, out, err);
	} else {
		chat_mark(out, "<bos>");
		put_system(out, conv, style);
		put_messages(out, conv, style);
	}
	put_generation(out, conv, style);
	return rc;
}

static int render(void *model, const struct zinc_chat_request *req, zinc_chat_piece_fn *fn,
                  void *ctx, struct zinc_err *err)
{
	struct gemma4_style style;
	struct chat_job job = {.req = req, .fn = fn, .ctx = ctx, .err = err};

	read_style(model, &style);
	return chat_render(&job, render_prompt, &style);
}

static const char *warning(void *model)
{
	struct gemma4_style style;

	read_style(model, &style);
	return style.unknown ? "The model file's chat template is not one this program knows: "
	                       "Gemma 4's own is used, which thinks only when told to."
	                     : NULL;
}

/* Does the prompt end inside a thought, behind one, or neither? */
static int find_start(const struct gemma4_style *style, const struct zinc_chat_request *req,
                      enum chat_start *start, struct zinc_err *err)
{
	struct chat_conv conv;

	*start = CHAT_START_PLAIN;
	if (req->no_generation_prompt)
		return 0;
	if (req->thinking != ZINC_THINK_ON) {
		if (style->empty_thought)
			*start = CHAT_START_ANSWER;
		return 0;
	}
	if (!style->joins_turns)
		return 0;
	int rc = chat_conv_load(&conv, req, false, err);

	if (!rc && last_written(&conv) == RESULT)
		*start = CHAT_START_THOUGHT;
	chat_conv_finish(&conv);
	return rc;
}

static int parser_create(void *model, const struct zinc_chat_request *req,
                         struct zinc_chat_parser **out, struct zinc_err *err)
{
	static const char *const hidden[] = {"<turn|>",         "<|turn>", "<eos>", "<bos>",
	                                     "<|tool_response>", NULL};
	static const struct chat_syntax syntax = {
		.marker = {"<|channel>", "<channel|>", "<|tool_call>", "<tool_call|>",
	                   GEMMA4_QUOTE},
		.think_lead = "thought\n",
		.hidden = hidden,
		.read_call = gemma4_read_call,
	};
	struct gemma4_style style;
	enum chat_start start;

	read_style(model, &style);
	int rc = find_start(&style, req, &start, err);

	return rc ? rc : chat_parser_create(&syntax, NULL, start, out, err);
}

const struct zinc_chat gemma4_chat = {
	.struct_size = sizeof(gemma4_chat),
	.render = render,
	.warning = warning,
	.parser_create = parser_create,
	.parser_feed = chat_parser_feed,
	.parser_end = chat_parser_end,
	.parser_destroy = chat_parser_destroy,
};
