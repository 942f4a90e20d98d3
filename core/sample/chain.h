/* chain.h - the stages of the sampler chain, each a function of its own.
 *
 * Stages up to DRY work on an array of logits, one per token of the vocabulary.
 * Then the candidates are collected, and every later stage drops some of them.
 * All candidates have finite logits, so no stage meets an infinity or a NaN.
 * Probabilities are those among the candidates still there. */
#ifndef CORE_SAMPLE_CHAIN_H
#define CORE_SAMPLE_CHAIN_H

#include <stddef.h>
#include <stdint.h>

struct sample_config;

struct cand {
	float logit;
	float key; /* what the running stage orders by; larger is better */
	int32_t id;
};

struct cands {
	struct cand *c; /* in no particular order */
	size_t n;
};

/* Tokens that a penalty looks back at, oldest first. */
struct window {
	const int32_t *id;
	size_t n;
};

/* e^x in double precision, the same bits on every machine (libm does not
 * promise that); 0 below -700, and x above 0 is taken as 0. */
double sample_exp(double x);

/* Both take `mark`, n_vocab zeros, and leave it zeroed. */

/* Repetition penalty (Keskar et al., "CTRL", 2019): a positive logit is divided
 * by it, a negative one multiplied. Presence and frequency penalties: once per
 * distinct token, and times the count of each. */
void penalties_apply(const struct sample_config *c, struct window w, float *logits, uint32_t *mark);

/* DRY ("don't repeat yourself"): where the last L tokens occurred before,
 * L >= allowed_length, the token that followed them there is lowered by
 * multiplier * base^(L - allowed_length), L the longest such match. A match
 * never reaches across a breaker, and breakers themselves are never lowered.
 * z is room for w.n numbers; breakers are sorted. */
void dry_apply(const struct sample_config *c, struct window w, float *logits, uint32_t *mark,
	       uint32_t *z);

/* The largest of n numbers that is no NaN; -inf if there is none. */
float logits_max(const float *x, size_t n);

/* Tokens with a logit above -inf (NaN counts as -inf), the top_k largest of
 * them, best first, when top_k > 0, else in order of ids; ties to the lower id. When
 * some logits are +inf, those tokens alone are candidates, equally likely. out->c
 * has room for n. */
void cands_collect(struct cands *out, const float *logits, size_t n, uint32_t top_k);
/* The same for top_k > 0 of these n tokens alone; logits is indexed by id. */
void cands_collect_of(struct cands *out, const int32_t *ids, size_t n, const float *logits,
		      uint32_t top_k);

/* Puts the k largest by key in front, best first, ties to the lower id. Stops
 * early when enough(ctx, candidate) says so; returns how many are in front. */
typedef int cands_enough_fn(void *ctx, const struct cand *c);
size_t cands_best_first(struct cands *s, size_t k, cands_enough_fn *enough, void *ctx);

/* Locally typical sampling (Meister et al., 2022): the tokens whose surprise is
 * nearest to the entropy, until their probabilities sum to p. */
void cands_typical(struct cands *s, float p);
/* Nucleus sampling (Holtzman et al., 2019): the likeliest tokens, until their
 * probabilities sum to p. */
void cands_top_p(struct cands *s, float p);
/* Tokens at least p times as likely as the likeliest (Nguyen et al., 2024). */
void cands_min_p(struct cands *s, float p);

/* The candidate at position u, 0 <= u < 1, of the cumulative distribution at
 * this temperature. */
int32_t cands_draw(const struct cands *s, float temperature, double u);

#endif
