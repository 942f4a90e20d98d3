/* complete.c - completions for bash, zsh and fish. */
#include <string.h>

#include "docgen.h"

enum { WORDS_MAX = 512 };

static void help_topics(FILE *out, const char *separator)
{
	for (int id = 0; id < CMD_COUNT; id++)
		fprintf(out, "%s%s", command_table[id].name, separator);
	fprintf(out, "environment%sconfig", separator);
}

static void commands(FILE *out, const char *separator)
{
	for (int id = 0; id < CMD_COUNT; id++)
		fprintf(out, "%s%s", command_table[id].name, separator);
	fputs("help", out);
}

/* A case for the values of each option whose values can be known. */
static void bash_values(FILE *out, enum cmd_id id)
{
	static const char *const actions[] = {
		[DOC_FILE] = "_zinc_files", [DOC_DIR] = "_zinc_dirs", [DOC_MODEL] = "_zinc_models"};
	struct opt_def options[DOC_MAX];
	char words[WORDS_MAX];

	doc_options(id, options);
	for (const struct opt_def *d = options; d->name; d++) {
		enum doc_value v = doc_value_of(d->arg);

		if (!d->arg)
			continue;
		fprintf(out, "\t\t%s:--%s", command_table[id].name, d->name);
		if (d->letter)
			fprintf(out, "|%s:-%c", command_table[id].name, d->letter);
		if (v == DOC_WORDS)
			fprintf(out, ") _zinc_words '%s' ;;\n",
			        doc_words(d->arg, words, sizeof(words)));
		else
			fprintf(out, ") %s ;;\n", v == DOC_NONE ? ":" : actions[v]);
	}
}

static void bash_command(FILE *out, enum cmd_id id)
{
	static const char *const actions[] = {
		[DOC_FILE] = "_zinc_files", [DOC_DIR] = "_zinc_dirs", [DOC_MODEL] = "_zinc_models"};
	const struct command *c = &command_table[id];
	struct opt_def options[DOC_MAX];
	char arg[128], words[WORDS_MAX];

	doc_options(id, options);
	fprintf(out, "\t%s:-*) _zinc_words '", c->name);
	for (const struct opt_def *d = options; d->name; d++)
		fprintf(out, "%s--%s", d == options ? "" : " ", d->name);
	fputs("' ;;\n", out);
	for (int i = 0; i < 3 && doc_argument(c->args, i, arg, sizeof(arg)); i++) {
		enum doc_value v = doc_value_of(arg);

		if (v == DOC_WORDS)
			fprintf(out, "\t%s:%d) _zinc_words '%s' ;;\n", c->name, i,
			        doc_words(arg, words, sizeof(words)));
		else if (v != DOC_NONE)
			fprintf(out, "\t%s:%d) %s ;;\n", c->name, i, actions[v]);
	}
}

static const char bash_head[] =
	"# Completions of zinc for bash.\n"
	"_zinc_words() { mapfile -t COMPREPLY < <(compgen -W \"$1\" -- \"$cur\"); }\n"
	"_zinc_files() {\n"
	"\tcompopt -o filenames 2>/dev/null\n"
	"\tmapfile -t COMPREPLY < <(compgen -f -- \"$cur\")\n"
	"}\n"
	"_zinc_dirs() {\n"
	"\tcompopt -o filenames 2>/dev/null\n"
	"\tmapfile -t COMPREPLY < <(compgen -d -- \"$cur\")\n"
	"}\n"
	"_zinc_models() {\n"
	"\tcompopt -o filenames 2>/dev/null\n"
	"\tmapfile -t COMPREPLY < <(\n"
	"\t\tcompgen -f -X '!*.gguf' -- \"$cur\"\n"
	"\t\tcompgen -d -- \"$cur\"\n"
	"\t\tcompgen -W '";

/* Up to the commands' names. */
static const char bash_start[] =
	"_zinc() {\n"
	"\tlocal cur=${COMP_WORDS[COMP_CWORD]} command=${COMP_WORDS[1]} at=0 i w skip=\n"
	"\tlocal prev=${COMP_WORDS[COMP_CWORD - 1]}\n"
	"\tCOMPREPLY=()\n"
	"\tif [ \"$COMP_CWORD\" = 1 ]; then\n\t\t_zinc_words '";

