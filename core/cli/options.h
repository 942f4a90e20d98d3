/* options.h - every option of the zinc command, in one table.
 *
 * The table is all there is: parsing, zinc.ini, --help, manual pages and shell
 * completions are made from it. A value that was set on the command line wins
 * over one from the environment, that over zinc.ini, that over the defaults. */
#ifndef CORE_CLI_OPTIONS_H
#define CORE_CLI_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <zinc/status.h>

enum cmd_id {
	CMD_RUN,
	CMD_CHAT,
	CMD_INFO,
	CMD_PLAN,
	CMD_TOKENIZE,
	CMD_PERPLEXITY,
	CMD_LOGITS,
	CMD_PLUGIN,
	CMD_QUANTIZE,
	CMD_BENCH,
	CMD_COUNT
};

struct str_list {
	char **v;
	size_t n;
};

/* Indices of the choices of --kv-type, in the table's order. */
enum { KV_F16, KV_BF16, KV_F32, KV_Q8_0 };

struct options {
	enum cmd_id command;

	char *config, *model;
	bool help, version, verbose, quiet, json;

	struct str_list plugin_dirs, plugin_options;
	char *backend;
	uint32_t device, threads, ctx, chunk, kv_type, numerics;
	uint32_t pack; /* enum run_pack */
	bool no_pack;

	char *system;
	uint32_t think; /* enum zinc_thinking */
	bool raw, greedy;
	uint32_t max_tokens;
	struct str_list stop, logit_bias, dry_breakers;
	float temp, top_p, min_p, typical;
	float repeat_penalty, presence_penalty, frequency_penalty;
	float dry_multiplier, dry_base;
	uint32_t top_k, repeat_last_n, dry_allowed_length, dry_last_n;
	uint64_t seed;

	bool special, bos;
	char *decode;
	uint32_t stride, chunks;
	char *ids, *out, *hidden;
	char *prefill, *depth, *seqs, *mixed;
	uint32_t steps, reps;
	bool per_token;
	float peak_flops, peak_bandwidth;

	char **args; /* what is no option, in order; point into argv */
	int n_args;

	uint8_t source[96]; /* enum opt_source of each row of the table */
};

enum opt_source { OPT_DEFAULT = 0, OPT_CONFIG, OPT_ENVIRONMENT, OPT_COMMAND_LINE };

enum opt_type {
	OPT_FLAG, /* bool                                      */
	OPT_U32,
	OPT_U64,
	OPT_F32,   /* float                                     */
	OPT_STR,   /* char *                                    */
	OPT_LIST,  /* struct str_list; may be repeated          */
	OPT_CHOICE /* uint32_t: the choice's index              */
};

struct opt_def {
	const char *name; /* "max-tokens" */
	const char *arg;  /* "N"; NULL for a flag; choices: "a|b|c" */
	const char *help;
	const char *group; /* heading in --help */
	size_t at;         /* offset in struct options */
	double min, max;   /* numbers; 0, 0: any */
	enum opt_type type;
	uint32_t commands; /* bits 1 << enum cmd_id */
	char letter;       /* 0: none */
	bool command_line_only;
};

extern const struct opt_def opt_table[];
extern const size_t opt_count;

/* The option of this name that this command has, or NULL. */
const struct opt_def *opt_find(enum cmd_id command, const char *name, size_t n);
/* The same whatever the command. */
const struct opt_def *opt_find_any(const char *name);

void options_init(struct options *o, enum cmd_id command);
void options_finish(struct options *o);

/* Checks and stores one value (NULL for a bare flag). What has a stronger
 * source stays. The message names the option: "--temp: 'x' is not a number". */
int opt_store(struct options *o, const struct opt_def *d, const char *value, enum opt_source source,
	      struct zinc_err *err);
/* Parses what follows the command's name. keep_unknown: unknown options go to
 * args like any other word (for commands that parse their own). */
int options_parse(struct options *o, int argc, char **argv, bool keep_unknown,
		  struct zinc_err *err);

enum opt_source opt_source_of(const struct options *o, const char *name);

#endif
