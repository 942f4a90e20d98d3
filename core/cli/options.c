/* options.c - the option table and the defaults. */
#include "cli/options.h"

#include <stdlib.h>
#include <string.h>

#include "run/engine.h"

#define BIT(c) (1u << CMD_##c)

enum {
	GENERATE = BIT(RUN) | BIT(CHAT),
	ENGINE = GENERATE | BIT(PLAN) | BIT(PERPLEXITY) | BIT(LOGITS) | BIT(BENCH),
	MODEL = ENGINE | BIT(INFO) | BIT(TOKENIZE),
	ANY = MODEL | BIT(PLUGIN)
};

#define AT(field) .at = offsetof(struct options, field)
#define GROUP_GENERAL "General options"
#define GROUP_ENGINE "Running the model"
#define GROUP_PROMPT "Prompt and answer"
#define GROUP_SAMPLE "Choosing tokens"
#define GROUP_OTHER "Options of this command"

const struct opt_def opt_table[] = {
	{"special", NULL,
	 "read special tokens written out in TEXT as tokens; show them in --decode", GROUP_OTHER,
	 AT(special), .type = OPT_FLAG, .commands = BIT(TOKENIZE)},
	{"bos", NULL, "add the tokens that the model wants around a prompt", GROUP_OTHER, AT(bos),
	 .type = OPT_FLAG, .commands = BIT(TOKENIZE)},
	{"decode", "IDS", "the other way: text of these ids (\"1,2,3\")", GROUP_OTHER, AT(decode),
	 .type = OPT_STR, .commands = BIT(TOKENIZE), .command_line_only = true},
	{"stride", "N",
	 "score the last N tokens of overlapping windows instead of the second half of each",
	 GROUP_OTHER, AT(stride), .type = OPT_U32, .commands = BIT(PERPLEXITY)},
	{"chunks", "N", "stop after N windows (0: all)", GROUP_OTHER, AT(chunks), .type = OPT_U32,
	 .commands = BIT(PERPLEXITY)},
	{"ids", "LIST", "the tokens, \"1,2,3\", or @FILE with them", GROUP_OTHER, AT(ids),
	 .type = OPT_STR, .commands = BIT(LOGITS), .command_line_only = true},
	{"out", "FILE", "where logits go: float32, little endian, [tokens, vocabulary]",
	 GROUP_OTHER, AT(out), .type = OPT_STR, .commands = BIT(LOGITS), .command_line_only = true},
	{"prefill", "LIST", "prompt lengths to read (default 512)", GROUP_OTHER, AT(prefill),
	 .type = OPT_STR, .commands = BIT(BENCH), .command_line_only = true},
	{"per-token", NULL, "time each prompt also one token a step, the reference path",
	 GROUP_OTHER, AT(per_token), .type = OPT_FLAG, .commands = BIT(BENCH),
	 .command_line_only = true},
	{"steps", "N", "tokens to decode (default 64; 0: no decoding)", GROUP_OTHER, AT(steps),
	 .type = OPT_U32, .commands = BIT(BENCH), .command_line_only = true},
	{"depth", "LIST", "tokens in the cache before decoding (default 0)", GROUP_OTHER, AT(depth),
	 .type = OPT_STR, .commands = BIT(BENCH), .command_line_only = true},
	{"seqs", "LIST", "prompts read, and sequences that decode, side by side (default 1)",
	 GROUP_OTHER, AT(seqs), .type = OPT_STR, .commands = BIT(BENCH), .command_line_only = true},
	{"mixed", "LIST", "sequences that decode while each prompt is read (default 4; 0: none)",
	 GROUP_OTHER, AT(mixed), .type = OPT_STR, .commands = BIT(BENCH),
	 .command_line_only = true},
	{"reps", "N", "repetitions of which the median counts (default 5)", GROUP_OTHER, AT(reps),
	 .min = 1, .max = 101, .type = OPT_U32, .commands = BIT(BENCH), .command_line_only = true},
	{"peak-bandwidth", "GB/s", "print shares of this (default: what a plain read of the "
	 "weights reaches, or, where the backend cannot tell, its copy)",
	 GROUP_OTHER, AT(peak_bandwidth), .max = 1e6, .type = OPT_F32, .commands = BIT(BENCH)},
	{"peak-flops", "TFLOP/s",
	 "print shares of this (default: what the backend measures, if it does)", GROUP_OTHER,
	 AT(peak_flops), .max = 1e6, .type = OPT_F32, .commands = BIT(BENCH)},
	{"hidden", "FILE", "also the residual stream: [layers + 1, tokens, embedding]", GROUP_OTHER,
	 AT(hidden), .type = OPT_STR, .commands = BIT(LOGITS), .command_line_only = true},

	{"system", "TEXT", "system message", GROUP_PROMPT, AT(system), .type = OPT_STR,
	 .commands = GENERATE},
	{"think", "auto|off|on", "let the model think first (auto: as its chat template does)",
	 GROUP_PROMPT, AT(think), .type = OPT_CHOICE, .commands = GENERATE},
	{"raw", NULL, "no chat template: the model continues the text", GROUP_PROMPT, AT(raw),
	 .type = OPT_FLAG, .commands = BIT(RUN)},
	{"max-tokens", "N", "length of an answer at most (0: what the context holds)", GROUP_PROMPT,
	 AT(max_tokens), .type = OPT_U32, .commands = GENERATE, .letter = 'n'},
	{"stop", "STR", "end the answer before STR (may be repeated)", GROUP_PROMPT, AT(stop),
	 .type = OPT_LIST, .commands = GENERATE},

	{"greedy", NULL, "always the likeliest token: the same as --temp 0", GROUP_SAMPLE,
	 AT(greedy), .type = OPT_FLAG, .commands = GENERATE},
	{"temp", "T", "temperature (0: greedy; default: the model file's, else 0.8)", GROUP_SAMPLE,
	 AT(temp), .max = 1000, .type = OPT_F32, .commands = GENERATE},
	{"top-k", "N", "the N likeliest tokens (0: off; default: the file's, else 40)",
	 GROUP_SAMPLE, AT(top_k), .type = OPT_U32, .commands = GENERATE},
	{"top-p", "P",
	 "the likeliest tokens up to probability P (1: off; default: the file's, else 0.95)",
	 GROUP_SAMPLE, AT(top_p), .max = 1, .type = OPT_F32, .commands = GENERATE},
	{"min-p", "P",
	 "tokens at least P times as likely as the likeliest (0: off; default: the file's, "
	 "else 0.05)",
	 GROUP_SAMPLE, AT(min_p), .max = 1, .type = OPT_F32, .commands = GENERATE},
	{"typical", "P", "locally typical sampling (1: off)", GROUP_SAMPLE, AT(typical), .max = 1,
	 .type = OPT_F32, .commands = GENERATE},
	{"repeat-penalty", "R",
	 "divide logits of tokens that came before by R (1: off; default: the file's, else off)",
	 GROUP_SAMPLE, AT(repeat_penalty), .max = 1000, .type = OPT_F32, .commands = GENERATE},
	{"repeat-last-n", "N",
	 "tokens that the penalties look back at (default: the file's, else 64)", GROUP_SAMPLE,
	 AT(repeat_last_n), .type = OPT_U32, .commands = GENERATE},
	{"presence-penalty", "X", "subtract X from logits of tokens that came before (0: off)",
	 GROUP_SAMPLE, AT(presence_penalty), .min = -1000, .max = 1000, .type = OPT_F32,
	 .commands = GENERATE},
	{"frequency-penalty", "X", "the same, times how often they came (0: off)", GROUP_SAMPLE,
	 AT(frequency_penalty), .min = -1000, .max = 1000, .type = OPT_F32, .commands = GENERATE},
	{"dry-multiplier", "X", "penalty against repeating phrases (0: off)", GROUP_SAMPLE,
	 AT(dry_multiplier), .max = 1000, .type = OPT_F32, .commands = GENERATE},
	{"dry-base", "X", "its growth per repeated token (default 1.75)", GROUP_SAMPLE,
	 AT(dry_base), .min = 1, .max = 1000, .type = OPT_F32, .commands = GENERATE},
	{"dry-allowed-length", "N", "repetitions shorter than N are free (default 2)", GROUP_SAMPLE,
	 AT(dry_allowed_length), .min = 1, .max = UINT32_MAX, .type = OPT_U32,
	 .commands = GENERATE},
	{"dry-last-n", "N", "tokens it looks back at (0: the whole context)", GROUP_SAMPLE,
	 AT(dry_last_n), .type = OPT_U32, .commands = GENERATE},
	{"dry-breaker", "STR",
	 "tokens with STR in them end a repetition (may be repeated; default: newline, colon, "
	 "double quote, asterisk)",
	 GROUP_SAMPLE, AT(dry_breakers), .type = OPT_LIST, .commands = GENERATE},
	{"seed", "N", "the same seed gives the same answer (default: another each time)",
	 GROUP_SAMPLE, AT(seed), .type = OPT_U64, .commands = GENERATE},
	{"logit-bias", "ID=X", "add X to the logit of token ID; -inf forbids it (may be repeated)",
	 GROUP_SAMPLE, AT(logit_bias), .type = OPT_LIST, .commands = GENERATE},

	{"backend", "NAME", "plugin that runs the model: auto, an id or a family (default auto)",
	 GROUP_ENGINE, AT(backend), .type = OPT_STR, .commands = ENGINE},
	{"device", "N", "which of the backend's devices (default 0)", GROUP_ENGINE, AT(device),
	 .type = OPT_U32, .commands = ENGINE},
	{"threads", "N", "threads of a backend that has such an option (default: its own choice)",
	 GROUP_ENGINE, AT(threads), .min = 1, .max = 4096, .type = OPT_U32, .commands = ENGINE},
	{"ctx", "N",
	 "context: tokens of prompt and answer together (default: what the model was trained "
	 "for, 8192 at most; perplexity: 512)",
	 GROUP_ENGINE, AT(ctx), .type = OPT_U32, .commands = ENGINE | BIT(INFO)},
	{"kv-type", "f16|bf16|f32|q8_0", "element type of the KV cache (default f16)", GROUP_ENGINE,
	 AT(kv_type), .type = OPT_CHOICE, .commands = ENGINE | BIT(INFO)},
	{"numerics", "fast|strict|f32",
	 "fast: the fastest kernels; strict: the same bits however tokens are batched; f32: "
	 "the reference (default fast)",
	 GROUP_ENGINE, AT(numerics), .type = OPT_CHOICE, .commands = ENGINE},
	{"chunk", "N", "prompt tokens per step (default 512, on a discrete GPU 2048; at most 4096)", GROUP_ENGINE,
	 AT(chunk), .max = 4096, .type = OPT_U32, .commands = ENGINE},
	{"pack", "wait|background|off",
	 "when a CPU's weights get the order that its kernels read: before the first token, "
	 "while the model runs already, or never (default: run and chat background, others "
	 "wait)",
	 GROUP_ENGINE, AT(pack), .type = OPT_CHOICE, .commands = ENGINE},
	{"no-pack", NULL, "keep weights in the file's own order: the same as --pack off",
	 GROUP_ENGINE, AT(no_pack), .type = OPT_FLAG, .commands = ENGINE},

	{"model", "MODEL", "a .gguf file or a bundled model's name", GROUP_GENERAL, AT(model),
	 .type = OPT_STR, .commands = MODEL, .letter = 'm'},
	{"plugin-dir", "DIR", "look for plugins in DIR first (may be repeated)", GROUP_GENERAL,
	 AT(plugin_dirs), .type = OPT_LIST, .commands = ANY},
	{"option", "ID.KEY=VALUE", "option of a plugin (may be repeated)", GROUP_GENERAL,
	 AT(plugin_options), .type = OPT_LIST, .commands = ANY},
	{"config", "FILE", "read this zinc.ini (see zinc help config)", GROUP_GENERAL, AT(config),
	 .type = OPT_STR, .commands = ANY, .command_line_only = true},
	{"json", NULL, "print one JSON object", GROUP_GENERAL, AT(json), .type = OPT_FLAG,
	 .commands = BIT(RUN) | BIT(INFO) | BIT(PLAN) | BIT(TOKENIZE) | BIT(PERPLEXITY) | BIT(BENCH)},
	{"verbose", NULL, "say more on standard error", GROUP_GENERAL, AT(verbose),
	 .type = OPT_FLAG, .commands = ANY, .letter = 'v'},
	{"quiet", NULL, "say nothing on standard error but errors", GROUP_GENERAL, AT(quiet),
	 .type = OPT_FLAG, .commands = ANY, .letter = 'q'},
	{"help", NULL, "this text", GROUP_GENERAL, AT(help), .type = OPT_FLAG, .commands = ANY,
	 .letter = 'h', .command_line_only = true},
};
const size_t opt_count = sizeof(opt_table) / sizeof(opt_table[0]);

