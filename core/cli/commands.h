/* commands.h - the commands of zinc and what --help says about each. */
#ifndef CORE_CLI_COMMANDS_H
#define CORE_CLI_COMMANDS_H

#include <stdio.h>

#include "cli/options.h"

struct command {
	const char *name;
	const char *args;    /* "[MODEL] PROMPT" */
	const char *summary; /* one line */
	const char *text;    /* paragraphs, lines at most 79 columns */
};

/* Indexed by enum cmd_id. */
extern const struct command command_table[CMD_COUNT];

/* CMD_COUNT: no such command. */
enum cmd_id command_find(const char *name);

/* Help is written to out; topics are commands, "environment" and "config". */
void help_overview(FILE *out);
void help_command(enum cmd_id id, FILE *out);
/* 0, or -1 when there is no such topic. */
int help_topic(const char *topic, FILE *out);

#endif
