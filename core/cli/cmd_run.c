/* cmd_run.c - `zinc run`: one prompt, one answer. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cmd.h"
#include "cli/env.h"
#include "cli/load.h"
#include "cli/models.h"
#include "cli/options.h"
#include "cli/output.h"
#include "cli/sampling.h"
#include "cli/terminal.h"
#include "model/model.h"
#include "run/engine.h"
#include "run/prompt.h"
#include "util/err.h"
#include "util/log.h"

struct run {
	const struct options *o;
	struct terminal *term;
	struct session session;
	const char *model_name; /* NULL: the default */
	char *prompt;
	size_t n_prompt;
	struct sampling sampling;
	struct zinc_chat_request request;
	char *messages;
	struct tok_ids ids;
	struct output out;
	struct zinc_err err;
};

/* Which words are the model and the prompt. *prompt NULL: standard input. */
static int split_words(struct run *r, const char **prompt)
{
	const struct options *o = r->o;
	int n = o->n_args;
	bool named = opt_source_of(o, "model") == OPT_COMMAND_LINE;
	char **word = o->args;

	*prompt = NULL;
	if (n > 0 && !named && (n > 1 || model_is_name(word[0]))) {
		if (!model_is_name(word[0]))
			return usage_error(o, "'%s' is no model; quote a prompt of several words",
					   word[0]);
		r->model_name = word[0];
		word++;
		n--;
	}
	if (n > 1)
		return usage_error(o, "one prompt is enough: unexpected '%s'", word[1]);
	if (n == 1 && strcmp(word[0], "-"))
		*prompt = word[0];
	else if (n == 0 && r->term->in)
		return usage_error(o, "no prompt");
	return STATUS_OK;
}

static int get_prompt(struct run *r)
{
	const char *given;
	int status = split_words(r, &given);

	if (status)
		return status;
	if (r->o->raw && opt_source_of(r->o, "system") == OPT_COMMAND_LINE)
		return usage_error(r->o,
				   "--system needs a chat format, so it does not go with --raw");
	if (!given) {
		if (read_all("-", &r->prompt, &r->n_prompt, &r->err))
			return report(&r->err);
		/* The line's end is the shell's, not the prompt's. */
		if (r->n_prompt && r->prompt[r->n_prompt - 1] == '\n')
			r->prompt[--r->n_prompt] = '\0';
	} else {
		r->prompt = strdup(given);
		r->n_prompt = strlen(given);
		if (!r->prompt)
			return STATUS_FAILED;
	}
	if (r->n_prompt == 0)
		return usage_error(r->o, "the prompt is empty");
	if (prompt_check_utf8("the prompt", r->prompt, r->n_prompt, &r->err))
		return report(&r->err);
	if (r->o->system &&
	    prompt_check_utf8("--system", r->o->system, strlen(r->o->system), &r->err))
		return report(&r->err);
	return STATUS_OK;
}

static int no_memory(struct run *r)
{
	return err_set(&r->err, ZINC_E_NO_MEMORY, "no memory for the prompt");
}

static int make_request(struct run *r)
{
	json_t *messages = json_array();
	int failed = !messages;

	if (!failed && r->o->system)
		failed = json_array_append_new(messages, json_pack("{s:s, s:s}", "role", "system",
								   "content", r->o->system));
	if (!failed)
		failed = json_array_append_new(messages,
					       json_pack("{s:s, s:s#}", "role", "user", "content",
							 r->prompt, (int)r->n_prompt));
	if (!failed)
		r->messages = json_dumps(messages, JSON_COMPACT);
	json_decref(messages);
	r->request = (struct zinc_chat_request){
		.struct_size = sizeof(r->request),
		.thinking = r->o->think,
		.messages = r->messages,
	};
	return r->messages ? ZINC_OK : no_memory(r);
}

static int make_ids(struct run *r)
{
	const struct model *m = r->session.model;
	int rc;

	if (r->o->raw)
		return prompt_from_text(m, r->prompt, r->n_prompt, true, &r->ids, &r->err);
	if (!m->arch->chat)
		return err_set(&r->err, ZINC_E_UNSUPPORTED,
			       "this model has no chat format; add --raw to continue the text");
	rc = make_request(r);
	return rc ? rc : prompt_from_chat(m, &r->request, &r->ids, &r->err);
}

/* Exact before anything is computed, and before minutes of loading. */
static int prepare(struct run *r, struct engine_config *c)
{
	int rc = session_open_model(&r->session, r->model_name, &r->err);

	if (!rc)
		rc = sampling_add_model(&r->sampling, r->o, r->session.model, &r->err);
	if (!rc)
		rc = make_ids(r);
	if (!rc)
		rc = session_engine_config(&r->session, c, &r->err);
	if (!rc)
		c->n_best = answer_reach(&r->sampling.config, r->session.model);
	return rc;
}

