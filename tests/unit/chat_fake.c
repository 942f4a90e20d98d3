/* chat_fake.c - chat formats without a model. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "chat_fake.h"
#include "gemma4/chat.h"
#include "qwen3/chat.h"
#include "qwen35/chat.h"

static int meta_u32(const struct zinc_meta *m, const char *key, uint32_t *out)
{
	if (!m->u32_key || strcmp(key, m->u32_key) != 0)
		return ZINC_E_UNSUPPORTED;
	*out = m->u32;
	return ZINC_OK;
}

static int meta_str(const struct zinc_meta *m, const char *key, const char **out, uint64_t *n)
{
	if (!m->str_key || strcmp(key, m->str_key) != 0)
		return ZINC_E_UNSUPPORTED;
	*out = m->str;
	if (n)
		*n = strlen(m->str);
	return ZINC_OK;
}

static const struct zinc_arch_host host = {
	.struct_size = sizeof(host),
	.meta_u32 = meta_u32,
	.meta_str = meta_str,
};

void chat_fake_init(struct chat_fake *f, const struct zinc_chat *chat, const char *chat_template)
{
	memset(f, 0, sizeof(*f));
	f->chat = chat;
	f->base.host = &host;
	f->base.meta = &f->meta;
	f->base.chat_template = chat_template;
	f->base.chat_template_len = chat_template ? strlen(chat_template) : 0;
}

static int on_piece(void *ctx, const char *text, size_t n, int special)
{
	struct chat_prompt *p = ctx;

	assert_true(n > 0);
	p->text = realloc(p->text, p->n + n + 1);
	p->special = realloc(p->special, p->n + n + 1);
	assert_true(p->text && p->special);
	memcpy(p->text + p->n, text, n);
	memset(p->special + p->n, special ? '1' : '0', n);
	p->n += n;
	p->text[p->n] = p->special[p->n] = 0;
	p->n_pieces++;
	return 0;
}

struct chat_prompt chat_fake_render(struct chat_fake *f, const struct zinc_chat_request *req)
{
	struct chat_prompt p = {.text = calloc(1, 1), .special = calloc(1, 1)};

	p.rc = f->chat->render(f, req, on_piece, &p, &p.err);
	if (p.rc) {
		assert_int_equal(p.n_pieces, 0);
		assert_int_equal(p.err.code, p.rc);
		assert_true(strlen(p.err.msg) > 0);
		assert_null(strchr(p.err.msg, '\n'));
	}
	return p;
}

void chat_prompt_finish(struct chat_prompt *p)
{
	free(p->text);
	free(p->special);
}

void chat_fake_expect(struct chat_fake *f, const char *messages, const char *tools,
                      const char *want)
{
	struct zinc_chat_request req = {
		.struct_size = sizeof(req), .messages = messages, .tools = tools};
	struct chat_prompt p = chat_fake_render(f, &req);

	if (p.rc)
		print_error("%s\n", p.err.msg);
	assert_int_equal(p.rc, 0);
	assert_string_equal(p.text, want);
	chat_prompt_finish(&p);
}

size_t chat_fake_tokens(const char *text, const char *const *markers, struct chat_token *out,
                        size_t room)
{
	size_t n = 0;

	while (*text) {
		size_t len = 0;
		bool special = false;

		for (const char *const *m = markers; *m && !special; m++)
			if (strncmp(text, *m, strlen(*m)) == 0) {
				len = strlen(*m);
				special = true;
			}
		for (bool more = !special; more;) {
			len++;
			more = text[len] && text[len] != '<' && text[len] != ' ' &&
			       text[len] != '\n';
		}
		assert_true(n < room);
		out[n++] = (struct chat_token){text, len, special};
		text += len;
	}
	return n;
}

const char *const *chat_fake_markers(const struct zinc_chat *chat)
{
	static const char *const qwen[] = {"<think>", "</think>", "<tool_call>", "</tool_call>",
	                                   "<|im_end|>", "<|endoftext|>", NULL};
	static const char *const gemma4[] = {"<|channel>", "<channel|>", "<|tool_call>",
	                                     "<tool_call|>", "<|\"|>", "<turn|>",
	                                     "<|tool_response>", NULL};
	static const char *const others[] = {"<|im_end|>", "<|eot_id|>", "<|eom_id|>",
	                                     "<|python_tag|>", "<end_of_turn>", "</s>", NULL};

	return chat == &gemma4_chat                          ? gemma4
	       : chat == &qwen35_chat || chat == &qwen3_chat ? qwen
	                                                     : others;
}

struct zinc_chat_request chat_fake_request(uint32_t thinking)
{
	/* What a value in tags means is the schema's word. */
	static const char tools[] =
		"[{\"type\":\"function\",\"function\":{\"name\":\"f\",\"parameters\":{"
		"\"type\":\"object\",\"properties\":{\"s\":{\"type\":\"string\"},"
		"\"n\":{\"type\":\"integer\"},\"b\":{\"type\":\"boolean\"},"
		"\"l\":{\"type\":\"array\"},\"o\":{\"type\":\"object\"},"
		"\"sn\":{\"type\":[\"string\",\"null\"]},"
		"\"u\":{\"anyOf\":[{\"type\":\"string\"},{\"type\":\"null\"}]},"
		"\"e\":{\"enum\":[\"1\",\"2\"]}}}}}]";

	return (struct zinc_chat_request){
		.struct_size = sizeof(struct zinc_chat_request),
		.thinking = thinking,
		.messages = "[{\"role\":\"user\",\"content\":\"Hello\"}]",
		.tools = tools,
	};
}

