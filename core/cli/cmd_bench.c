/* cmd_bench.c - `zinc bench`: how fast a model runs here. */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cmd.h"
#include "cli/load.h"
#include "cli/options.h"
#include "cli/terminal.h"
#include "model/model.h"
#include "plugin/plug.h"
#include "run/bench.h"
#include "run/engine.h"
#include "util/err.h"

enum { MAX_LIST = 32 };

struct numbers {
	uint32_t v[MAX_LIST];
	size_t n;
};

struct bench {
	struct session *session;
	struct numbers prefill, depth, seqs, mixed;
	struct bench_peaks peaks;
	json_t *rows; /* with --json  */
	bool profile; /* ZINC_PROFILE */
};

/* "128,512": positive numbers, 0 allowed where `zero`. */
static int parse_numbers(const char *option, const char *text, bool zero, struct numbers *out,
                         struct zinc_err *err)
{
	const char *p = text;

	for (;;) {
		char *end;
		unsigned long v;

		errno = 0;
		v = strtoul(p, &end, 10);
		if (end == p || *p == '-' || errno || v > 1u << 24 || (!v && !zero) ||
		    (*end && *end != ',') || out->n == MAX_LIST)
			return err_set(err, ZINC_E_INVALID,
			               "--%s: '%s' is not a list like 128,512 of at most %d numbers",
			               option, text, MAX_LIST);
		out->v[out->n++] = (uint32_t)v;
		if (!*end)
			return ZINC_OK;
		p = end + 1;
	}
}

static int parse_lists(struct bench *b, struct zinc_err *err)
{
	const struct options *o = b->session->o;
	int rc = parse_numbers("prefill", o->prefill ? o->prefill : "512", true, &b->prefill, err);

	if (!rc)
		rc = parse_numbers("depth", o->depth ? o->depth : "0", true, &b->depth, err);
	if (!rc)
		rc = parse_numbers("seqs", o->seqs ? o->seqs : "1", false, &b->seqs, err);
	if (!rc)
		rc = parse_numbers("mixed", o->mixed ? o->mixed : "4", true, &b->mixed, err);
	return rc;
}

static uint32_t largest(const struct numbers *l)
{
	uint32_t most = 0;

	for (size_t i = 0; i < l->n; i++)
		most = l->v[i] > most ? l->v[i] : most;
	return most;
}

static uint32_t most_seqs(const struct bench *b)
{
	uint32_t alike = largest(&b->seqs);
	uint32_t mixed = largest(&b->prefill) ? largest(&b->mixed) + 1 : 1;

	return alike > mixed ? alike : mixed;
}

static int open_engine(struct bench *b, struct zinc_err *err)
{
	struct session *s = b->session;
	uint32_t decode = s->o->steps ? largest(&b->depth) + s->o->steps : 0;
	uint32_t prefill = largest(&b->prefill);
	struct engine_config c;
	int rc = session_engine_config(s, &c, err);

	if (rc)
		return rc;
	if (!c.n_ctx)
		c.n_ctx = (decode > prefill ? decode : prefill) + 1;
	c.n_best = 1;
	c.max_seqs = most_seqs(b);
	b->profile = c.profile;
	rc = session_open_engine(s, &c, false, err);
	if (!rc)
		engine_pack_wait(s->engine);
	return rc;
}

/* The rate's share of the yardstick, or nothing where there is none. */
static const char *share(double rate, double peak, char *text, size_t room)
{
	text[0] = '\0';
	if (peak > 0)
		snprintf(text, room, "%5.1f%%", 100 * rate / peak);
	return text;
}

static const char *kind_of(const struct bench_case *c)
{
	switch (c->kind) {
	case BENCH_PREFILL: return c->per_token ? "prefill/token" : "prefill";
	case BENCH_MIXED: return "mixed";
	default: return "decode";
	}
}

