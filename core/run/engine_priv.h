/* engine_priv.h - what the files of the engine share. */
#ifndef CORE_RUN_ENGINE_PRIV_H
#define CORE_RUN_ENGINE_PRIV_H

#include "graph/cost.h"
#include "graph/graph.h"
#include "model/model.h"
#include "plugin/plug.h"
#include "run/batch.h"
#include "run/engine.h"
#include "run/kv.h"
#include "run/ledger.h"
#include "run/memory.h"
#include "run/pack.h"
#include "run/profile.h"
#include "run/weights.h"

/* Recordings are made for 1, 2, 4, ... tokens. */
enum { ENGINE_BUCKETS = 13, ENGINE_CHUNK_MAX = 1 << (ENGINE_BUCKETS - 1) };

struct recording {
	struct zinc_graph *graph; /* lowered and placed; NULL: made when needed */
	struct zinc_cmd *cmd;
};

struct seq {
	struct engine *engine;
	uint32_t index;   /* row of block tables, slot of recurrent state */
	uint32_t pos;     /* tokens processed                             */
	int32_t *waiting; /* ring-free queue: n_ctx ids                   */
	uint32_t head, n_waiting;
	/* Of the last processed token: where its logits lie, until the next step. */
	const struct zinc_graph *result;
	uint32_t result_row;
	uint64_t result_step;
	float *logits;    /* n_vocab, once read                           */
	bool has_logits, logits_read;
	float *hidden;    /* validate: last token's residual, per layer   */
	engine_logits_fn *on_logits;
	void *logits_ctx;
	engine_hidden_fn *on_hidden;
	void *hidden_ctx;
	struct seq *shadow; /* validate: the same tokens one at a time    */
};

/* Part of a step: n tokens of one sequence. */
struct step_item {
	struct seq *seq;
	uint32_t n, n_out;
	uint32_t first_out; /* row of this item's first logits */
	uint32_t first_tok;
};

struct engine {
	struct engine_config cfg;
	struct model *model;
	const struct plug *plug;
	const struct zinc_backend *backend;
	struct zinc_dev *dev;
	struct zinc_dev_info info;
	struct ledger ledger;
	struct memory mem;
	struct weights weights;
	struct pack pack;
	bool packing;    /* in the background: weights.n_shown follows it     */
	bool pack_whole; /* what is packed is read when all is, not before    */
	double pack_pause; /* seconds before the next step                   */
	struct kv kv;
	struct batch batch;
	struct graph_env env;
	struct graph_target target;

	uint32_t n_slots;   /* sequences, shadows included           */
	uint32_t n_buckets; /* bucket i holds up to 1 << i tokens    */
	uint32_t max_out;
	struct recording rec[ENGINE_BUCKETS];
	uint64_t temp_bytes, scratch_bytes;
	struct memory_block temps, scratch;
	struct zinc_cmd *clear_cmd; /* zeroes one slot of every recurrent state */
	struct zinc_timeline *timeline;
	uint64_t timeline_value;

	struct seq **seqs; /* [n_slots], NULL: free */
	struct step_item *items;
	uint32_t n_items;
	uint32_t next_seq; /* where the next step starts looking, for fairness */
	float *row;        /* n_embd, for callbacks */
	int32_t *best;     /* [max_out, 2 * n_best] of the last step, as graph_best() says */
	uint64_t n_steps;
	struct profile profile;
};

/* recording.c */
uint32_t engine_bucket(uint32_t n_tokens);
/* Builds every bucket's graph to learn the memory they need; _size() more often than
 * once, for weights in other layouts, before _plan(). */
int recording_size(struct engine *e, struct zinc_err *err);
int recording_plan(struct engine *e, struct zinc_err *err);
/* Graphs and command lists are made anew when they are needed: weights have moved. */
void recording_forget(struct engine *e);
/* Bits of numerics classes. */
#define RUN_FREE_CLASSES                                                                           \
	(1u << ZINC_NUM_FREE | 1u << ZINC_NUM_FREE16 | 1u << ZINC_NUM_FREE8)
#define RUN_16BIT_CLASSES (1u << ZINC_NUM_F16 | 1u << ZINC_NUM_FREE16)
#define RUN_8BIT_CLASSES (1u << ZINC_NUM_Q8 | 1u << ZINC_NUM_FREE8)
/* Does any op of any bucket have a variant of one of these classes? Of graphs that were
 * not forgotten. */
bool recording_uses(const struct engine *e, uint32_t classes);
int recording_get(struct engine *e, uint32_t bucket, struct recording **out, struct zinc_err *err);
int recording_clear_list(struct engine *e, struct zinc_err *err);
void recording_finish(struct engine *e);
/* Runs a list; in two halves, between which the host may do something else. */
int engine_submit(struct engine *e, struct zinc_cmd *cmd, const uint32_t *params,
                  struct zinc_err *err);
int engine_start(struct engine *e, struct zinc_cmd *cmd, const uint32_t *params,
                 struct zinc_err *err);
int engine_finish(struct engine *e, struct zinc_err *err);

/* engine_pack.c */
/* Before recording_plan(): whether background packing can be, and what it needs. */
void engine_pack_plan(struct engine *e);
/* Packs, or begins to. */
int engine_pack_start(struct engine *e, struct zinc_err *err);
/* Before a step: goes over to what has been packed. */
void engine_pack_step(struct engine *e);
/* After a step that took so long. */
void engine_pack_stepped(struct engine *e, double seconds);
/* Back to the mapped file until all is packed; false: no weight or every weight is read
 * packed, which was planned for. */
bool engine_pack_retreat(struct engine *e);

/* seq.c */
int seq_create(struct engine *e, bool shadow, struct seq **out, struct zinc_err *err);

/* step.c: runs e->items and delivers. */
int step_run(struct engine *e, struct zinc_err *err);
/* step_cost.c: what an op of the step that has just run must move and compute. */
struct graph_cost step_cost(const struct engine *e, const struct graph_op *o);

/* results.c: after the run of e->items; the sequences move on. */
int results_deliver(struct engine *e, const struct zinc_graph *g, struct zinc_err *err);
/* Ready, and by the last step: its results are still on the device. */
bool results_fresh(const struct seq *s);

/* validate.c: after a batched step over e->items. */
int validate_step(struct engine *e, struct zinc_err *err);

#endif
