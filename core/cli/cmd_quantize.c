/* cmd_quantize.c - a smaller copy of a model file. */
#include "cli/cmd_quantize.h"

#include <getopt.h>
#include <inttypes.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cmd.h"
#include "model/dtype.h"
#include "model/gguf.h"
#include "model/quant_recipe.h"
#include "model/quantize.h"
#include "util/log.h"

enum { THREADS_MAX = 256 };

static volatile sig_atomic_t interrupted;

static void on_signal(int signo)
{
	(void)signo;
	interrupted = 1;
}

static void catch_signals(void)
{
	struct sigaction end = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
	struct sigaction ignore = {.sa_handler = SIG_IGN};

	sigaction(SIGINT, &end, NULL);
	sigaction(SIGTERM, &end, NULL);
	sigaction(SIGHUP, &end, NULL);
	/* A limit on file sizes is then an error like a full disk. */
	sigaction(SIGXFSZ, &ignore, NULL);
}

static void print_usage(FILE *out)
{
	fprintf(out,
	        "usage: zinc quantize IN.gguf OUT.gguf TYPE [--threads N]\n"
	        "\n"
	        "Writes the model IN, whose weights are F16, BF16 or F32, to OUT with weights of\n"
	        "TYPE: %s. OUT appears when it is complete.\n",
	        quant_recipe_names());
}

__attribute__((format(printf, 1, 2))) static int wrong(const char *fmt, ...)
{
	va_list ap;

	fputs("zinc: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputs(" (see zinc quantize --help)\n", stderr);
	return STATUS_USAGE;
}

/* Processors that this process may use. */
static uint32_t usable_cpus(void)
{
	cpu_set_t set;
	int n = sched_getaffinity(0, sizeof(set), &set) == 0 ? CPU_COUNT(&set) : 1;

	return (uint32_t)(n < 1 ? 1 : n > THREADS_MAX ? THREADS_MAX : n);
}

/* 0: no number from 1 to THREADS_MAX. */
static uint32_t parse_threads(const char *s)
{
	char *end;
	unsigned long n = strtoul(s, &end, 10);

	return *s < '0' || *s > '9' || *end || n > THREADS_MAX ? 0 : (uint32_t)n;
}

static void show_step(void *ctx, const struct quantize_step *s)
{
	(void)ctx;
	fprintf(stderr, "\r\033[K[%" PRIu64 "/%" PRIu64 "] %s: %s to %s", s->i + 1, s->n,
	        s->tensor->name, dtype_name(s->tensor->dtype), dtype_name(s->dtype));
}

static double mib(uint64_t bytes)
{
	return (double)bytes / (1 << 20);
}

static int run(struct quantize_job *job)
{
	bool terminal = isatty(STDERR_FILENO);
	struct quantize_stats stats;
	struct zinc_err err;
	int rc;

	job->stop = &interrupted;
	job->progress = terminal ? show_step : NULL;
	catch_signals();
	rc = quantize_file(job, &stats, &err);
	if (terminal)
		fputs("\r\033[K", stderr);
	if (rc) {
		log_msg(ZINC_LOG_ERROR, "%s", err.msg);
		return interrupted ? STATUS_INTERRUPTED : STATUS_FAILED;
	}
	printf("%s: %s, %" PRIu64 " tensors, %.1f MiB to %.1f MiB\n", job->out, job->recipe->name,
	       stats.n_tensors, mib(stats.bytes_in), mib(stats.bytes_out));
	if (stats.n_fallback)
		printf("%" PRIu64 " tensors have rows that do not fit the type's blocks and got the "
		       "next larger type\n",
		       stats.n_fallback);
	return STATUS_OK;
}

int cmd_quantize(int argc, char **argv)
{
	static const struct option options[] = {
		{"threads", required_argument, NULL, 't'}, {"help", no_argument, NULL, 'h'}, {0}};
	struct quantize_job job = {.n_threads = usable_cpus()};
	int c;

	optind = 0;
	opterr = 0;
	while ((c = getopt_long(argc, argv, "t:h", options, NULL)) != -1) {
		if (c == 'h') {
			print_usage(stdout);
			return STATUS_OK;
		}
		if (c != 't')
			return wrong("unknown or incomplete option '%s'", argv[optind - 1]);
		job.n_threads = parse_threads(optarg);
		if (!job.n_threads)
			return wrong("--threads: '%s' is not a number from 1 to %d", optarg,
			             THREADS_MAX);
	}
	if (argc - optind != 3)
		return wrong("quantize takes IN, OUT and TYPE");
	job.in = argv[optind];
	job.out = argv[optind + 1];
	job.recipe = quant_recipe_find(argv[optind + 2]);
	if (!job.recipe)
		return wrong("unknown type '%s', there are %s", argv[optind + 2],
		             quant_recipe_names());
	return run(&job);
}