static void add_row(struct bench *b, const struct bench_case *c, const struct bench_result *r)
{
	json_t *row = json_pack(
		"{s:s, s:I, s:I, s:I, s:I, s:f, s:f, s:f, s:f, s:f}", "kind", kind_of(c), "tokens",
		(json_int_t)c->n_tokens, "depth", (json_int_t)c->depth, "sequences",
		(json_int_t)c->n_seqs, "repetitions", (json_int_t)c->reps, "median", r->median,
		"min", r->min, "max", r->max, "bytes_per_second", r->bytes_per_s,
		"flops_per_second", r->flops_per_s);

	if (b->peaks.bytes_per_s > 0)
		json_object_set_new(row, "share_of_peak_bytes",
		                    json_real(r->bytes_per_s / b->peaks.bytes_per_s));
	if (b->peaks.ops_per_s > 0)
		json_object_set_new(row, "share_of_peak_flops",
		                    json_real(r->flops_per_s / b->peaks.ops_per_s));
	json_array_append_new(b->rows, row);
}

static void print_row(const struct bench *b, const struct bench_case *c,
                      const struct bench_result *r)
{
	char bytes[16], flops[16];

	printf("%-13s %6u %6u %5u %11.2f %11.2f %11.2f %9.1f %6s %9.2f %6s\n", kind_of(c),
	       c->n_tokens, c->depth, c->n_seqs, r->median, r->min, r->max, r->bytes_per_s / 1e9,
	       share(r->bytes_per_s, b->peaks.bytes_per_s, bytes, sizeof(bytes)),
	       r->flops_per_s / 1e12,
	       share(r->flops_per_s, b->peaks.ops_per_s, flops, sizeof(flops)));
	fflush(stdout);
}

static int run_case(struct bench *b, const struct bench_case *c, struct zinc_err *err)
{
	struct bench_result r;
	int rc;

	if (interrupt_pending())
		return ZINC_OK;
	rc = bench_run(b->session->engine, c, &r, err);
	if (!rc && b->rows)
		add_row(b, c, &r);
	else if (!rc)
		print_row(b, c, &r);
	if (!rc && b->profile)
		engine_print_profile(b->session->engine, &b->peaks, stderr);
	return rc;
}

/* Prompts of one length side by side, also token by token. */
static int run_prompts(struct bench *b, struct bench_case *c, struct zinc_err *err)
{
	int rc = run_case(b, c, err);

	c->per_token = true;
	if (!rc && b->session->o->per_token)
		rc = run_case(b, c, err);
	c->per_token = false;
	return rc;
}

/* As many prompts as --seqs says, and one beside sequences that decode. */
static int run_length(struct bench *b, uint32_t n_tokens, struct zinc_err *err)
{
	struct bench_case c = {.kind = BENCH_PREFILL, .n_tokens = n_tokens,
	                       .reps = b->session->o->reps};
	int rc = ZINC_OK;

	for (size_t i = 0; i < b->seqs.n && !rc; i++) {
		c.n_seqs = b->seqs.v[i];
		rc = run_prompts(b, &c, err);
	}
	c.kind = BENCH_MIXED;
	for (size_t i = 0; i < b->mixed.n && !rc; i++) {
		c.n_seqs = b->mixed.v[i] + 1;
		if (b->mixed.v[i])
			rc = run_case(b, &c, err);
	}
	return rc;
}

static int run_cases(struct bench *b, struct zinc_err *err)
{
	const struct options *o = b->session->o;
	int rc = ZINC_OK;

	for (size_t i = 0; i < b->prefill.n && !rc; i++)
		if (b->prefill.v[i])
			rc = run_length(b, b->prefill.v[i], err);
	for (size_t d = 0; d < b->depth.n && o->steps; d++)
		for (size_t s = 0; s < b->seqs.n && !rc; s++) {
			struct bench_case c = {.kind = BENCH_DECODE, .n_tokens = o->steps,
			                       .depth = b->depth.v[d], .n_seqs = b->seqs.v[s],
			                       .reps = o->reps};

			rc = run_case(b, &c, err);
		}
	return rc;
}

