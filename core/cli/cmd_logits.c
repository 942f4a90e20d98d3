/* cmd_logits.c - `zinc logits`: the model's raw numbers, for comparisons. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cli/cmd.h"
#include "cli/ids.h"
#include "cli/load.h"
#include "cli/options.h"
#include "cli/terminal.h"
#include "model/model.h"
#include "run/engine.h"
#include "util/err.h"

/* Rows arrive in any order and go to their places. */
struct rows {
	FILE *f;
	const char *path;
	uint64_t n_tokens;
	bool failed;
};

struct dump {
	struct rows logits, hidden;
	uint32_t n_vocab;
};

static void write_row(struct rows *r, uint64_t row, const float *x, uint32_t n)
{
	off_t at = (off_t)(row * n * sizeof(*x));

	if (fseeko(r->f, at, SEEK_SET) || fwrite(x, sizeof(*x), n, r->f) != n)
		r->failed = true;
}

static void on_logits(void *ctx, struct seq *s, uint32_t pos, const float *logits)
{
	struct dump *d = ctx;

	(void)s;
	write_row(&d->logits, pos, logits, d->n_vocab);
}

static void on_hidden(void *ctx, struct seq *s, uint32_t pos, uint32_t layer, const float *x,
		      uint32_t n_embd)
{
	struct dump *d = ctx;

	(void)s;
	write_row(&d->hidden, layer * d->hidden.n_tokens + pos, x, n_embd);
}

static int open_rows(struct rows *r, const char *path, uint64_t n_tokens, struct zinc_err *err)
{
	r->path = path;
	r->n_tokens = n_tokens;
	if (!path)
		return ZINC_OK;
	r->f = fopen(path, "wb");
	return r->f ? ZINC_OK : err_set_errno(err, ZINC_E_IO, errno, "cannot write %s", path);
}

static int close_rows(struct rows *r, struct zinc_err *err)
{
	bool failed = r->failed;

	if (!r->f)
		return ZINC_OK;
	failed |= fclose(r->f) != 0;
	r->f = NULL;
	return failed ? err_set_errno(err, ZINC_E_IO, errno, "cannot write %s", r->path) : ZINC_OK;
}

static int run_tokens(struct session *s, const struct tok_ids *ids, struct dump *d,
		      struct zinc_err *err)
{
	struct seq *seq = NULL;
	int rc = engine_seq_create(s->engine, &seq, err);

	if (rc)
		return rc;
	engine_seq_on_logits(seq, on_logits, d);
	if (d->hidden.f)
		engine_seq_on_hidden(seq, on_hidden, d);
	rc = engine_seq_push(s->engine, seq, ids->id, (uint32_t)ids->n, err);
	while (!rc && engine_seq_waiting(seq)) {
		rc = engine_step(s->engine, NULL, err);
		term_progress(s->term, "running", (double)engine_seq_pos(seq) / (double)ids->n);
	}
	term_progress_end(s->term);
	engine_seq_destroy(s->engine, seq);
	return rc;
}

static int dump_logits(struct session *s, const char *name, struct dump *d, struct zinc_err *err)
{
	const struct options *o = s->o;
	struct engine_config c;
	struct tok_ids ids = {0};
	int rc, rc_logits, rc_hidden;

	if ((rc = session_open_model(s, name, err)))
		return rc;
	d->n_vocab = s->model->info.n_vocab;
	if ((rc = ids_parse("--ids", o->ids, d->n_vocab, &ids, err)) ||
	    (rc = session_engine_config(s, &c, err)))
		goto out;
	c.all_logits = true;
	c.hidden = o->hidden != NULL;
	if ((rc = session_open_engine(s, &c, false, err)) ||
	    (rc = open_rows(&d->logits, o->out, ids.n, err)) ||
	    (rc = open_rows(&d->hidden, o->hidden, ids.n, err)))
		goto out;
	rc = run_tokens(s, &ids, d, err);
out:
	rc_logits = close_rows(&d->logits, rc ? NULL : err);
	rc_hidden = close_rows(&d->hidden, rc || rc_logits ? NULL : err);
	tok_ids_finish(&ids);
	return rc ? rc : rc_logits ? rc_logits : rc_hidden;
}

int cmd_logits(const struct options *o, struct terminal *t)
{
	struct session s = {.o = o, .term = t};
	struct dump d = {.n_vocab = 0};
	struct zinc_err err;
	int status = STATUS_OK;

	if (!o->ids)
		return usage_error(o, "no tokens: --ids is missing");
	if (!o->out)
		return usage_error(o, "nowhere to write: --out is missing");
	if (o->n_args > 1)
		return usage_error(o, "one model is enough: unexpected '%s'", o->args[1]);
	if (dump_logits(&s, o->n_args ? o->args[0] : NULL, &d, &err))
		status = report(&err);
	session_close(&s);
	return status;
}
