/* commands.c - the command table. */
#include "cli/commands.h"

#include <string.h>

#define MODEL_TEXT                                                                                 \
	"MODEL is a .gguf file or the short name of a bundled model (\"pocket-qwen\",\n"           \
	"\"pocket-gemma\"). Without one, the first bundled model is used.\n"

const struct command command_table[CMD_COUNT] = {
	[CMD_RUN] =
		{
			"run",
			"[MODEL] [PROMPT]",
			"answer one prompt",
			"Prints the model's answer to PROMPT. PROMPT \"-\", or none while standard "
			"input is\n"
			"not a terminal, is read from there.\n"
			"\n" MODEL_TEXT "\n"
			"Standard output gets the answer's text and nothing else; when it is a "
			"terminal,\n"
			"thoughts are shown dimmed. With --json it gets one object with text, "
			"reasoning,\n"
			"tool_calls, finish_reason, usage and timings.\n"
			"\n"
			"Exit status: 0, 1 when something failed, 2 for wrong usage, 130 when the "
			"answer\n"
			"was ended with Ctrl-C.\n"
			"\n"
			"Examples:\n"
			"  zinc run \"What does lantern mean?\"\n"
			"  zinc run qwen3.gguf --temp 0 --max-tokens 200 - < question.txt\n"
			"  zinc run pocket-gemma --raw \"Call me\"\n",
		},
	[CMD_CHAT] =
		{
			"chat",
			"[MODEL]",
			"talk with a model",
			"A conversation, line by line. A line that ends in a backslash goes on in "
			"the\n"
			"next; a line of three double quotes begins a block that another such line "
			"ends.\n"
			"While standard input is no terminal, each line is one message. Ctrl-C "
			"ends an\n"
			"answer, Ctrl-D the conversation.\n"
			"\n"
			"/help lists the commands that may be given instead of a message.\n"
			"\n" MODEL_TEXT,
		},
	[CMD_INFO] =
		{
			"info",
			"[MODEL]",
			"what a model file holds",
			"Shows metadata, tensors, bytes by element type, the memory of caches and "
			"states,\n"
			"and which plugin takes the model. The model is not loaded.\n"
			"\n" MODEL_TEXT,
		},
	[CMD_PLAN] =
		{
			"plan",
			"[MODEL]",
			"memory and kernels before loading",
			"Shows every byte of device memory that running the model would take, then "
			"the\n"
			"recorded operations and the kernel chosen for each. Nothing is loaded.\n"
			"\n" MODEL_TEXT,
		},
	[CMD_TOKENIZE] =
		{
			"tokenize",
			"MODEL TEXT",
			"text to token ids and back",
			"Prints one token a line: its id and its text. TEXT \"-\" is standard "
			"input. With\n"
			"--decode, prints the text of the given ids.\n"
			"\n"
			"MODEL is a .gguf file or the short name of a bundled model.\n",
		},
	[CMD_PERPLEXITY] =
		{
			"perplexity",
			"MODEL FILE",
			"how well a model predicts a text",
			"Cuts the text into windows of --ctx tokens (default 512), each beginning "
			"with\n"
			"BOS where the model has one, scores the second half of each, and prints "
			"the\n"
			"running estimate, then the final one with its standard error: the usual\n"
			"protocol, so that figures compare with other programs'.\n"
			"\n"
			"MODEL is a .gguf file or the short name of a bundled model.\n",
		},
	[CMD_LOGITS] =
		{
			"logits",
			"MODEL --ids LIST --out FILE",
			"the model's raw numbers, for comparisons",
			"Runs the given tokens as they are (no BOS is added) and writes the logits "
			"after\n"
			"each.\n"
			"\n"
			"MODEL is a .gguf file or the short name of a bundled model.\n",
		},
	[CMD_PLUGIN] =
		{
			"plugin",
			"list|check|shaders",
			"what is installed and why it is used or not",
			"list shows the plugins that zinc finds, their state and the reason for "
			"it; with\n"
			"--json as JSON. check tries each and fails when one has a fault. Backends "
			"run\n"
			"models on a device; architectures know a model family.\n"
			"\n"
			"shaders compiles the kernels of a backend for one of its devices and "
			"prints what\n"
			"the device's compiler says of each: registers of an invocation, "
			"registers that\n"
			"spill, shared memory of a workgroup, subgroups in flight on a SIMD "
			"unit,\n"
			"instructions, and cycles that a subgroup takes of its unit. A dash: it "
			"does not\n"
			"say.\n",
		},
	[CMD_QUANTIZE] =
		{
			"quantize",
			"IN OUT TYPE",
			"make a smaller model file",
			"Writes the model file IN to OUT with its weights in another element "
			"type.\n",
		},
	[CMD_BENCH] =
		{
			"bench",
			"[MODEL]",
			"how fast a model runs here",
			"Times reading prompts and decoding, with random tokens, and prints tokens "
			"per\n"
			"second (median, least and most of --reps repetitions), and the bytes and "
			"FLOPs\n"
			"per second that the model needs at that rate, beside what the device's own "
			"copy\n"
			"reaches. Every repetition starts from an empty cache.\n"
			"\n" MODEL_TEXT "\n"
			"Examples:\n"
			"  zinc bench model.gguf --prefill 128,512,2048 --depth 0,4096\n"
			"  zinc bench model.gguf --backend=cuda --prefill 154 --per-token --json\n",
		},
};

enum cmd_id command_find(const char *name)
{
	for (int i = 0; i < CMD_COUNT; i++)
		if (!strcmp(command_table[i].name, name))
			return (enum cmd_id)i;
	return CMD_COUNT;
}
