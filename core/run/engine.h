/* engine.h - running a model on a device: sequences, steps, logits.
 *
 * One engine owns one device, the weights on it, the paged KV cache, the
 * recurrent state slots and the recorded graphs. Sequences are independent; a
 * step serves as many of them as have tokens waiting: every sequence that
 * decodes gives its one token, then prompts fill the rest of the chunk. Not
 * thread-safe: one thread drives an engine. */
#ifndef CORE_RUN_ENGINE_H
#define CORE_RUN_ENGINE_H

#include <stdbool.h>
#include <stdio.h>
#include <zinc/device.h>

struct bench_peaks;
struct engine;
struct ledger;
struct model;
struct plug;
struct seq;

/* Which numerics classes of a backend's variants may be used (types.h). */
enum run_numerics {
	RUN_NUM_FAST = 0,   /* the fastest: every class                       */
	RUN_NUM_STRICT = 1, /* Q8, F16, F32: the same bits however batched    */
	RUN_NUM_F32 = 2     /* F32 only: the reference                        */
};

enum { ENGINE_BEST_MAX = 256 };

/* ZINC_BATCHED_PREFILL. */
enum run_batched { RUN_BATCHED_ON = 0, RUN_BATCHED_OFF = 1, RUN_BATCHED_VALIDATE = 2 };

/* When weights get the backend's own layout, where it has one. */
enum run_pack {
	RUN_PACK_WAIT = 0,       /* before the engine is there                     */
	RUN_PACK_BACKGROUND = 1, /* while it runs; until then on the mapped file. WAIT
	                          * where the device does not share this process's
	                          * memory, where the numerics class would let the
	                          * difference be seen, and in validation          */
	RUN_PACK_OFF = 2         /* never: GGUF order                              */
};

struct engine_config {
	uint32_t n_ctx;       /* positions per sequence; 0: min(trained, 8192) */
	uint32_t max_seqs;    /* 0: 1                                          */
	uint32_t chunk;       /* tokens per prefill step; 0: 512 (2048 on a
	                       * discrete GPU), at most 4096                   */
	uint32_t kv_type;     /* enum zinc_dtype: F32, F16, BF16, Q8_0         */
	uint32_t numerics;    /* enum run_numerics                             */
	uint32_t batched;     /* enum run_batched                              */
	uint32_t device;      /* index of the backend's device                 */
	uint32_t pack;        /* enum run_pack                                 */
	uint32_t pack_threads; /* 0: as many as there are CPUs                 */
	bool profile;         /* time every op (ZINC_PROFILE)                  */
	bool all_logits;      /* engine_seq_on_logits() will be used           */
	bool hidden;          /* engine_seq_on_hidden() will be used; implies
	                       * all_logits                                    */
	uint32_t n_best;      /* largest logits for engine_seq_best(), at most
	                       * ENGINE_BEST_MAX; 0: none. Not with all_logits
	                       * and not in validation                         */
	/* Progress of loading, 0..1; may be NULL. */
	void (*progress)(void *ctx, const char *what, double part);
	void *progress_ctx;
};

/* Defaults, then the environment (ZINC_BATCHED_PREFILL, ZINC_PROFILE); a bad
 * value there is an error that names it. */
int engine_config_init(struct engine_config *c, struct zinc_err *err);

/* The model and backend must outlive the engine. A model that the backend
 * cannot run fails with the list of ops it declined; one that does not fit
 * fails with the ledger's sum. */
int engine_create(const struct engine_config *c, struct model *m, const struct plug *backend,
                  struct engine **out, struct zinc_err *err);
void engine_destroy(struct engine *e); /* NULL ok */

/* Everything engine_create() does up to the first allocation of device memory:
 * the ledger is complete, plans can be printed, nothing can run. */
int engine_plan(const struct engine_config *c, struct model *m, const struct plug *backend,
                struct engine **out, struct zinc_err *err);

/* Returns when packing in the background has ended; nothing else to do: at once. */
void engine_pack_wait(struct engine *e);

const struct ledger *engine_ledger(const struct engine *e);
/* After engine_plan(): the ops of the decode and of the largest prefill recording, per op
 * label, shape, variant, numerics, and why not a better one. */
void engine_print_plan(const struct engine *e, bool json, FILE *out);
/* Time, bytes, FLOPs per op kind and layer kind since the last call (profile), and the
 * share of the roofline that peaks make (NULL: none). */
void engine_print_profile(struct engine *e, const struct bench_peaks *peaks, FILE *out);
const char *engine_device_name(const struct engine *e);
uint32_t engine_n_ctx(const struct engine *e);

/* Row callback: logits of position pos, n_vocab floats, valid during the call. */
typedef void engine_logits_fn(void *ctx, struct seq *s, uint32_t pos, const float *logits);
/* Hidden state callback (config.hidden): layer 0 is the input of block 0. */
typedef void engine_hidden_fn(void *ctx, struct seq *s, uint32_t pos, uint32_t layer,
                              const float *x, uint32_t n_embd);

/* ZINC_E_NO_MEMORY when max_seqs are in use. The sequence starts empty. */
int engine_seq_create(struct engine *e, struct seq **out, struct zinc_err *err);
void engine_seq_destroy(struct engine *e, struct seq *s); /* NULL ok */

/* Queues tokens (a prompt, or the token just chosen). Nothing is queued when
 * they do not fit the context: the message gives both numbers. */
int engine_seq_push(struct engine *e, struct seq *s, const int32_t *ids, uint32_t n,
                    struct zinc_err *err);
/* Logits of every position, not only of the last queued one. Only on an engine
 * made with all_logits (hidden for the second). */
void engine_seq_on_logits(struct seq *s, engine_logits_fn *fn, void *ctx);
void engine_seq_on_hidden(struct seq *s, engine_hidden_fn *fn, void *ctx);
uint32_t engine_seq_pos(const struct seq *s);     /* tokens processed */
uint32_t engine_seq_waiting(const struct seq *s); /* tokens queued    */
/* Nothing waits and the last processed token has logits. */
bool engine_seq_ready(const struct seq *s);
/* The largest logits after the last processed token and whose they are, found by
 * the device: descending, ties by lower id, NaN last. Returns how many: as many as
 * config.n_best, or 0 when the backend has no such op or the sequence is not ready.
 * Valid until the next step. */
uint32_t engine_seq_best(const struct seq *s, const int32_t **ids, const float **logits);
/* All n_vocab logits after the last processed token, copied from the device by the
 * first call; valid until the sequence goes on. ZINC_E_INVALID when the sequence is
 * not ready, or another step ran before the first call. */
int engine_seq_logits(struct seq *s, const float **out, struct zinc_err *err);

/* One step: takes waiting tokens, runs, delivers. n_done: tokens processed (0:
 * nothing waited); may be NULL. */
int engine_step(struct engine *e, uint32_t *n_done, struct zinc_err *err);

#endif
