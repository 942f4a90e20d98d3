/* generate.c - one answer: prompt in, sampled tokens out, text to its reader.
 *
 * A token's way: sampler -> detokeniser -> chat parser -> stop matcher -> events.
 * Without a chat format the parser is left out. */
#include "run/generate.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "model/model.h"
#include "run/engine.h"
#include "sample/stop.h"
#include "token/tok.h"
#include "util/err.h"

_Static_assert((int)SAMPLE_REACH_MAX <= (int)ENGINE_BEST_MAX, "the engine finds what a sampler reaches");

struct answer {
	struct engine *engine;
	const struct model *model;
	struct seq *seq;
	answer_event_fn *fn;
	void *ctx;
	uint32_t max_tokens;

	struct sampler *sampler;
	struct stop_matcher *stop;
	const struct zinc_chat *chat; /* NULL: raw */
	struct zinc_chat_parser *parser;
	struct tok_stream stream;
	char *text; /* room for one token's text */
	size_t text_room;

	struct tok_ids tokens;
	size_t n_prompt, n_reused;
	uint32_t n_chosen, n_tool_calls;
	bool stop_string; /* one was completed */
	bool cancelled;
	enum answer_finish finish;
	double begin, first, last; /* seconds; first and last: of a token chosen */
};

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static int make_sampler(struct answer *a, const struct answer_config *c, struct zinc_err *err)
{
	const struct zinc_tok_spec *spec = tok_spec(a->model->tok);
	struct sample_config sc = c->sample;
	uint32_t n_vocab = model_n_tokens(a->model);
	size_t n = sc.n_suppress + spec->n_suppress;
	int32_t *suppress = malloc((n ? n : 1) * sizeof(*suppress));
	int rc;

	if (!suppress)
		return err_set(err, ZINC_E_NO_MEMORY, "no memory for an answer");
	if (sc.n_suppress)
		memcpy(suppress, sc.suppress, sc.n_suppress * sizeof(*suppress));
	if (spec->n_suppress)
		memcpy(suppress + sc.n_suppress, spec->suppress,
		       spec->n_suppress * sizeof(*suppress));
	sc.suppress = suppress;
	sc.n_suppress = n;
	rc = sampler_create(&sc, n_vocab, &a->sampler, err);
	free(suppress);
	for (size_t i = 0; i < c->n_ids && !rc; i++) {
		rc = sampler_accept(a->sampler, c->ids[i]);
		if (rc == ZINC_E_INVALID)
			return err_set(err, rc,
				       "the prompt holds token %d, but the vocabulary has %u "
				       "tokens",
				       c->ids[i], n_vocab);
		if (rc)
			return err_set(err, rc, "no memory for a prompt of %zu tokens", c->n_ids);
	}
	return rc;
}

static int make_text_path(struct answer *a, const struct answer_config *c, struct zinc_err *err)
{
	a->stop = stop_create(c->stop, c->n_stop);
	a->text_room = tok_max_piece(a->model->tok) + 16;
	a->text = malloc(a->text_room);
	if (!a->stop || !a->text)
		return err_set(err, ZINC_E_NO_MEMORY, "no memory for an answer");
	/* A raw answer goes on where its prompt ended: its first blank counts. */
	a->stream.started = !c->chat;
	if (!c->chat)
		return ZINC_OK;
	a->chat = a->model->arch->chat;
	if (!a->chat)
		return err_set(err, ZINC_E_UNSUPPORTED, "the model has no chat format");
	return a->chat->parser_create(a->model->arch_model, c->chat, &a->parser, err);
}

int answer_begin(struct engine *e, const struct answer_config *c, struct answer **out,
		 struct zinc_err *err)
{
	struct answer *a;
	int rc;

	*out = NULL;
	if (c->n_ids <= c->n_reused)
		return err_set(err, ZINC_E_INVALID, "the prompt is empty: it has no token to read");
	a = calloc(1, sizeof(*a));
	if (!a)
		return err_set(err, ZINC_E_NO_MEMORY, "no memory for an answer");
	*a = (struct answer){
		.engine = e,
		.model = c->model,
		.seq = c->seq,
		.fn = c->fn,
		.ctx = c->ctx,
		.max_tokens = c->max_tokens,
		.n_prompt = c->n_ids,
		.n_reused = c->n_reused,
		.begin = now(),
	};
	if ((rc = make_sampler(a, c, err)) || (rc = make_text_path(a, c, err)) ||
	    (rc = engine_seq_push(e, c->seq, c->ids + c->n_reused,
				  (uint32_t)(c->n_ids - c->n_reused), err))) {
		answer_end(a);
		return rc;
	}
	*out = a;
	return ZINC_OK;
}