struct log {
	char *text;
	size_t n;
	uint32_t kind; /* of the text that is being written, 0: none */
};

static void put(struct log *log, const char *text, size_t n)
{
	log->text = realloc(log->text, log->n + n + 1);
	assert_non_null(log->text);
	memcpy(log->text + log->n, text, n);
	log->n += n;
	log->text[log->n] = 0;
}

static void close_text(struct log *log)
{
	if (log->kind)
		put(log, "}", 1);
	log->kind = 0;
}

static int on_event(void *ctx, const struct zinc_chat_event *e)
{
	struct log *log = ctx;

	assert_int_equal(e->struct_size, sizeof(*e));
	if (e->kind == ZINC_CHAT_TOOL_CALL) {
		close_text(log);
		put(log, "T{", 2);
		put(log, e->name, strlen(e->name));
		put(log, " ", 1);
		put(log, e->arguments, strlen(e->arguments));
		put(log, "}", 1);
		return 0;
	}
	assert_true(e->n > 0);
	if (log->kind != e->kind) {
		close_text(log);
		put(log, e->kind == ZINC_CHAT_CONTENT ? "C{" : "R{", 2);
	}
	log->kind = e->kind;
	put(log, e->text, (size_t)e->n);
	return 0;
}

char *chat_fake_parse(struct chat_fake *f, const struct zinc_chat_request *req,
                      const struct chat_token *token, size_t n, size_t piece)
{
	struct log log = {.text = calloc(1, 1)};
	struct zinc_chat_parser *p = NULL;
	struct zinc_err err;

	assert_int_equal(f->chat->parser_create(f, req, &p, &err), 0);
	for (size_t i = 0; i < n; i++)
		for (size_t at = 0; at < token[i].n;) {
			size_t len = token[i].n - at;

			len = piece && piece < len ? piece : len;
			/* Freshly allocated, so that reading past it is noticed. */
			char *text = malloc(len);

			assert_non_null(text);
			memcpy(text, token[i].text + at, len);
			assert_int_equal(f->chat->parser_feed(p, text, len, token[i].special,
			                                      on_event, &log), 0);
			free(text);
			at += len;
		}
	assert_int_equal(f->chat->parser_end(p, on_event, &log), 0);
	f->chat->parser_destroy(p);
	close_text(&log);
	return log.text;
}
