/* help.c - help texts, made from the tables. */
#include <string.h>

#include "cli/commands.h"
#include "cli/config.h"
#include "cli/env.h"

enum { COLUMN = 27, WIDTH = 80 }; /* explanations begin at COLUMN */

/* Prints text from column `at` on, wrapped, lines after the first indented. */
static void wrap(FILE *out, int at, const char *text)
{
	int column = at;

	while (*text) {
		int n = (int)strcspn(text, " ");

		if (column > COLUMN && column + 1 + n > WIDTH) {
			fprintf(out, "\n%*s", COLUMN, "");
			column = COLUMN;
		} else if (column > COLUMN) {
			fputc(' ', out);
			column++;
		}
		fprintf(out, "%.*s", n, text);
		column += n;
		text += n;
		while (*text == ' ')
			text++;
	}
	fputc('\n', out);
}

/* "  NAME" padded to COLUMN, or followed by a line break when too long. */
static void entry(FILE *out, const char *name, const char *text)
{
	int n = fprintf(out, "  %s", name);

	if (n + 2 > COLUMN)
		fprintf(out, "\n%*s", COLUMN, "");
	else
		fprintf(out, "%*s", COLUMN - n, "");
	wrap(out, COLUMN, text);
}

static void option_entry(FILE *out, const struct opt_def *d)
{
	char name[80];
	char letter[8] = "";

	if (d->letter)
		snprintf(letter, sizeof(letter), "-%c, ", d->letter);
	snprintf(name, sizeof(name), "%s--%s%s%s", letter, d->name, d->arg ? " " : "",
		 d->arg ? d->arg : "");
	entry(out, name, d->help);
}

static void options_help(FILE *out, enum cmd_id id)
{
	const char *group = "";

	for (size_t i = 0; i < opt_count; i++) {
		if (!(opt_table[i].commands & 1u << id))
			continue;
		if (strcmp(group, opt_table[i].group)) {
			group = opt_table[i].group;
			fprintf(out, "\n%s:\n", group);
		}
		option_entry(out, &opt_table[i]);
	}
}

void help_overview(FILE *out)
{
	fputs("zinc: runs language models on this machine.\n\n"
	      "Usage: zinc COMMAND [OPTION...] [ARGUMENT...]\n\nCommands:\n",
	      out);
	for (int i = 0; i < CMD_COUNT; i++)
		entry(out, command_table[i].name, command_table[i].summary);
	entry(out, "help [TOPIC]", "a command, \"environment\" or \"config\"");
	entry(out, "--version", "the version");
	fputs("\nTry: zinc run \"What does lantern mean?\"\n", out);
}

void help_command(enum cmd_id id, FILE *out)
{
	const struct command *c = &command_table[id];

	fprintf(out, "Usage: zinc %s [OPTION...] %s\n\n%s", c->name, c->args, c->text);
	options_help(out, id);
}

static void help_environment(FILE *out)
{
	fputs("Environment variables that zinc reads:\n\n", out);
	for (size_t i = 0; i < env_count; i++) {
		char name[80];

		snprintf(name, sizeof(name), "%s=%s", env_table[i].name, env_table[i].arg);
		entry(out, name, env_table[i].help);
	}
}

static void help_config(FILE *out)
{
	fprintf(out, "%s\nOptions by section:\n", config_help);
	for (int id = 0; id < CMD_COUNT; id++) {
		int column = COLUMN;

		if (!command_has_config((enum cmd_id)id))
			continue;
		fprintf(out, "  %-*s", COLUMN - 3, command_table[id].name);
		for (size_t i = 0; i < opt_count; i++) {
			const struct opt_def *d = &opt_table[i];
			int n = (int)strlen(d->name) + 1;

			if (!(d->commands & 1u << id) || d->command_line_only)
				continue;
			if (column + n > WIDTH) {
				fprintf(out, "\n%*s", COLUMN - 1, "");
				column = COLUMN;
			}
			column += fprintf(out, " %s", d->name);
		}
		fputc('\n', out);
	}
}

int help_topic(const char *topic, FILE *out)
{
	enum cmd_id id = command_find(topic);

	if (id != CMD_COUNT)
		help_command(id, out);
	else if (!strcmp(topic, "environment"))
		help_environment(out);
	else if (!strcmp(topic, "config"))
		help_config(out);
	else
		return -1;
	return 0;
}
