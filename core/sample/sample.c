/* sample.c - the sampler: its configuration, its history and the chain. */
#include "sample/sample.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "sample/chain.h"
#include "sample/rng.h"
#include "util/err.h"

struct sampler {
	struct sample_config config; /* its lists are the three below */
	struct sample_bias *bias;
	int32_t *breakers; /* sorted */
	int32_t *suppress;
	uint32_t n_vocab;
	uint32_t reach;
	struct rng rng;

	int32_t *history;
	size_t n_history, history_room;

	/* Working memory, one per token of the vocabulary. */
	float *logits;
	uint32_t *mark;
	struct cand *cand;
	uint32_t *match; /* DRY: one per token of the history */
	size_t match_room;
};

void sample_config_init(struct sample_config *c)
{
	*c = (struct sample_config){
		.top_p = 1.0f,
		.typical_p = 1.0f,
		.repeat_penalty = 1.0f,
		.dry_base = 1.75f,
		.dry_allowed_length = 2,
	};
}

static int out_of_range(struct zinc_err *err, const char *name, double value, const char *range)
{
	return err_set(err, ZINC_E_INVALID, "%s %g is out of range: it must be %s", name, value,
		       range);
}

/* NaN fails every comparison, so the tests are written to demand what is right. */
int sample_config_check(const struct sample_config *c, struct zinc_err *err)
{
	if (!(c->temperature >= 0.0f && isfinite(c->temperature)))
		return out_of_range(err, "temperature", c->temperature, "0 or more");
	if (!(c->top_p > 0.0f && c->top_p <= 1.0f))
		return out_of_range(err, "top-p", c->top_p, "above 0 and at most 1");
	if (!(c->min_p >= 0.0f && c->min_p <= 1.0f))
		return out_of_range(err, "min-p", c->min_p, "between 0 and 1");
	if (!(c->typical_p > 0.0f && c->typical_p <= 1.0f))
		return out_of_range(err, "typical", c->typical_p, "above 0 and at most 1");
	if (!(c->repeat_penalty > 0.0f && isfinite(c->repeat_penalty)))
		return out_of_range(err, "repeat penalty", c->repeat_penalty, "above 0");
	if (!isfinite(c->presence_penalty))
		return out_of_range(err, "presence penalty", c->presence_penalty, "finite");
	if (!isfinite(c->frequency_penalty))
		return out_of_range(err, "frequency penalty", c->frequency_penalty, "finite");
	if (!(c->dry_multiplier >= 0.0f && isfinite(c->dry_multiplier)))
		return out_of_range(err, "DRY multiplier", c->dry_multiplier, "0 or more");
	if (!(c->dry_base >= 1.0f && isfinite(c->dry_base)))
		return out_of_range(err, "DRY base", c->dry_base, "1 or more");
	if (c->dry_allowed_length < 1)
		return out_of_range(err, "DRY allowed length", 0.0, "1 or more");
	for (size_t i = 0; i < c->n_bias; i++)
		if (!(c->bias[i].bias < INFINITY))
			return err_set(err, ZINC_E_INVALID,
				       "logit bias of token %d is %g: it must be a number, or "
				       "-inf to forbid the token",
				       c->bias[i].id, (double)c->bias[i].bias);
	return ZINC_OK;
}

static int compare_ids(const void *a, const void *b)
{
	int32_t x = *(const int32_t *)a, y = *(const int32_t *)b;

	return (x > y) - (x < y);
}

/* A copy of n elements; NULL only without memory. */
static void *copy_of(const void *from, size_t n, size_t size)
{
	void *p = calloc(n ? n : 1, size);

	if (p && n)
		memcpy(p, from, n * size);
	return p;
}

static int check_ids(const struct sample_config *c, uint32_t n_vocab, struct zinc_err *err)
{
	for (size_t i = 0; i < c->n_bias; i++)
		if (c->bias[i].id < 0 || (uint32_t)c->bias[i].id >= n_vocab)
			return err_set(
				err, ZINC_E_INVALID,
				"logit bias names token %d, but the vocabulary has %u tokens",
				c->bias[i].id, n_vocab);
	for (size_t i = 0; i < c->n_suppress; i++)
		if (c->suppress[i] < 0 || (uint32_t)c->suppress[i] >= n_vocab)
			return err_set(err, ZINC_E_INVALID,
				       "token %d is to be suppressed, but the vocabulary has %u "
				       "tokens",
				       c->suppress[i], n_vocab);
	return ZINC_OK;
}

