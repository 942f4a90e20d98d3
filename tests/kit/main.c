/* main.c - zinc-plugin-test: does a plugin keep the contracts of the headers?
 *
 *     zinc-plugin-test [OPTION...] FILE.so
 *
 * It needs nothing of zinc's but the plugin. Its groups of tests run each in a
 * process of its own, with a deadline, and see the public interface alone:
 *
 *     load     what can be told without calling it: symbols, tables
 *     abi      hosts and callers older or newer than it
 *     life     opening and closing; buffers
 *     decline  100,000 descriptors changed at random
 *     async    submits in flight, timelines, waits
 *     oom      the host's memory runs out, at every call
 *     threads  functions tagged [any] from several threads
 *     ops      every op, every variant forced, over many shapes, against
 *              references in double precision
 *     arch     (architectures) declarations and recorded ops of a model file,
 *              changed metadata
 *
 *     --group NAME[,NAME] these groups only
 *     --ops               the same as --group ops
 *     --op NAME[,NAME]    these ops only
 *     --variant NAME      this variant only
 *     --case N[-M]        this case of each op only, or these (numbers as --list
 *                         and failures show them)
 *     --shard I/K         every Kth case of each op, from the Ith on: one run in
 *                         K processes, for tools that slow it down (a device's
 *                         race checker)
 *     --list              names the cases instead of running them
 *     --quick             a subset that takes seconds on a CPU
 *     --option KEY=VALUE  an option for the plugin, as `zinc` would pass it
 *     --tap, --json       machine-readable reports
 *     --model FILE.gguf   for architectures: what to open
 *     --golden FILE       the listing that its ops must give
 *     --listing           prints that listing
 *     --no-fork           all in this process, for debuggers
 *     --deadline SECONDS  how long a group may take
 *     --help              a summary
 *     -v                  every case as it runs, and the plugin's log lines
 *
 * Example: zinc-plugin-test --ops --op flash_attn --case 12 -v backend_cpu.so
 *
 * Checked for every case of an op: the values, with a bound that the variant's
 * numerics class sets (linear_expect.c says which); the same bits from a second
 * submit of the recording and from one with ZINC_CMD_PROFILE (free classes:
 * within the bound); the same bits for a row alone, in steps, and by another
 * variant of the class; no byte changed outside what the op writes, be it
 * between strided rows, in other tensors, in weights or behind scratch memory.
 * All memory starts as NaN.
 *
 * Exit status: 0 all is well, 1 something failed, 2 wrong usage, 77 there is no
 * device to test on. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include "group.h"

static const struct option long_options[] = {
	{"ops", no_argument, NULL, 'O'},
	{"op", required_argument, NULL, 'o'},
	{"variant", required_argument, NULL, 'V'},
	{"case", required_argument, NULL, 'c'},
	{"shard", required_argument, NULL, 's'},
	{"list", no_argument, NULL, 'l'},
	{"quick", no_argument, NULL, 'q'},
	{"option", required_argument, NULL, 'x'},
	{"tap", no_argument, NULL, 't'},
	{"json", no_argument, NULL, 'j'},
	{"group", required_argument, NULL, 'g'},
	{"model", required_argument, NULL, 'm'},
	{"golden", required_argument, NULL, 'G'},
	{"listing", no_argument, NULL, 'L'},
	{"no-fork", no_argument, NULL, 'n'},
	{"deadline", required_argument, NULL, 'd'},
	{"help", no_argument, NULL, 'h'},
	{NULL, 0, NULL, 0},
};

static const char usage[] =
	"usage: zinc-plugin-test [--group NAME[,NAME] | --ops] [--op NAME[,NAME]]\n"
	"           [--variant NAME] [--case N[-M] | --shard I/K] [--list] [--quick]\n"
	"           [--option KEY=VALUE]... [--model FILE.gguf [--golden FILE] [--listing]]\n"
	"           [--tap | --json] [-v] [--no-fork] [--deadline SECONDS] FILE.so\n"
	"       zinc-plugin-test --help\n";

static bool take_shard(struct ops_choice *ops)
{
	int end = 0;

	sscanf(optarg, "%u/%u%n", &ops->shard, &ops->n_shards, &end);
	return end && !optarg[end] && ops->shard >= 1 && ops->shard <= ops->n_shards;
}

static bool take_cases(struct ops_choice *ops)
{
	int one = 0, end = 0;

	sscanf(optarg, "%lld%n-%lld%n", &ops->first, &one, &ops->last, &end);
	if (one && !optarg[one])
		ops->last = ops->first;
	else if (!end || optarg[end])
		return false;
	return ops->first >= 1 && ops->last >= ops->first;
}

static bool take(struct kit_options *o, int letter)
{
	switch (letter) {
	case 'O': o->groups = "ops"; return true;
	case 'o': o->ops.ops = optarg; return true;
	case 'V': o->ops.variant = optarg; return true;
	case 'c': return take_cases(&o->ops);
	case 's': return take_shard(&o->ops);
	case 'l': o->ops.list = true, o->groups = "ops"; return true;
	case 'q': o->ops.quick = true; return true;
	case 't': o->format = KIT_TAP; return true;
	case 'j': o->format = KIT_JSON; return true;
	case 'g': o->groups = optarg; return true;
	case 'm': o->model = optarg; return true;
	case 'G': o->golden = optarg; return true;
	case 'L': o->listing = true; return true;
	case 'n': o->no_fork = true; return true;
	case 'd': o->deadline_s = (uint32_t)atoi(optarg); return true;
	case 'v': o->ops.verbose = true; return true;
	case 'x':
		if (o->n_plugin_options == KIT_MAX_OPTIONS || !strchr(optarg, '='))
			return false;
		o->plugin_options[o->n_plugin_options++] = optarg;
		return true;
	default: return false;
	}
}

static bool read_options(int argc, char **argv, struct kit_options *o)
{
	int letter;

	*o = (struct kit_options){0};
	while ((letter = getopt_long(argc, argv, "hv", long_options, NULL)) >= 0) {
		if (letter == 'h') {
			fputs(usage, stdout);
			exit(0);
		}
		if (!take(o, letter))
			return false;
	}
	if (optind != argc - 1)
		return false;
	o->file = argv[optind];
	return true;
}

int main(int argc, char **argv)
{
	struct kit_options o;

	if (!read_options(argc, argv, &o)) {
		fputs(usage, stderr);
		return 2;
	}
	return kit_groups_run(&o);
}