/* What the shares are of, in words. */
static const char *bytes_text(const char *are)
{
	return !strcmp(are, "read")   ? "a plain read of the weights"
	       : !strcmp(are, "copy") ? "the device's copy, read plus written"
	                              : "--peak-bandwidth";
}

static void print_head(const struct bench *b)
{
	const struct session *s = b->session;
	const struct bench_peaks *p = &b->peaks;

	printf("%s, backend %s (%s)\n", s->path, s->backend->entry->id,
	       engine_device_name(s->engine));
	printf("shares of %.1f GB/s, %s", p->bytes_per_s / 1e9, bytes_text(p->bytes_are));
	if (p->ops_are)
		printf(", and %.2f TFLOP/s, %s", p->ops_per_s / 1e12,
		       !strcmp(p->ops_are, "int8") ? "products of bytes in registers"
		                                   : "--peak-flops");
	printf("\n%-13s %6s %6s %5s %11s %11s %11s %9s %6s %9s %6s\n", "", "tokens", "depth",
	       "seqs", "tokens/s", "least", "most", "GB/s", "", "TFLOP/s", "");
}

static void print_json(struct bench *b)
{
	const struct session *s = b->session;
	const struct bench_peaks *p = &b->peaks;
	json_t *j = json_pack("{s:s, s:s, s:s, s:f, s:s, s:f, s:s?, s:O}", "model", s->path,
	                      "backend", s->backend->entry->id, "device",
	                      engine_device_name(s->engine), "peak_bytes_per_second",
	                      p->bytes_per_s, "peak_bytes_are", p->bytes_are,
	                      "peak_flops_per_second", p->ops_per_s, "peak_flops_are", p->ops_are,
	                      "rows", b->rows);

	json_dumpf(j, stdout, JSON_INDENT(1));
	putchar('\n');
	json_decref(j);
}

/* What was given wins over what is measured. */
static int settle_peaks(struct bench *b, struct zinc_err *err)
{
	const struct options *o = b->session->o;
	bool bytes = o->peak_bandwidth > 0, flops = o->peak_flops > 0;
	int rc = bytes && flops ? ZINC_OK : bench_peaks(b->session->engine, &b->peaks, err);

	if (bytes) {
		b->peaks.bytes_per_s = (double)o->peak_bandwidth * 1e9;
		b->peaks.bytes_are = "option";
	}
	if (flops) {
		b->peaks.ops_per_s = (double)o->peak_flops * 1e12;
		b->peaks.ops_are = "option";
	}
	if (b->peaks.ops_per_s <= 0)
		b->peaks.ops_are = NULL;
	return rc;
}

static int bench(struct bench *b, const char *model, struct zinc_err *err)
{
	const struct options *o = b->session->o;
	int rc;

	if ((rc = parse_lists(b, err)) || (rc = session_open_model(b->session, model, err)) ||
	    (rc = open_engine(b, err)) || (rc = settle_peaks(b, err)))
		return rc;
	interrupt_install();
	if (o->json)
		b->rows = json_array();
	else
		print_head(b);
	rc = run_cases(b, err);
	if (!rc && b->rows)
		print_json(b);
	return rc;
}

int cmd_bench(const struct options *o, struct terminal *t)
{
	struct session s = {.o = o, .term = t};
	struct bench b = {.session = &s};
	struct zinc_err err;
	int status = STATUS_OK;

	if (o->n_args > 1)
		return usage_error(o, "unexpected '%s'", o->args[1]);
	if (bench(&b, o->n_args ? o->args[0] : NULL, &err))
		status = report(&err);
	else if (interrupt_pending())
		status = STATUS_INTERRUPTED;
	json_decref(b.rows);
	session_close(&s);
	return status;
}