int sampler_create(const struct sample_config *c, uint32_t n_vocab, struct sampler **out,
		   struct zinc_err *err)
{
	struct sampler *s;
	int rc;

	*out = NULL;
	if (n_vocab == 0)
		return err_set(err, ZINC_E_INVALID, "a sampler needs a vocabulary of at least one");
	if ((rc = sample_config_check(c, err)) || (rc = check_ids(c, n_vocab, err)))
		return rc;
	s = calloc(1, sizeof(*s));
	if (!s)
		return err_set(err, ZINC_E_NO_MEMORY, "no memory for a sampler");
	s->config = *c;
	s->n_vocab = n_vocab;
	s->config.bias = s->bias = copy_of(c->bias, c->n_bias, sizeof(*s->bias));
	s->config.dry_breakers = s->breakers =
		copy_of(c->dry_breakers, c->n_dry_breakers, sizeof(*s->breakers));
	s->config.suppress = s->suppress =
		copy_of(c->suppress, c->n_suppress, sizeof(*s->suppress));
	s->logits = calloc(n_vocab, sizeof(*s->logits));
	s->mark = calloc(n_vocab, sizeof(*s->mark));
	s->cand = calloc(n_vocab, sizeof(*s->cand));
	if (!s->bias || !s->breakers || !s->suppress || !s->logits || !s->mark || !s->cand) {
		sampler_destroy(s);
		return err_set(err, ZINC_E_NO_MEMORY, "no memory for a sampler over %u tokens",
			       n_vocab);
	}
	s->reach = sample_reach(c, n_vocab);
	qsort(s->breakers, c->n_dry_breakers, sizeof(*s->breakers), compare_ids);
	rng_seed(&s->rng, c->seed);
	*out = s;
	return ZINC_OK;
}

void sampler_destroy(struct sampler *s)
{
	if (!s)
		return;
	free(s->bias);
	free(s->breakers);
	free(s->suppress);
	free(s->history);
	free(s->logits);
	free(s->mark);
	free(s->cand);
	free(s->match);
	free(s);
}

int sampler_accept(struct sampler *s, int32_t id)
{
	if (id < 0 || (uint32_t)id >= s->n_vocab)
		return ZINC_E_INVALID;
	if (s->n_history == s->history_room) {
		size_t room = s->history_room ? s->history_room * 2 : 256;
		int32_t *more = realloc(s->history, room * sizeof(*more));

		if (!more)
			return ZINC_E_NO_MEMORY;
		s->history = more;
		s->history_room = room;
	}
	s->history[s->n_history++] = id;
	return ZINC_OK;
}

static struct window last_tokens(const struct sampler *s, size_t n)
{
	if (n > s->n_history)
		n = s->n_history;
	return (struct window){n ? s->history + s->n_history - n : NULL, n};
}

static bool penalties_on(const struct sample_config *c)
{
	return c->penalty_last_n && (c->repeat_penalty != 1.0f || c->presence_penalty != 0.0f ||
				     c->frequency_penalty != 0.0f);
}

static int apply_dry(struct sampler *s)
{
	struct window w = last_tokens(s, s->config.dry_last_n ? s->config.dry_last_n : SIZE_MAX);

	if (w.n > s->match_room) {
		uint32_t *more = realloc(s->match, s->history_room * sizeof(*more));

		if (!more)
			return ZINC_E_NO_MEMORY;
		s->match = more;
		s->match_room = s->history_room;
	}
	if (w.n)
		dry_apply(&s->config, w, s->logits, s->mark, s->match);
	return ZINC_OK;
}

