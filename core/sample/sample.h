/* sample.h - choosing the next token from logits.
 *
 * The chain runs in this order: suppressed ids and logit bias, penalties
 * (repetition, presence, frequency), DRY, top-k, typical, top-p, min-p,
 * temperature, draw. Temperature 0 is greedy: the largest logit after bias and
 * penalties, ties to the lower id. With a seed, equal inputs give equal draws
 * on every machine. */
#ifndef CORE_SAMPLE_SAMPLE_H
#define CORE_SAMPLE_SAMPLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <zinc/status.h>

struct sample_bias {
	int32_t id;
	float bias; /* added to the logit; -INFINITY forbids */
};

struct sample_config {
	float temperature;           /* 0: greedy                                   */
	uint32_t top_k;              /* 0: off                                      */
	float top_p;                 /* 1: off                                      */
	float min_p;                 /* 0: off                                      */
	float typical_p;             /* 1: off                                      */
	uint32_t penalty_last_n;     /* tokens looked back at; 0: penalties off    */
	float repeat_penalty;        /* 1: off                                      */
	float presence_penalty;      /* 0: off                                      */
	float frequency_penalty;     /* 0: off                                     */
	float dry_multiplier;        /* 0: off                                      */
	float dry_base;              /* 1.75                                        */
	uint32_t dry_allowed_length; /* 2                                      */
	uint32_t dry_last_n;         /* 0: the whole context                        */
	uint64_t seed;
	const struct sample_bias *bias; /* copied                              */
	size_t n_bias;
	const int32_t *dry_breakers; /* tokens that end a DRY match; copied    */
	size_t n_dry_breakers;
	const int32_t *suppress; /* never sampled; copied                      */
	size_t n_suppress;
};

/* The n largest logits, descending, ties by lower id, NaN last. */
struct sample_best {
	const int32_t *ids;
	const float *logits;
	size_t n;
};

struct sampler;

enum { SAMPLE_REACH_MAX = 256 };

/* Everything off, temperature 0. */
void sample_config_init(struct sample_config *c);
/* Checks ranges; the message names the option. */
int sample_config_check(const struct sample_config *c, struct zinc_err *err);

/* How many of the largest of n_vocab logits settle the choice whatever the others
 * are: those that top-k (or greedy) keeps, and one more for each token that a bias
 * or a penalty may lower. 0: all are needed, because something may raise a logit,
 * there is no top-k, or it would be more than SAMPLE_REACH_MAX. */
uint32_t sample_reach(const struct sample_config *c, uint32_t n_vocab);

int sampler_create(const struct sample_config *c, uint32_t n_vocab, struct sampler **out,
		   struct zinc_err *err);
void sampler_destroy(struct sampler *s); /* NULL ok */
/* The history that penalties look back at: prompt tokens and chosen ones. */
int sampler_accept(struct sampler *s, int32_t id);
/* Does not change logits; the chosen token is accepted. NaN logits are treated
 * as -inf; if nothing is left, ZINC_E_INVALID. */
int sampler_next(struct sampler *s, const float *logits, int32_t *id, struct zinc_err *err);
/* sample_reach() of this sampler. */
uint32_t sampler_reach(const struct sampler *s);
/* The same choice as sampler_next() from the sampler_reach() largest logits or
 * more; only where that is not 0. */
int sampler_next_best(struct sampler *s, const struct sample_best *best, int32_t *id,
		      struct zinc_err *err);

#endif