/* An option's value, else `at`: which argument this is, "-" where an option is
 * begun. */
static const char bash_place[] =
	" --version'\n\t\treturn\n\tfi\n"
	"\t# \"--name=value\" comes in three words.\n"
	"\t[ \"$prev\" != = ] || prev=${COMP_WORDS[COMP_CWORD - 2]}\n"
	"\t[ \"$cur\" != = ] || cur=\n"
	"\t_zinc_value \"$command\" \"$prev\" && return\n"
	"\tfor ((i = 2; i < COMP_CWORD; i++)); do\n"
	"\t\tw=${COMP_WORDS[i]}\n"
	"\t\tif [ -n \"$skip\" ] || [ \"$w\" = = ]; then\n"
	"\t\t\t[ \"$w\" = = ] || skip=\n"
	"\t\telif _zinc_value \"$command\" \"$w\"; then\n"
	"\t\t\tskip=1\n"
	"\t\telif [ \"${w#-}\" = \"$w\" ]; then\n"
	"\t\t\tat=$((at + 1))\n"
	"\t\tfi\n"
	"\tdone\n"
	"\tCOMPREPLY=()\n"
	"\t[ \"${cur#-}\" = \"$cur\" ] || at=-\n"
	"\tcase $command:$at in\n";

void doc_bash(FILE *out)
{
	fprintf(out, "%s%s' -- \"$cur\"\n\t)\n}\n\n", bash_head, doc_models);
	fputs("# The value of option $2 of command $1; 1: it takes none.\n"
	      "_zinc_value() {\n\tcase $1:$2 in\n", out);
	for (int id = 0; id < CMD_COUNT; id++)
		bash_values(out, (enum cmd_id)id);
	fputs("\t\t*) return 1 ;;\n\tesac\n}\n\n", out);
	fputs(bash_start, out);
	commands(out, " ");
	fputs(bash_place, out);
	fputs("\thelp:0) _zinc_words '", out);
	help_topics(out, " ");
	fputs("' ;;\n", out);
	for (int id = 0; id < CMD_COUNT; id++)
		bash_command(out, (enum cmd_id)id);
	fputs("\tesac\n}\n\ncomplete -F _zinc zinc\n", out);
}

/* Inside single quotes of zsh's _arguments, where brackets and colons mean
 * something; or of fish. */
static void quoted(FILE *out, const char *s, const char *special)
{
	for (; *s; s++) {
		if (*s == '\'')
			fputs("'\\'", out);
		else if (strchr(special, *s))
			fputc('\\', out);
		fputc(*s, out);
	}
}

static void zsh_value(FILE *out, const char *arg)
{
	char words[WORDS_MAX];

	fputc(':', out);
	quoted(out, arg, ":[]\\");
	fputc(':', out);
	switch (doc_value_of(arg)) {
	case DOC_FILE: fputs("_files", out); break;
	case DOC_DIR: fputs("_files -/", out); break;
	case DOC_MODEL: fputs("_zinc_models", out); break;
	case DOC_WORDS: fprintf(out, "(%s)", doc_words(arg, words, sizeof(words))); break;
	default: break;
	}
}

static void zsh_command(FILE *out, enum cmd_id id)
{
	const struct command *c = &command_table[id];
	struct opt_def options[DOC_MAX];
	char arg[128];

	doc_options(id, options);
	fprintf(out, "\t%s)\n\t\t_arguments", c->name);
	for (const struct opt_def *d = options; d->name; d++) {
		const char *again = d->type == OPT_LIST ? "*" : "";

		for (int form = d->letter ? 0 : 1; form < 2; form++) {
			fputs(" \\\n\t\t\t'", out);
			if (form == 0)
				fprintf(out, "%s-%c[", again, d->letter);
			else
				fprintf(out, "%s--%s%s[", again, d->name, d->arg ? "=" : "");
			quoted(out, d->help, ":[]\\");
			fputc(']', out);
			if (d->arg)
				zsh_value(out, d->arg);
			fputc('\'', out);
		}
	}
	for (int i = 0; i < 3 && doc_argument(c->args, i, arg, sizeof(arg)); i++) {
		fprintf(out, " \\\n\t\t\t'%d:", i + 1);
		zsh_value(out, arg);
		fputc('\'', out);
	}
	fputs("\n\t\t;;\n", out);
}