static int emit(struct answer *a, const struct answer_event *ev)
{
	if (!a->cancelled && a->fn && a->fn(a->ctx, ev))
		a->cancelled = true;
	return a->cancelled;
}

static int emit_text(struct answer *a, enum answer_event_kind kind, const char *text, size_t n)
{
	struct answer_event ev = {.kind = kind, .text = text, .n = n};

	return n ? emit(a, &ev) : a->cancelled;
}

static int on_content(struct answer *a, const char *text, size_t n)
{
	const char *safe;
	size_t n_safe;

	a->stop_string = stop_feed(a->stop, text, n, &safe, &n_safe);
	return emit_text(a, ANSWER_CONTENT, safe, n_safe) || a->stop_string;
}

/* What the matcher held back can no longer become a stop string. */
static int release_content(struct answer *a)
{
	const char *held;
	size_t n;

	stop_end(a->stop, &held, &n);
	return emit_text(a, ANSWER_CONTENT, held, n);
}

static int on_chat_event(void *ctx, const struct zinc_chat_event *ev)
{
	struct answer *a = ctx;

	if (a->stop_string || a->cancelled)
		return 1;
	if (ev->kind == ZINC_CHAT_CONTENT)
		return on_content(a, ev->text, (size_t)ev->n);
	if (release_content(a))
		return 1;
	if (ev->kind == ZINC_CHAT_REASONING)
		return emit_text(a, ANSWER_REASONING, ev->text, (size_t)ev->n);
	if (ev->kind == ZINC_CHAT_TOOL_CALL) {
		struct answer_event call = {
			.kind = ANSWER_TOOL_CALL, .name = ev->name, .arguments = ev->arguments};

		a->n_tool_calls++;
		return emit(a, &call);
	}
	return 0;
}

static int feed_text(struct answer *a, const char *text, size_t n, bool special,
		     struct zinc_err *err)
{
	int rc;

	if (n == 0 || a->stop_string || a->cancelled)
		return ZINC_OK;
	if (!a->parser) {
		on_content(a, text, n);
		return ZINC_OK;
	}
	rc = a->chat->parser_feed(a->parser, text, n, special, on_chat_event, a);
	if (rc < 0 && !a->stop_string && !a->cancelled)
		return err_set(err, rc, "the chat format failed on the answer: %s", err_name(rc));
	return ZINC_OK;
}

static int flush_stream(struct answer *a, struct zinc_err *err)
{
	size_t n = tok_stream_end(&a->stream, a->text, a->text_room);

	return feed_text(a, a->text, n, false, err);
}

static int feed_token(struct answer *a, int32_t id, struct zinc_err *err)
{
	const struct tok *t = a->model->tok;
	enum tok_type type = tok_type_of(t, id);
	size_t n;
	int rc;

	if (a->parser && (type == TOK_CONTROL || type == TOK_USER_DEFINED)) {
		const char *piece = tok_piece(t, id, &n);

		rc = flush_stream(a, err);
		return rc ? rc : feed_text(a, piece, n, true, err);
	}
	if (type == TOK_CONTROL)
		return ZINC_OK;
	n = tok_stream_feed(&a->stream, t, id, a->text, a->text_room);
	return feed_text(a, a->text, n, false, err);
}

static int finish(struct answer *a, enum answer_finish why, struct zinc_err *err)
{
	int rc = flush_stream(a, err);

	if (!rc && a->parser && !a->stop_string && !a->cancelled) {
		rc = a->chat->parser_end(a->parser, on_chat_event, a);
		if (rc < 0 && !a->stop_string && !a->cancelled)
			return err_set(err, rc, "the chat format failed at the answer's end: %s",
				       err_name(rc));
		rc = ZINC_OK;
	}
	if (!a->stop_string)
		release_content(a);
	if (a->cancelled)
		why = ANSWER_CANCELLED;
	else if (a->stop_string)
		why = ANSWER_STOP;
	else if (why == ANSWER_STOP && a->n_tool_calls)
		why = ANSWER_TOOL_CALLS;
	a->finish = why;
	return rc;
}

static int on_prefill(struct answer *a)
{
	uint32_t total = (uint32_t)a->n_prompt;
	uint32_t left = engine_seq_waiting(a->seq);
	struct answer_event ev = {.kind = ANSWER_PREFILL, .done = total - left, .total = total};

	return emit(a, &ev);
}

/* From the best logits where they are enough, else from all. */
static int choose(struct answer *a, int32_t *id, struct zinc_err *err)
{
	struct sample_best best = {0};
	uint32_t reach = sampler_reach(a->sampler);
	const float *logits;
	int rc;

	best.n = engine_seq_best(a->seq, &best.ids, &best.logits);
	if (reach && best.n >= reach) {
		rc = sampler_next_best(a->sampler, &best, id, err);
	} else {
		rc = engine_seq_logits(a->seq, &logits, err);
		rc = rc ? rc : sampler_next(a->sampler, logits, id, err);
	}
	if (rc)
		return rc;
	a->last = now();
	if (a->n_chosen++ == 0)
		a->first = a->last;
	return ZINC_OK;
}

