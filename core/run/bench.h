/* bench.h - timing an engine: prefill, decode, decode of several sequences.
 *
 * Times are of whole steps as a greedy caller sees them: tables written, and the
 * best logit of each sequence read back where the device finds it, else all. Every repetition starts from empty sequences, so nothing that a
 * run left behind makes the next one faster; one run before the first is not
 * counted (kernels are loaded and recorded then). */
#ifndef CORE_RUN_BENCH_H
#define CORE_RUN_BENCH_H

#include <stdbool.h>
#include <stdint.h>
#include <zinc/status.h>

struct engine;

enum bench_kind { BENCH_PREFILL, BENCH_DECODE };

/* What to measure. */
struct bench_case {
	uint32_t kind;     /* enum bench_kind                               */
	uint32_t n_tokens; /* PREFILL: of the prompt; DECODE: steps         */
	uint32_t depth;    /* tokens in each sequence's cache before        */
	uint32_t n_seqs;   /* sequences side by side                        */
	uint32_t reps;     /* at most BENCH_MAX_REPS                        */
	bool per_token;    /* PREFILL: one token a step, the reference path */
};

enum { BENCH_MAX_REPS = 101 };

/* Tokens per second over the repetitions, and at the median what the ops must
 * move and compute (graph/cost.h), keys and values of attention included. */
struct bench_result {
	double median, min, max;
	double bytes_per_s, flops_per_s;
};

int bench_run(struct engine *e, const struct bench_case *c, struct bench_result *r,
              struct zinc_err *err);

/* Bytes per second, read plus written, of the device's own copy op between two
 * buffers of `bytes`: the yardstick for bytes_per_s. Needs no model. */
int bench_copy(struct engine *e, uint64_t bytes, double *per_s, struct zinc_err *err);

#endif
