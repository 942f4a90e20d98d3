/* bench.h - timing an engine: prefill, decode of one or several sequences, and both
 * at once.
 *
 * Times are of whole steps as a greedy caller sees them: tables written, and the
 * best logit of each sequence read back where the device finds it, else all. Every
 * repetition starts from empty sequences, so nothing that a run left behind makes the
 * next one faster; one run before the first is not counted (kernels are loaded and
 * recorded then). */
#ifndef CORE_RUN_BENCH_H
#define CORE_RUN_BENCH_H

#include <stdbool.h>
#include <stdint.h>
#include <zinc/status.h>

struct engine;

enum bench_kind {
	BENCH_PREFILL,
	BENCH_DECODE,
	BENCH_MIXED /* the first sequence reads a prompt, in each step the others decode */
};

/* What to measure. */
struct bench_case {
	uint32_t kind;     /* enum bench_kind                               */
	uint32_t n_tokens; /* PREFILL, MIXED: of the prompt; DECODE: steps  */
	uint32_t depth;    /* tokens in each sequence's cache before; MIXED:
	                    * of those that decode                          */
	uint32_t n_seqs;   /* sequences side by side; MIXED: at least 2     */
	uint32_t reps;     /* at most BENCH_MAX_REPS                        */
	bool per_token;    /* PREFILL: one token a step, the reference path */
};

enum { BENCH_MAX_REPS = 101 };

/* Tokens per second, of all sequences, over the repetitions, and at the median what the
 * ops must move and compute (graph/cost.h), keys and values of attention included. */
struct bench_result {
	double median, min, max;
	double bytes_per_s, flops_per_s;
};

int bench_run(struct engine *e, const struct bench_case *c, struct bench_result *r,
              struct zinc_err *err);

/* What the device reaches at most. bytes_are "read": a plain read of the weights;
 * "copy": read plus written by its own copy op. ops_are "int8": products of bytes and
 * their additions in registers; NULL: not known. */
struct bench_peaks {
	double bytes_per_s, ops_per_s;
	const char *bytes_are, *ops_are;
};

/* As the backend measures itself; one that does not copies 256 MiB instead. */
int bench_peaks(struct engine *e, struct bench_peaks *out, struct zinc_err *err);

#endif
