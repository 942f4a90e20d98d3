/* quantize.h - a model file written again with smaller element types. */
#ifndef CORE_MODEL_QUANTIZE_H
#define CORE_MODEL_QUANTIZE_H

#include <signal.h>
#include <zinc/status.h>

struct gguf_tensor;
struct quant_recipe;

/* A tensor about to be written. */
struct quantize_step {
	uint64_t i, n;
	const struct gguf_tensor *tensor; /* of the source */
	uint32_t dtype;                   /* it gets       */
};

struct quantize_job {
	const char *in, *out;
	const struct quant_recipe *recipe;
	uint32_t n_threads;                /* at least 1 */
	const volatile sig_atomic_t *stop; /* set: give up soon; may be NULL */
	void (*progress)(void *ctx, const struct quantize_step *); /* may be NULL */
	void *ctx;
};

struct quantize_stats {
	uint64_t bytes_in, bytes_out; /* of tensor data */
	uint64_t n_tensors;
	uint64_t n_fallback; /* tensors whose rows do not fit the wanted type */
};

/* Reads job->in (all shards) and writes job->out, which appears, or replaces an
 * older file, only when all went well; it may not be the file that is read.
 * The bytes do not depend on n_threads. Stopped: ZINC_E_TIMEOUT. */
int quantize_file(const struct quantize_job *job, struct quantize_stats *stats,
                  struct zinc_err *err);

#endif