_Static_assert(sizeof(opt_table) / sizeof(opt_table[0]) <= sizeof(((struct options *)0)->source),
	       "struct options.source has a byte for every row");

const struct opt_def *opt_find(enum cmd_id command, const char *name, size_t n)
{
	for (size_t i = 0; i < opt_count; i++)
		if (opt_table[i].commands & 1u << command && strlen(opt_table[i].name) == n &&
		    !memcmp(opt_table[i].name, name, n))
			return &opt_table[i];
	return NULL;
}

const struct opt_def *opt_find_any(const char *name)
{
	for (size_t i = 0; i < opt_count; i++)
		if (!strcmp(opt_table[i].name, name))
			return &opt_table[i];
	return NULL;
}

void options_init(struct options *o, enum cmd_id command)
{
	*o = (struct options){
		.command = command,
		.pack = 1u << command & GENERATE ? RUN_PACK_BACKGROUND : RUN_PACK_WAIT,
		.temp = 0.8f,
		.top_k = 40,
		.top_p = 0.95f,
		.min_p = 0.05f,
		.typical = 1.0f,
		.repeat_penalty = 1.0f,
		.repeat_last_n = 64,
		.dry_base = 1.75f,
		.dry_allowed_length = 2,
		.steps = 64,
		.reps = 5,
	};
}

void options_finish(struct options *o)
{
	for (size_t i = 0; i < opt_count; i++) {
		char *field = (char *)o + opt_table[i].at;

		if (opt_table[i].type == OPT_STR)
			free(*(char **)field);
		if (opt_table[i].type == OPT_LIST) {
			struct str_list *l = (struct str_list *)field;

			for (size_t k = 0; k < l->n; k++)
				free(l->v[k]);
			free(l->v);
		}
	}
	free(o->args);
	memset(o, 0, sizeof(*o));
}

enum opt_source opt_source_of(const struct options *o, const char *name)
{
	const struct opt_def *d = opt_find_any(name);

	return d ? o->source[d - opt_table] : OPT_DEFAULT;
}
