/* split.c - the pre-tokenizer: patterns that cut a text into the pieces inside
 * which BPE merges. */
#include "token/tok_impl.h"

#include <inttypes.h>
#include <pcre2.h>
#include <stdlib.h>

#include "token/utf8.h"
#include "util/err.h"
#include "util/log.h"

struct tok_split {
	pcre2_code *code[ZINC_TOK_MAX_PATTERNS];
	uint32_t n;
};

enum { STACK_START = 64 * 1024, STACK_MAX = 16 * 1024 * 1024 };

static int compile(struct tok_split *s, const char *pattern, struct zinc_err *err)
{
	PCRE2_UCHAR what[120];
	PCRE2_SIZE at;
	int code;
	pcre2_code *re =
		pcre2_compile((PCRE2_SPTR)pattern, PCRE2_ZERO_TERMINATED,
			      PCRE2_UTF | PCRE2_UCP | PCRE2_NEVER_BACKSLASH_C, &code, &at, NULL);

	if (!re) {
		pcre2_get_error_message(code, what, sizeof(what));
		return err_set(err, ZINC_E_INVALID,
			       "the tokenizer's pattern number %" PRIu32
			       " is wrong at character %zu: %s",
			       s->n, (size_t)at, (const char *)what);
	}
	s->code[s->n++] = re;
	if (pcre2_jit_compile(re, PCRE2_JIT_COMPLETE))
		log_once(ZINC_LOG_INFO, "PCRE2 has no JIT here: tokenizing will be slower");
	return ZINC_OK;
}

int tok_split_create(const struct zinc_tok_spec *spec, struct tok_split **out, struct zinc_err *err)
{
	struct tok_split *s = calloc(1, sizeof(*s));
	int rc = s ? ZINC_OK : tok_no_memory(err);

	for (uint32_t i = 0; i < spec->n_patterns && !rc; i++)
		rc = compile(s, spec->patterns[i], err);
	if (rc) {
		tok_split_destroy(s);
		return rc;
	}
	*out = s;
	return ZINC_OK;
}

void tok_split_destroy(struct tok_split *s)
{
	if (!s)
		return;
	for (uint32_t i = 0; i < s->n; i++)
		pcre2_code_free(s->code[i]);
	free(s);
}

void tok_split_work_finish(struct tok_work *w)
{
	pcre2_match_data_free(w->match);
	pcre2_match_context_free(w->context);
	pcre2_jit_stack_free(w->stack);
}

/* A text that backtracks deeply needs more than the 32 KiB of machine stack
 * that compiled patterns use by themselves. */
static bool grow_stack(struct tok_work *w)
{
	if (w->stack)
		return false;
	w->stack = pcre2_jit_stack_create(STACK_START, STACK_MAX, NULL);
	if (w->stack)
		pcre2_jit_stack_assign(w->context, NULL, w->stack);
	return w->stack != NULL;
}

static int match(const pcre2_code *re, struct tok_work *w, const char *text, size_t n, size_t from)
{
	/* Callers pass valid UTF-8 and start at character boundaries. */
	const uint32_t options = PCRE2_NO_UTF_CHECK | PCRE2_NOTEMPTY;
	int rc = pcre2_match(re, (PCRE2_SPTR)text, n, from, options, w->match, w->context);

	if (rc == PCRE2_ERROR_JIT_STACKLIMIT && grow_stack(w))
		rc = pcre2_match(re, (PCRE2_SPTR)text, n, from, options, w->match, w->context);
	return rc;
}

struct level {
	const struct tok *t;
	struct tok_work *w;
	tok_piece_fn *fn;
};

static int match_failed(struct tok_work *w, uint32_t pattern, int code)
{
	PCRE2_UCHAR what[120];

	pcre2_get_error_message(code, what, sizeof(what));
	return err_set(w->err, ZINC_E_INTERNAL,
		       "the tokenizer's pattern number %" PRIu32 " failed: %s", pattern,
		       (const char *)what);
}

/* Cuts text by pattern i and hands the pieces to pattern i + 1; behind the last
 * pattern, to the caller. */
static int run(const struct level *l, uint32_t i, const char *text, size_t n)
{
	const struct tok_split *s = l->t->split;
	size_t at = 0;
	int rc = ZINC_OK;

	if (i == s->n)
		return l->fn(l->t, l->w, text, n);
	while (at < n && !rc) {
		int found = match(s->code[i], l->w, text, n, at);
		const PCRE2_SIZE *o = pcre2_get_ovector_pointer(l->w->match);
		size_t start = o[0], end = o[1];

		if (found < 0 && found != PCRE2_ERROR_NOMATCH)
			return match_failed(l->w, i, found);
		/* \K could put the start anywhere; such a match cuts nothing. */
		if (found < 0 || start < at || end <= start)
			start = end = n;
		if (start > at)
			rc = run(l, i + 1, text + at, start - at);
		if (!rc && end > start)
			rc = run(l, i + 1, text + start, end - start);
		at = end;
	}
	return rc;
}

int tok_split_run(const struct tok *t, struct tok_work *w, const char *text, size_t n,
		  tok_piece_fn *fn)
{
	struct level l = {t, w, fn};

	if (!w->match) {
		w->match = pcre2_match_data_create(1, NULL);
		w->context = pcre2_match_context_create(NULL);
		if (!w->match || !w->context)
			return tok_no_memory(w->err);
	}
	return run(&l, 0, text, n);
}