void doc_zsh(FILE *out)
{
	fputs("#compdef zinc\n# Completions of zinc for zsh.\n\n"
	      "_zinc_models() {\n\t_alternative 'names:bundled model:(", out);
	fputs(doc_models, out);
	fputs(")' 'files:model file:_files -g \"*.gguf(-.)\"'\n}\n\n"
	      "_zinc_commands() {\n\tlocal -a commands\n\tcommands=(", out);
	for (int id = 0; id < CMD_COUNT; id++) {
		fprintf(out, "\n\t\t'%s:", command_table[id].name);
		quoted(out, command_table[id].summary, ":\\");
		fputc('\'', out);
	}
	fputs("\n\t\t'help:a command, environment or config'\n\t)\n"
	      "\t_describe command commands\n}\n\n"
	      "_zinc() {\n\tif (( CURRENT == 2 )); then\n\t\t_zinc_commands\n\t\treturn\n\tfi\n"
	      "\tlocal name=$words[2]\n\tshift words\n\t(( CURRENT-- ))\n\tcase $name in\n"
	      "\thelp)\n\t\t_arguments '1:topic:(", out);
	help_topics(out, " ");
	fputs(")'\n\t\t;;\n", out);
	for (int id = 0; id < CMD_COUNT; id++)
		zsh_command(out, (enum cmd_id)id);
	fputs("\tesac\n}\n\n_zinc \"$@\"\n", out);
}

static void fish_value(FILE *out, const char *arg)
{
	char words[WORDS_MAX];

	switch (doc_value_of(arg)) {
	case DOC_FILE: fputs(" -r -F", out); break;
	case DOC_DIR: fputs(" -x -a '(__fish_complete_directories)'", out); break;
	case DOC_MODEL: fprintf(out, " -r -F -a '%s'", doc_models); break;
	case DOC_WORDS: fprintf(out, " -x -a '%s'", doc_words(arg, words, sizeof(words))); break;
	default: fputs(" -x", out); break;
	}
}

static void fish_command(FILE *out, enum cmd_id id)
{
	const struct command *c = &command_table[id];
	struct opt_def options[DOC_MAX];
	char arg[128];

	doc_options(id, options);
	for (const struct opt_def *d = options; d->name; d++) {
		fprintf(out, "complete -c zinc -n '__fish_seen_subcommand_from %s' -l %s", c->name,
		        d->name);
		if (d->letter)
			fprintf(out, " -s %c", d->letter);
		if (d->arg)
			fish_value(out, d->arg);
		fputs(" -d '", out);
		quoted(out, d->help, "\\");
		fputs("'\n", out);
	}
	for (int i = 0; i < 3 && doc_argument(c->args, i, arg, sizeof(arg)); i++) {
		if (doc_value_of(arg) == DOC_NONE)
			continue;
		fprintf(out, "complete -c zinc -n '__fish_seen_subcommand_from %s'", c->name);
		fish_value(out, arg);
		fputc('\n', out);
	}
}

void doc_fish(FILE *out)
{
	fputs("# Completions of zinc for fish.\ncomplete -c zinc -f\n"
	      "complete -c zinc -n __fish_use_subcommand -l version -d 'the version'\n", out);
	for (int id = 0; id < CMD_COUNT; id++) {
		fprintf(out, "complete -c zinc -n __fish_use_subcommand -a %s -d '",
		        command_table[id].name);
		quoted(out, command_table[id].summary, "\\");
		fputs("'\n", out);
	}
	fputs("complete -c zinc -n __fish_use_subcommand -a help -d 'more on a topic'\n"
	      "complete -c zinc -n '__fish_seen_subcommand_from help' -a '", out);
	help_topics(out, " ");
	fputs("'\n", out);
	for (int id = 0; id < CMD_COUNT; id++)
		fish_command(out, (enum cmd_id)id);
}