static json_t *timings(const struct answer_stats *s)
{
	return json_pack("{s:f, s:f, s:f, s:f}", "first_token_s", s->first_token_s, "decode_s",
			 s->decode_s, "prefill_tokens_per_s", s->prefill_rate,
			 "decode_tokens_per_s", s->decode_rate);
}

static int print_json(struct run *r, const struct answer *a)
{
	struct answer_stats s;
	json_t *j;
	int failed;

	answer_get_stats(a, &s);
	j = json_pack(
		"{s:s, s:s#, s:s#, s:O, s:s, s:I, s:{s:i, s:i, s:i}, s:o}", "model",
		r->session.path, "text", r->out.content.s ? r->out.content.s : "",
		(int)r->out.content.n, "reasoning", r->out.reasoning.s ? r->out.reasoning.s : "",
		(int)r->out.reasoning.n, "tool_calls", r->out.tool_calls, "finish_reason",
		answer_finish_name(answer_finish(a)), "seed", (json_int_t)r->sampling.config.seed,
		"usage", "prompt_tokens", (int)s.prompt_tokens, "completion_tokens", (int)s.tokens,
		"total_tokens", (int)(s.prompt_tokens + s.tokens), "timings", timings(&s));
	if (!j)
		return no_memory(r);
	failed = json_dumpf(j, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(6)) ||
		 putchar('\n') == EOF;
	json_decref(j);
	r->out.write_failed |= failed;
	return ZINC_OK;
}

static int finish(struct run *r, const struct answer *a)
{
	output_end(&r->out);
	if (r->out.no_memory)
		return no_memory(r);
	if (answer_finish(a) == ANSWER_CONTEXT)
		log_msg(ZINC_LOG_WARN,
			"the answer was cut off: the context of %u tokens is full (see --ctx)",
			engine_n_ctx(r->session.engine));
	if (r->o->json)
		return print_json(r, a);
	output_print_stats(r->term, a);
	return ZINC_OK;
}

static int generate(struct run *r)
{
	struct answer_config c = {
		.model = r->session.model,
		.ids = r->ids.id,
		.n_ids = r->ids.n,
		.sample = r->sampling.config,
		.stop = (const char *const *)r->o->stop.v,
		.n_stop = r->o->stop.n,
		.max_tokens = r->o->max_tokens,
		.chat = r->o->raw ? NULL : &r->request,
		.fn = output_event,
		.ctx = &r->out,
	};
	struct answer *a = NULL;
	int rc = engine_seq_create(r->session.engine, &c.seq, &r->err);

	if (!rc)
		rc = generate_one(r->session.engine, &c, &a, &r->err);
	if (!rc)
		rc = finish(r, a);
	answer_end(a);
	engine_seq_destroy(r->session.engine, c.seq);
	return rc;
}

/* A profile is of packed weights, and gives shares of what the device was measured to
 * reach at most. */
static void prepare_profile(struct run *r)
{
	struct zinc_err err;

	r->out.prefill_profile = env_is_on("ZINC_PREFILL_PROFILE");
	if (!r->out.prefill_profile && !env_is_on("ZINC_PROFILE"))
		return;
	engine_pack_wait(r->session.engine);
	if (bench_peaks(r->session.engine, &r->out.peaks, &err)) {
		term_note(r->term, "no shares of the roofline: %s", err.msg);
		r->out.peaks = (struct bench_peaks){0};
	}
}

static int run_prompt(struct run *r)
{
	struct engine_config c;
	int status = get_prompt(r);

	if (status)
		return status;
	if (prepare(r, &c) || session_open_engine(&r->session, &c, false, &r->err))
		return report(&r->err);
	if (!output_init(&r->out, r->session.engine, r->term, !r->o->json)) {
		no_memory(r);
		return report(&r->err);
	}
	prepare_profile(r);
	if (r->sampling.config.temperature > 0.0f && r->o->verbose)
		term_note(r->term, "seed %llu", (unsigned long long)r->sampling.config.seed);
	interrupt_install();
	if (generate(r))
		status = report(&r->err);
	else if (r->out.write_failed)
		status = STATUS_FAILED;
	else if (interrupt_pending())
		status = STATUS_INTERRUPTED;
	if (env_is_on("ZINC_PROFILE"))
		engine_print_profile(r->session.engine, &r->out.peaks, stderr);
	return status;
}

int cmd_run(const struct options *o, struct terminal *t)
{
	struct run r = {.o = o, .term = t, .session = {.o = o, .term = t}};
	int status;

	if (sampling_init(&r.sampling, o, &r.err))
		status = usage_error(o, "%s", r.err.msg);
	else
		status = run_prompt(&r);
	output_finish(&r.out);
	session_close(&r.session);
	sampling_finish(&r.sampling);
	tok_ids_finish(&r.ids);
	free(r.messages);
	free(r.prompt);
	return status;
}
