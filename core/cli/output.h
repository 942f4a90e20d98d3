/* output.h - where an answer goes: to a terminal, to a pipe, or collected. */
#ifndef CORE_CLI_OUTPUT_H
#define CORE_CLI_OUTPUT_H

#include <jansson.h>
#include <stdbool.h>

#include "run/bench.h"
#include "run/generate.h"

struct engine;
struct terminal;

struct text {
	char *s; /* terminated; NULL while empty */
	size_t n, room;
};

struct output {
	struct terminal *term;
	struct engine *engine;
	bool print;           /* to standard output as it comes */
	bool prefill_profile; /* print the engine's profile once the prompt is read */
	struct bench_peaks peaks; /* what a profile gives shares of; zeros: nothing */
	struct text content, reasoning;
	json_t *tool_calls; /* array in the chat API's shape */
	bool in_reasoning;
	bool no_memory, write_failed;
};

/* false: no memory. */
bool output_init(struct output *out, struct engine *e, struct terminal *t, bool print);
void output_finish(struct output *out);

/* An answer_event_fn; ctx is the struct output. Ends the answer on Ctrl-C and
 * when standard output takes no more. */
int output_event(void *ctx, const struct answer_event *ev);

/* The answer is over: last newline, end of colours. */
void output_end(struct output *out);

/* One line of figures for a person. */
void output_print_stats(struct terminal *t, const struct answer *a);

/* The assistant's message in the chat API's shape; NULL: no memory. */
json_t *output_message(const struct output *out);

#endif
