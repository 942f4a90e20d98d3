/* output.c - printing and collecting an answer. */
#include "cli/output.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/terminal.h"
#include "run/engine.h"

bool output_init(struct output *out, struct engine *e, struct terminal *t, bool print)
{
	*out = (struct output){.term = t, .engine = e, .print = print, .tool_calls = json_array()};
	return out->tool_calls != NULL;
}

void output_finish(struct output *out)
{
	free(out->content.s);
	free(out->reasoning.s);
	json_decref(out->tool_calls);
}

static bool append(struct text *t, const char *s, size_t n)
{
	if (n + 1 > t->room - t->n) {
		size_t room = (t->n + n + 1) * 2;
		char *more = realloc(t->s, room);

		if (!more)
			return false;
		t->s = more;
		t->room = room;
	}
	memcpy(t->s + t->n, s, n);
	t->n += n;
	t->s[t->n] = '\0';
	return true;
}

static void print(struct output *out, const char *s, size_t n)
{
	if (fwrite(s, 1, n, stdout) != n || fflush(stdout))
		out->write_failed = true;
}

static void print_str(struct output *out, const char *s)
{
	if (*s)
		print(out, s, strlen(s));
}

static bool ends_line(const struct text *t)
{
	return t->n == 0 || t->s[t->n - 1] == '\n';
}

/* Thoughts are shown to a person only. */
static void show_reasoning(struct output *out, const char *s, size_t n)
{
	if (!out->print || !out->term->out)
		return;
	if (!out->in_reasoning)
		print_str(out, term_dim(out->term));
	out->in_reasoning = true;
	print(out, s, n);
}

static void leave_reasoning(struct output *out)
{
	if (!out->in_reasoning)
		return;
	out->in_reasoning = false;
	print_str(out, term_plain(out->term));
	print_str(out, ends_line(&out->reasoning) ? "\n" : "\n\n");
}

static void add_tool_call(struct output *out, const struct answer_event *ev)
{
	char id[32];
	json_t *call;

	snprintf(id, sizeof(id), "call_%zu", json_array_size(out->tool_calls));
	call = json_pack("{s:s, s:s, s:{s:s, s:s}}", "id", id, "type", "function", "function",
			 "name", ev->name, "arguments", ev->arguments);
	if (!call || json_array_append_new(out->tool_calls, call))
		out->no_memory = true;
	if (out->print)
		term_note(out->term, "tool call: %s %s", ev->name, ev->arguments);
}

static void on_prefill(struct output *out, const struct answer_event *ev)
{
	if (ev->done < ev->total) {
		term_progress(out->term, "reading the prompt", (double)ev->done / ev->total);
		return;
	}
	term_progress_end(out->term);
	if (out->prefill_profile)
		engine_print_profile(out->engine, &out->peaks, stderr);
	out->prefill_profile = false;
}

int output_event(void *ctx, const struct answer_event *ev)
{
	struct output *out = ctx;

	switch (ev->kind) {
	case ANSWER_PREFILL: on_prefill(out, ev); break;
	case ANSWER_REASONING:
		show_reasoning(out, ev->text, ev->n);
		out->no_memory |= !append(&out->reasoning, ev->text, ev->n);
		break;
	case ANSWER_CONTENT:
		leave_reasoning(out);
		if (out->print)
			print(out, ev->text, ev->n);
		out->no_memory |= !append(&out->content, ev->text, ev->n);
		break;
	case ANSWER_TOOL_CALL:
		leave_reasoning(out);
		add_tool_call(out, ev);
		break;
	case ANSWER_TOKEN: break;
	}
	return out->no_memory || out->write_failed || interrupt_pending();
}

void output_end(struct output *out)
{
	term_progress_end(out->term);
	if (!out->print)
		return;
	leave_reasoning(out);
	if (!ends_line(&out->content))
		print_str(out, "\n");
}

void output_print_stats(struct terminal *t, const struct answer *a)
{
	struct answer_stats s;

	answer_get_stats(a, &s);
	term_note(t,
		  "%s[%u prompt tokens (%u reused), first token after %.2f s (%.1f tokens/s); "
		  "%u tokens at %.1f tokens/s; %s]%s",
		  t->err && t->colour ? term_dim(t) : "", s.prompt_tokens, s.reused_tokens,
		  s.first_token_s, s.prefill_rate, s.tokens, s.decode_rate,
		  answer_finish_name(answer_finish(a)), t->err && t->colour ? term_plain(t) : "");
}

json_t *output_message(const struct output *out)
{
	json_t *m = json_pack("{s:s, s:s#}", "role", "assistant", "content",
			      out->content.s ? out->content.s : "", (int)out->content.n);

	if (m && out->reasoning.n &&
	    json_object_set_new(m, "reasoning_content",
				json_stringn(out->reasoning.s, out->reasoning.n)))
		goto fail;
	if (m && json_array_size(out->tool_calls) &&
	    json_object_set(m, "tool_calls", out->tool_calls))
		goto fail;
	return m;
fail:
	json_decref(m);
	return NULL;
}
