/* main.c - the zinc command: finds the command, reads its options, runs it. */
#include <errno.h>
#include <locale.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cmd.h"
#include "cli/cmd_plugin.h"
#include "cli/cmd_quantize.h"
#include "cli/commands.h"
#include "cli/config.h"
#include "cli/env.h"
#include "cli/load.h"
#include "cli/terminal.h"
#include "plugin/plug.h"
#include "util/err.h"
#include "util/log.h"

int usage_error(const struct options *o, const char *fmt, ...)
{
	const char *name = command_table[o->command].name;
	va_list ap;

	fputs("zinc: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fprintf(stderr, " (see zinc help %s)\n", name);
	return STATUS_USAGE;
}

int report(const struct zinc_err *err)
{
	log_msg(ZINC_LOG_ERROR, "%s", err->msg);
	return STATUS_FAILED;
}

int read_all(const char *path, char **text, size_t *n, struct zinc_err *err)
{
	FILE *f = strcmp(path, "-") ? fopen(path, "rb") : stdin;
	size_t room = 0;
	char *more;

	*text = NULL;
	*n = 0;
	if (!f)
		return err_set_errno(err, ZINC_E_IO, errno, "cannot read %s", path);
	do {
		room = room ? room * 2 : 4096;
		more = realloc(*text, room);
		if (!more)
			break;
		*text = more;
		*n += fread(*text + *n, 1, room - 1 - *n, f);
	} while (*n == room - 1);
	if (more && !ferror(f)) {
		(*text)[*n] = '\0';
	} else {
		free(*text);
		*text = NULL;
		err_set(err, more ? ZINC_E_IO : ZINC_E_NO_MEMORY, "cannot read %s", path);
	}
	if (f != stdin)
		fclose(f);
	return *text ? ZINC_OK : more ? ZINC_E_IO : ZINC_E_NO_MEMORY;
}

static int run_plugin_command(const struct options *o, struct terminal *t)
{
	struct session s = {.o = o, .term = t};
	struct zinc_err err;
	int status;

	if (session_open_registry(&s, &err))
		return report(&err);
	status = cmd_plugin(s.registry, o->n_args, o->args);
	session_close(&s);
	return status;
}

static int dispatch(const struct options *o, struct terminal *t)
{
	switch (o->command) {
	case CMD_RUN: return cmd_run(o, t);
	case CMD_CHAT: return cmd_chat(o, t);
	case CMD_INFO: return cmd_info(o, t);
	case CMD_PLAN: return cmd_plan(o, t);
	case CMD_TOKENIZE: return cmd_tokenize(o, t);
	case CMD_PERPLEXITY: return cmd_perplexity(o, t);
	case CMD_LOGITS: return cmd_logits(o, t);
	case CMD_BENCH: return cmd_bench(o, t);
	case CMD_PLUGIN: return run_plugin_command(o, t);
	default: return STATUS_USAGE;
	}
}

static int run_command(enum cmd_id id, int argc, char **argv)
{
	struct options o;
	struct terminal t;
	struct zinc_err err;
	int status;

	options_init(&o, id);
	if (options_parse(&o, argc, argv, id == CMD_PLUGIN, &err)) {
		status = usage_error(&o, "%s", err.msg);
	} else if (o.help) {
		help_command(id, stdout);
		status = STATUS_OK;
	} else if (env_apply(&o, &err)) {
		status = usage_error(&o, "%s", err.msg);
	} else if (config_load(&o, &err)) {
		status = report(&err);
	} else {
		log_set_level(o.quiet     ? ZINC_LOG_ERROR
			      : o.verbose ? ZINC_LOG_DEBUG
					  : ZINC_LOG_WARN);
		term_init(&t, o.quiet, o.verbose);
		status = dispatch(&o, &t);
		term_progress_end(&t);
	}
	options_finish(&o);
	return status;
}

static int run_help(const char *topic)
{
	if (!topic) {
		help_overview(stdout);
		return STATUS_OK;
	}
	/* It parses its own options and knows the list of types. */
	if (command_find(topic) == CMD_QUANTIZE)
		return cmd_quantize(2, (char *[]){"quantize", "--help", NULL});
	if (help_topic(topic, stdout) == 0)
		return STATUS_OK;
	fprintf(stderr, "zinc: no help on '%s' (see zinc help)\n", topic);
	return STATUS_USAGE;
}

static int run_words(int argc, char **argv)
{
	enum cmd_id id;

	if (argc < 2) {
		help_overview(stderr);
		return STATUS_USAGE;
	}
	if (!strcmp(argv[1], "--version") || !strcmp(argv[1], "-V")) {
		puts("zinc " ZINC_VERSION);
		return STATUS_OK;
	}
	if (!strcmp(argv[1], "help") || !strcmp(argv[1], "--help") || !strcmp(argv[1], "-h"))
		return run_help(argc > 2 ? argv[2] : NULL);
	id = command_find(argv[1]);
	if (id == CMD_COUNT) {
		fprintf(stderr, "zinc: unknown command '%s' (see zinc help)\n", argv[1]);
		return STATUS_USAGE;
	}
	if (id == CMD_QUANTIZE)
		return cmd_quantize(argc - 1, argv + 1);
	return run_command(id, argc - 2, argv + 2);
}

int main(int argc, char **argv)
{
	int status;

	setlocale(LC_CTYPE, "");
	/* A closed pipe is an error of the write, with a line that says so. */
	signal(SIGPIPE, SIG_IGN);
	status = run_words(argc, argv);
	errno = 0;
	if (fflush(stdout) || ferror(stdout)) {
		fprintf(stderr, "zinc: error: cannot write to standard output%s%s\n",
			errno ? ": " : "", errno ? strerror(errno) : "");
		if (status == STATUS_OK)
			status = STATUS_FAILED;
	}
	return status;
}