/* Bias, suppression, penalties and DRY on s->logits. */
static int adjust(struct sampler *s)
{
	const struct sample_config *c = &s->config;
	int rc = ZINC_OK;

	for (size_t i = 0; i < c->n_bias; i++) {
		float *l = &s->logits[c->bias[i].id];

		/* Not by adding: the logit may be +inf. */
		*l = c->bias[i].bias == -INFINITY ? -INFINITY : *l + c->bias[i].bias;
	}
	for (size_t i = 0; i < c->n_suppress; i++)
		s->logits[c->suppress[i]] = -INFINITY;
	if (penalties_on(c))
		penalties_apply(c, last_tokens(s, c->penalty_last_n), s->logits, s->mark);
	if (c->dry_multiplier > 0.0f)
		rc = apply_dry(s);
	return rc;
}

static bool adjusts(const struct sample_config *c)
{
	return c->n_bias || c->n_suppress || penalties_on(c) || c->dry_multiplier != 0.0f;
}

/* -1 when no candidate is left. */
static int32_t draw(struct sampler *s, struct cands set)
{
	const struct sample_config *c = &s->config;

	if (set.n == 0)
		return -1;
	if (c->temperature == 0.0f)
		return set.c[0].id;
	if (c->typical_p < 1.0f)
		cands_typical(&set, c->typical_p);
	if (c->top_p < 1.0f)
		cands_top_p(&set, c->top_p);
	if (c->min_p > 0.0f)
		cands_min_p(&set, c->min_p);
	return cands_draw(&set, c->temperature, rng_uniform(&s->rng));
}

static int choose(struct sampler *s, struct cands set, int32_t *id, struct zinc_err *err)
{
	int rc;

	*id = draw(s, set);
	if (*id < 0)
		return err_set(err, ZINC_E_INVALID,
			       "no token can be chosen: every logit is NaN, -inf or forbidden by a "
			       "bias");
	rc = sampler_accept(s, *id);
	return rc ? err_set(err, rc, "no memory for the history of %zu tokens", s->n_history) : rc;
}

static int no_memory_for_dry(const struct sampler *s, int rc, struct zinc_err *err)
{
	return err_set(err, rc, "no memory for the DRY penalty over %zu tokens", s->n_history);
}

/* Greedy keeps the best one. */
static uint32_t kept(const struct sample_config *c)
{
	return c->temperature == 0.0f ? 1 : c->top_k;
}

int sampler_next(struct sampler *s, const float *logits, int32_t *id, struct zinc_err *err)
{
	struct cands set = {.c = s->cand};

	if (adjusts(&s->config)) {
		int rc;

		memcpy(s->logits, logits, s->n_vocab * sizeof(*logits));
		rc = adjust(s);
		if (rc)
			return no_memory_for_dry(s, rc, err);
		logits = s->logits;
	}
	cands_collect(&set, logits, s->n_vocab, kept(&s->config));
	return choose(s, set, id, err);
}

int sampler_next_best(struct sampler *s, const struct sample_best *best, int32_t *id,
		      struct zinc_err *err)
{
	struct cands set = {.c = s->cand};
	int rc;

	/* What adjusting does to the rest, which is old, is never looked at. */
	for (size_t i = 0; i < best->n; i++)
		s->logits[best->ids[i]] = best->logits[i];
	rc = adjust(s);
	if (rc)
		return no_memory_for_dry(s, rc, err);
	cands_collect_of(&set, best->ids, best->n, s->logits, kept(&s->config));
	return choose(s, set, id, err);
}

uint32_t sampler_reach(const struct sampler *s)
{
	return s->reach;
}

uint32_t sample_reach(const struct sample_config *c, uint32_t n_vocab)
{
	uint64_t reach = kept(c), lowered = (uint64_t)c->n_bias + c->n_suppress;

	if (!reach || c->dry_multiplier != 0.0f)
		return 0;
	for (size_t i = 0; i < c->n_bias; i++)
		if (c->bias[i].bias > 0.0f)
			return 0;
	if (penalties_on(c)) {
		if (c->repeat_penalty < 1.0f || c->presence_penalty < 0.0f ||
		    c->frequency_penalty < 0.0f)
			return 0;
		lowered += c->penalty_last_n;
	}
	reach += lowered;
	if (reach > n_vocab)
		reach = n_vocab;
	return reach <= SAMPLE_REACH_MAX ? (uint32_t)reach : 0;
}
