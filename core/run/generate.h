/* generate.h - answers: a prompt in, text, reasoning, tool calls and figures out.
 *
 * Any number of answers may run in one engine, each on a sequence of its own:
 *
 *     answer_begin(...) for each
 *     while (any answer_finished() is false) {
 *             engine_step(engine, ...);
 *             answer_advance() for each
 *     }
 *     answer_end() for each
 *
 * generate_one() is that loop for a single answer. All calls come from the
 * thread that drives the engine. */
#ifndef CORE_RUN_GENERATE_H
#define CORE_RUN_GENERATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <zinc/chat.h>

#include "sample/sample.h"

struct answer;
struct engine;
struct model;
struct seq;
struct tok;
struct tok_ids;

enum answer_event_kind {
	ANSWER_PREFILL = 1, /* done of total prompt tokens were read        */
	ANSWER_TOKEN,       /* a token was chosen (before its text, if any) */
	ANSWER_CONTENT,     /* more of the answer: n bytes of whole UTF-8   */
	ANSWER_REASONING,   /* more of the thought                          */
	ANSWER_TOOL_CALL    /* one complete call                            */
};

/* Valid during the call only. */
struct answer_event {
	enum answer_event_kind kind;
	const char *text; /* CONTENT, REASONING: not terminated */
	size_t n;
	const char *name, *arguments; /* TOOL_CALL; arguments: JSON object */
	int32_t id;                   /* TOKEN   */
	uint32_t done, total;         /* PREFILL */
};

/* Nonzero ends the answer as ANSWER_CANCELLED; no event follows. */
typedef int answer_event_fn(void *ctx, const struct answer_event *);

enum answer_finish {
	ANSWER_RUNNING = 0,
	ANSWER_STOP,       /* the model ended its turn, or a stop string came */
	ANSWER_LENGTH,     /* max_tokens                                      */
	ANSWER_TOOL_CALLS, /* the model ended its turn with tool calls        */
	ANSWER_CONTEXT,    /* the context is full                             */
	ANSWER_CANCELLED
};

struct answer_config {
	const struct model *model;
	struct seq *seq; /* the caller's */
	/* The whole prompt, of which the first n_reused tokens are in the
	 * sequence already; at least one must be new. */
	const int32_t *ids;
	size_t n_ids, n_reused;
	/* Tokens that the tokenizer says must never be sampled are added to
	 * its suppress list. */
	struct sample_config sample;
	/* Stop strings; they end the answer's content, not a thought. */
	const char *const *stop;
	size_t n_stop;
	uint32_t max_tokens; /* 0: as many as the context holds */
	/* The request that the prompt was rendered from, needed during
	 * answer_begin() only. NULL: a raw prompt, all text is content. */
	const struct zinc_chat_request *chat;
	answer_event_fn *fn;
	void *ctx;
};

struct answer_stats {
	uint32_t prompt_tokens; /* all of them                                 */
	uint32_t reused_tokens; /* of these, read for an earlier answer        */
	uint32_t tokens;        /* chosen, without the one that ended the turn */
	double first_token_s;   /* begin to the first token chosen             */
	double decode_s;        /* first to last token                         */
	double prefill_rate;    /* new prompt tokens per second; 0: unknown    */
	double decode_rate;     /* tokens per second after the first; 0: unknown */
};

/* Queues the prompt. A prompt that does not fit is refused with both numbers
 * and nothing is queued. The engine, model and sequence must outlive it. */
int answer_begin(struct engine *e, const struct answer_config *c, struct answer **out,
		 struct zinc_err *err);

/* After each engine_step(): when the sequence has logits, chooses a token,
 * delivers its text and queues it. After an error the answer can only be
 * ended. Of a finished answer nothing is left queued in the sequence, unless it
 * was cancelled before the prompt was read. */
int answer_advance(struct answer *a, struct zinc_err *err);

bool answer_finished(const struct answer *a);
enum answer_finish answer_finish(const struct answer *a);
/* "stop", "length", "tool_calls", "context", "cancelled" */
const char *answer_finish_name(enum answer_finish f);
void answer_get_stats(const struct answer *a, struct answer_stats *out);
/* The tokens chosen so far; what the sequence holds after the prompt is a prefix
 * of them (see engine_seq_pos()). */
const struct tok_ids *answer_tokens(const struct answer *a);
void answer_end(struct answer *a); /* NULL ok; the sequence stays */

/* How many of the largest logits such an answer's tokens are chosen from, for
 * engine_config.n_best; 0: all are needed. */
uint32_t answer_reach(const struct sample_config *c, const struct model *m);

/* Runs one answer until it is finished; *out is to be ended by the caller. */
int generate_one(struct engine *e, const struct answer_config *c, struct answer **out,
		 struct zinc_err *err);

/* DRY breakers by text: appends every token that contains one of the strings. */
int answer_breakers(const struct tok *t, const char *const *strings, size_t n, struct tok_ids *out);

#endif