static int take_token(struct answer *a, int32_t id, struct zinc_err *err)
{
	struct answer_event ev = {.kind = ANSWER_TOKEN, .id = id};
	int rc = tok_ids_push(&a->tokens, id);

	if (rc)
		return err_set(err, rc, "no memory for an answer of %zu tokens", a->tokens.n);
	if (emit(a, &ev))
		return ZINC_OK;
	return feed_token(a, id, err);
}

int answer_advance(struct answer *a, struct zinc_err *err)
{
	int32_t id;
	int rc;

	if (a->finish)
		return ZINC_OK;
	if (a->n_chosen == 0 && on_prefill(a))
		return finish(a, ANSWER_CANCELLED, err);
	if (!engine_seq_ready(a->seq))
		return ZINC_OK;
	rc = choose(a, &id, err);
	if (rc)
		return rc;
	if (tok_is_stop(a->model->tok, id))
		return finish(a, ANSWER_STOP, err);
	rc = take_token(a, id, err);
	if (rc)
		return rc;
	if (a->cancelled || a->stop_string)
		return finish(a, ANSWER_STOP, err);
	if (a->max_tokens && a->tokens.n >= a->max_tokens)
		return finish(a, ANSWER_LENGTH, err);
	if (engine_seq_pos(a->seq) >= engine_n_ctx(a->engine))
		return finish(a, ANSWER_CONTEXT, err);
	return engine_seq_push(a->engine, a->seq, &id, 1, err);
}

bool answer_finished(const struct answer *a)
{
	return a->finish != ANSWER_RUNNING;
}

enum answer_finish answer_finish(const struct answer *a)
{
	return a->finish;
}

const char *answer_finish_name(enum answer_finish f)
{
	static const char *const names[] = {
		[ANSWER_RUNNING] = "running", [ANSWER_STOP] = "stop",
		[ANSWER_LENGTH] = "length",   [ANSWER_TOOL_CALLS] = "tool_calls",
		[ANSWER_CONTEXT] = "context", [ANSWER_CANCELLED] = "cancelled",
	};

	return names[f];
}

void answer_get_stats(const struct answer *a, struct answer_stats *out)
{
	*out = (struct answer_stats){
		.prompt_tokens = (uint32_t)a->n_prompt,
		.reused_tokens = (uint32_t)a->n_reused,
		.tokens = (uint32_t)a->tokens.n,
	};
	if (a->n_chosen == 0)
		return;
	out->first_token_s = a->first - a->begin;
	out->decode_s = a->last - a->first;
	if (out->first_token_s > 0.0)
		out->prefill_rate = (double)(a->n_prompt - a->n_reused) / out->first_token_s;
	if (out->decode_s > 0.0)
		out->decode_rate = (a->n_chosen - 1) / out->decode_s;
}

const struct tok_ids *answer_tokens(const struct answer *a)
{
	return &a->tokens;
}

void answer_end(struct answer *a)
{
	if (!a)
		return;
	if (a->chat)
		a->chat->parser_destroy(a->parser);
	sampler_destroy(a->sampler);
	stop_destroy(a->stop);
	tok_ids_finish(&a->tokens);
	free(a->text);
	free(a);
}

int generate_one(struct engine *e, const struct answer_config *c, struct answer **out,
		 struct zinc_err *err)
{
	struct answer *a;
	int rc = answer_begin(e, c, &a, err);

	*out = NULL;
	while (!rc && !answer_finished(a)) {
		rc = engine_step(e, NULL, err);
		if (!rc)
			rc = answer_advance(a, err);
	}
	if (rc)
		answer_end(a);
	else
		*out = a;
	return rc;
}

int answer_breakers(const struct tok *t, const char *const *strings, size_t n, struct tok_ids *out)
{
	uint32_t n_vocab = tok_n_vocab(t);

	for (uint32_t id = 0; id < n_vocab; id++) {
		size_t len;
		const char *piece = tok_piece(t, (int32_t)id, &len);

		for (size_t i = 0; i < n; i++) {
			size_t want = strlen(strings[i]);
			int rc;

			if (!want || !memmem(piece, len, strings[i], want))
				continue;
			rc = tok_ids_push(out, (int32_t)id);
			if (rc)
				return rc;
			break;
		}
	}
	return ZINC_OK;
}

uint32_t answer_reach(const struct sample_config *c, const struct model *m)
{
	struct sample_config sc = *c;

	sc.n_suppress += tok_spec(m->tok)->n_suppress;
	return sample_reach(&sc, model_n_tokens(m));
}
