/* cmd_perplexity.c - `zinc perplexity`: how well a model predicts a text.
 *
 * The text's tokens are cut into windows of --ctx. Each is read by a fresh
 * sequence, its first token replaced by BOS where the model has one. By default
 * the windows follow one another and the tokens of the second half are scored,
 * so that every score has at least half a window of context; with --stride N
 * they overlap, and the last N tokens of each are scored. */
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cmd.h"
#include "cli/load.h"
#include "cli/options.h"
#include "cli/terminal.h"
#include "model/model.h"
#include "run/engine.h"
#include "run/prompt.h"
#include "token/tok.h"
#include "util/err.h"

enum { DEFAULT_WINDOW = 512 };

struct scoring {
	struct session *session;
	struct tok_ids ids;
	uint32_t window;  /* tokens */
	uint32_t advance; /* from window to window */
	uint32_t first;   /* position of the first row that is scored */
	size_t n_windows;

	const int32_t *now; /* the window's tokens, with BOS */
	double nll, nll2;   /* sums of -log p and of its square */
	size_t count;
};

/* -log p(next | row), in double precision. */
static double surprise(const float *logits, uint32_t n, int32_t next)
{
	float max = logits[0];
	double sum = 0.0;

	for (uint32_t i = 1; i < n; i++)
		max = logits[i] > max ? logits[i] : max;
	for (uint32_t i = 0; i < n; i++)
		sum += exp((double)logits[i] - max);
	return log(sum) - ((double)logits[next] - max);
}

static void on_logits(void *ctx, struct seq *s, uint32_t pos, const float *logits)
{
	struct scoring *p = ctx;
	double v;

	(void)s;
	/* The last row predicts the next window's first token. */
	if (pos < p->first || pos + 1 >= p->window)
		return;
	v = surprise(logits, p->session->model->info.n_vocab, p->now[pos + 1]);
	p->nll += v;
	p->nll2 += v * v;
	p->count++;
}

static int read_text(struct scoring *p, const char *path, struct zinc_err *err)
{
	char *text;
	size_t n;
	int rc = read_all(path, &text, &n, err);

	if (!rc)
		rc = prompt_check_utf8(path, text, n, err);
	if (!rc)
		rc = prompt_from_text(p->session->model, text, n, false, &p->ids, err);
	free(text);
	return rc;
}

static int plan_windows(struct scoring *p, struct zinc_err *err)
{
	const struct options *o = p->session->o;
	size_t n = p->ids.n;

	p->window = o->ctx ? o->ctx : DEFAULT_WINDOW;
	if (p->window < 4 || o->stride >= p->window)
		return err_set(err, ZINC_E_INVALID,
			       "--ctx %u and --stride %u: a window needs 4 tokens or more, and "
			       "more than the stride",
			       p->window, o->stride);
	if (n < 2 * (size_t)p->window)
		return err_set(
			err, ZINC_E_INVALID,
			"the text has %zu tokens; two windows of %u are the least (see --ctx)", n,
			p->window);
	p->advance = o->stride ? o->stride : p->window;
	p->first = o->stride ? p->window - o->stride - 1 : p->window / 2;
	p->n_windows = o->stride ? (n - p->window + o->stride - 1) / o->stride : n / p->window;
	if (o->chunks && o->chunks < p->n_windows)
		p->n_windows = o->chunks;
	return ZINC_OK;
}

static int run_window(struct scoring *p, int32_t *tokens, struct zinc_err *err)
{
	struct engine *e = p->session->engine;
	struct seq *seq = NULL;
	int rc = engine_seq_create(e, &seq, err);

	p->now = tokens;
	if (!rc) {
		engine_seq_on_logits(seq, on_logits, p);
		rc = engine_seq_push(e, seq, tokens, p->window, err);
	}
	while (!rc && engine_seq_waiting(seq))
		rc = engine_step(e, NULL, err);
	engine_seq_destroy(e, seq);
	return rc;
}

static int run_windows(struct scoring *p, struct zinc_err *err)
{
	const struct zinc_tok_spec *spec = tok_spec(p->session->model->tok);
	bool bos = (spec->flags & ZINC_TOK_ADD_BOS) && spec->bos >= 0;
	int rc = ZINC_OK;

	for (size_t i = 0; i < p->n_windows && !rc && !interrupt_pending(); i++) {
		int32_t *tokens = p->ids.id + i * p->advance;
		int32_t kept = tokens[0];

		if (bos)
			tokens[0] = spec->bos;
		rc = run_window(p, tokens, err);
		tokens[0] = kept;
		if (rc)
			break;
		if (p->session->o->json)
			term_progress(p->session->term, "scoring",
				      (double)(i + 1) / (double)p->n_windows);
		else
			printf("[%zu]%.4f%s", i + 1, exp(p->nll / (double)p->count),
			       i + 1 < p->n_windows ? "," : "\n");
		if (fflush(stdout))
			return err_set(err, ZINC_E_IO, "cannot write to standard output");
	}
	return rc;
}

static void print_result(const struct scoring *p)
{
	double n = (double)p->count, mean = p->nll / n, ppl = exp(mean);
	double variance = p->nll2 / n - mean * mean;
	double error = variance > 0.0 && n > 1.0 ? sqrt(variance / (n - 1.0)) * ppl : 0.0;
	json_t *j;

	if (!p->session->o->json) {
		printf("Final estimate: PPL = %.4f +/- %.5f (%zu tokens scored)\n", ppl, error,
		       p->count);
		return;
	}
	j = json_pack("{s:f, s:f, s:I, s:i, s:i}", "perplexity", ppl, "error", error, "scored",
		      (json_int_t)p->count, "windows", (int)p->n_windows, "window", (int)p->window);
	json_dumpf(j, stdout, JSON_COMPACT);
	putchar('\n');
	json_decref(j);
}

static int score(struct scoring *p, const char *model, const char *text, struct zinc_err *err)
{
	struct session *s = p->session;
	struct engine_config c;
	int rc;

	if ((rc = session_open_model(s, model, err)) || (rc = read_text(p, text, err)) ||
	    (rc = plan_windows(p, err)) || (rc = session_engine_config(s, &c, err)))
		return rc;
	c.all_logits = true;
	c.n_ctx = p->window;
	if ((rc = session_open_engine(s, &c, false, err)))
		return rc;
	term_note(s->term, "%zu tokens, %zu windows of %u", p->ids.n, p->n_windows, p->window);
	interrupt_install();
	return run_windows(p, err);
}

int cmd_perplexity(const struct options *o, struct terminal *t)
{
	struct session s = {.o = o, .term = t};
	struct scoring p = {.session = &s};
	bool named = opt_source_of(o, "model") == OPT_COMMAND_LINE;
	int n = o->n_args - !named;
	struct zinc_err err;
	int status = STATUS_OK;

	if (n < 1)
		return usage_error(o, n < 0 ? "no model and no text named" : "no text file named");
	if (n > 1)
		return usage_error(o, "unexpected '%s'", o->args[o->n_args - 1]);
	if (score(&p, named ? NULL : o->args[0], o->args[!named], &err))
		status = report(&err);
	else if (interrupt_pending())
		status = STATUS_INTERRUPTED;
	else
		print_result(&p);
	tok_ids_finish(&p.ids);
	session_close(&s);
	return status;
}
