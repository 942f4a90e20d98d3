/* man.c - manual pages in scdoc's language. */
#include <string.h>

#include "cli/config.h"
#include "cli/env.h"
#include "docgen.h"
#include "model/quant_recipe.h"

/* Text of which scdoc takes no byte for markup. */
static void put_text(FILE *out, const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (strchr("\\*_`", s[i]) || (i == 0 && strchr("#-|[]<>;.:+", s[i])))
			fputc('\\', out);
		fputc(s[i], out);
	}
}

static void put(FILE *out, const char *s)
{
	put_text(out, s, strlen(s));
}

/* Paragraphs as help prints them; lines that begin with two blanks are examples
 * and stay as they are. */
static void put_paragraphs(FILE *out, const char *text)
{
	bool block = false;

	while (*text) {
		size_t n = strcspn(text, "\n");
		bool example = n > 2 && text[0] == ' ' && text[1] == ' ';
		/* a blank line between two lines of an example belongs to it */
		bool inside = block && n == 0 && text[1] == ' ';

		if (example != block && !inside) {
			fputs("```\n", out);
			block = example;
		}
		if (block)
			fprintf(out, "%.*s", (int)n, text);
		else
			put_text(out, text, n);
		fputc('\n', out);
		text += n + (text[n] == '\n');
	}
	if (block)
		fputs("```\n", out);
}

/* "a|b" underlined where it stands for a value. */
static void put_arg(FILE *out, const char *arg)
{
	fputc('_', out);
	for (const char *p = arg; *p; p++) {
		if (strchr("\\*_`", *p))
			fputc('\\', out);
		fputc(*p, out);
	}
	fputc('_', out);
}

static void put_option(FILE *out, const struct opt_def *d)
{
	fputs("\n*", out);
	if (d->letter)
		fprintf(out, "-%c*, *", d->letter);
	fprintf(out, "--%s*", d->name);
	if (d->arg) {
		fputc(' ', out);
		put_arg(out, d->arg);
	}
	fputs("\n\t", out);
	put(out, d->help);
	fputc('\n', out);
}

static void put_title(FILE *out, const char *name, int section, const char *summary)
{
	fprintf(out, "%s(%d) \"zinc " ZINC_VERSION "\"\n\n# NAME\n\n%s - %s\n\n", name, section,
	        name, summary);
}

static void put_upper(FILE *out, const char *s)
{
	for (; *s; s++)
		fputc(*s >= 'a' && *s <= 'z' ? *s - 'a' + 'A' : *s, out);
}

static void put_options(FILE *out, enum cmd_id id)
{
	struct opt_def options[DOC_MAX];
	const char *group = "";

	doc_options(id, options);
	fputs("# OPTIONS\n\nA value may follow a blank or \"=\".\n", out);
	for (const struct opt_def *d = options; d->name; d++) {
		if (strcmp(group, d->group)) {
			group = d->group;
			fputs("\n## ", out);
			put_upper(out, group);
			fputc('\n', out);
		}
		put_option(out, d);
	}
}

void doc_man_command(enum cmd_id id, FILE *out)
{
	const struct command *c = &command_table[id];
	const char *examples = strstr(c->text, "\nExamples:\n");
	size_t n = examples ? (size_t)(examples - c->text) : strlen(c->text);
	char name[64], text[4096];

	snprintf(name, sizeof(name), "zinc-%s", c->name);
	snprintf(text, sizeof(text), "%.*s", (int)n, c->text);
	put_title(out, name, 1, c->summary);
	fprintf(out, "# SYNOPSIS\n\n*zinc %s* [_OPTION_...] ", c->name);
	put_arg(out, c->args);
	fputs("\n\n# DESCRIPTION\n\n", out);
	put_paragraphs(out, text);
	if (id == CMD_QUANTIZE)
		fprintf(out, "\nTYPE is one of: %s. IN holds F16, BF16 or F32; OUT appears when it\n"
		             "is complete.\n", quant_recipe_names());
	if (examples) {
		fputs("\n# EXAMPLES\n\n", out);
		put_paragraphs(out, examples + strlen("\nExamples:\n"));
	}
	fputc('\n', out);
	put_options(out, id);
	fprintf(out, "\n# SEE ALSO\n\n*zinc*(1), *zinc.ini*(5)%s\n",
	        id == CMD_PLUGIN ? ", *zinc-manifest*(5), *zinc-plugin-test*(1)"
	                         : ", *zinc-gguf*(5)");
}

static void put_environment(FILE *out)
{
	fputs("# ENVIRONMENT\n", out);
	for (size_t i = 0; i < env_count; i++) {
		fputs("\n*", out);
		put(out, env_table[i].name);
		fputs("*=", out);
		put_arg(out, env_table[i].arg);
		fputs("\n\t", out);
		put(out, env_table[i].help);
		fputc('\n', out);
	}
}

static const char overview_head[] =
	"# SYNOPSIS\n\n*zinc* _COMMAND_ [_OPTION_...] [_ARGUMENT_...]++\n"
	"*zinc help* [_COMMAND_|*environment*|*config*]++\n*zinc --version*\n\n"
	"# DESCRIPTION\n\n"
	"*zinc* answers prompts with language models from GGUF files. Devices (backends) and\n"
	"model families (architectures) are plugins; *zinc plugin list* shows which are there\n"
	"and why one is used or not.\n\n"
	"# COMMANDS\n";

static const char overview_tail[] =
	"\n# FILES\n\n"
	"_PREFIX_/share/zinc/models\n\tthe bundled models\n\n"
	"_PREFIX_/lib/zinc/plugins.d/\\*.ini\n"
	"\twhat is installed, one plugin a file; see *zinc-manifest*(5)\n\n"
	"/etc/zinc/zinc.ini, ~/.config/zinc/zinc.ini\n\toptions; see *zinc.ini*(5)\n\n"
	"~/.local/state/zinc/history\n\tlines typed in *zinc chat*\n\n"
	"# EXIT STATUS\n\n"
	"0, 1 when something failed, 2 for wrong usage, 130 when a run was ended with Ctrl-C.\n\n"
	"# EXAMPLES\n\n"
	"```\nzinc run \"What does lantern mean?\"\nzinc chat model.gguf\n```\n\n"
	"# SEE ALSO\n\n"
	"*zinc.ini*(5), *zinc-gguf*(5), *zinc-manifest*(5), *zinc-plugin-abi*(7)\n";

void doc_man_overview(FILE *out)
{
	put_title(out, "zinc", 1, "run language models on this machine");
	fputs(overview_head, out);
	for (int id = 0; id < CMD_COUNT; id++) {
		fprintf(out, "\n*zinc-%s*(1)\n\t", command_table[id].name);
		put(out, command_table[id].summary);
		fputc('\n', out);
	}
	fputc('\n', out);
	put_environment(out);
	fputs(overview_tail, out);
}

void doc_man_config(FILE *out)
{
	put_title(out, "zinc.ini", 5, "options of zinc that hold without being written every time");
	fputs("# DESCRIPTION\n\n", out);
	put_paragraphs(out, config_help);
	fputs("\n# SECTIONS\n", out);
	for (int id = 0; id < CMD_COUNT; id++) {
		bool any = false;

		if (!command_has_config((enum cmd_id)id))
			continue;
		fprintf(out, "\n*[%s]*\n\t", command_table[id].name);
		for (size_t i = 0; i < opt_count; i++) {
			if (!(opt_table[i].commands & 1u << id) || opt_table[i].command_line_only)
				continue;
			fprintf(out, "%s*%s*", any ? ", " : "", opt_table[i].name);
			any = true;
		}
		fputc('\n', out);
	}
	fputs("\nWhat each means stands in the manual page of the command (*zinc-run*(1)).\n\n"
	      "# SEE ALSO\n\n*zinc*(1)\n", out);
}
