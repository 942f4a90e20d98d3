/* docgen.c - writes one manual page (for scdoc) or one shell's completions.
 *
 * usage: zinc-docgen FILE zinc|config|COMMAND|bash|zsh|fish */
#include "docgen.h"

#include <stdlib.h>
#include <string.h>

#include "model/quant_recipe.h"

const char doc_models[] = "pocket-qwen pocket-gemma";

#define OWN "Options of this command"

/* Options that their commands read themselves, and describe in their own help. */
static const struct {
	enum cmd_id command;
	struct opt_def option;
} own_options[] = {
	{CMD_PLUGIN, {.name = "json", .help = "list, shaders: print JSON", .group = OWN}},
	{CMD_PLUGIN,
	 {.name = "backend", .arg = "NAME", .group = OWN,
	  .help = "shaders: of this backend (default: the first that tells)"}},
	{CMD_PLUGIN,
	 {.name = "device", .arg = "N", .group = OWN,
	  .help = "shaders: which of its devices (default 0)"}},
	{CMD_QUANTIZE,
	 {.name = "threads", .arg = "N", .letter = 't', .group = OWN,
	  .help = "threads that quantise (default: one per processor)"}},
	{CMD_QUANTIZE,
	 {.name = "help", .letter = 'h', .help = "a summary of this page", .group = OWN}},
};

void doc_options(enum cmd_id id, struct opt_def *out)
{
	size_t n = 0;

	for (size_t i = 0; i < sizeof(own_options) / sizeof(own_options[0]); i++)
		if (own_options[i].command == id)
			out[n++] = own_options[i].option;
	for (size_t i = 0; i < opt_count && n < DOC_MAX - 1; i++)
		if (opt_table[i].commands & 1u << id)
			out[n++] = opt_table[i];
	out[n] = (struct opt_def){0};
}

enum doc_value doc_value_of(const char *arg)
{
	if (!arg)
		return DOC_NONE;
	if (strchr(arg, '|') || !strcmp(arg, "TYPE"))
		return DOC_WORDS;
	if (!strcmp(arg, "FILE") || !strcmp(arg, "OUT"))
		return DOC_FILE;
	if (!strcmp(arg, "DIR"))
		return DOC_DIR;
	return !strcmp(arg, "MODEL") || !strcmp(arg, "IN") ? DOC_MODEL : DOC_NONE;
}

const char *doc_words(const char *arg, char *buf, size_t n)
{
	snprintf(buf, n, "%s", strcmp(arg, "TYPE") ? arg : quant_recipe_names());
	for (char *p = buf; *p; p++)
		if (*p == '|')
			*p = ' ';
	for (char *p = buf; (p = strstr(p, ", "));)
		memmove(p, p + 1, strlen(p));
	return buf;
}

bool doc_argument(const char *args, int i, char *buf, size_t n)
{
	size_t len;

	for (; i > 0 && *args; i--) {
		args += strcspn(args, " ");
		args += strspn(args, " ");
	}
	args += strspn(args, "[");
	len = strcspn(args, " ]");
	if (len == 0 || len >= n || *args == '-')
		return false;
	memcpy(buf, args, len);
	buf[len] = '\0';
	return true;
}

static bool write_as(const char *what, FILE *out)
{
	enum cmd_id id = command_find(what);

	if (!strcmp(what, "zinc"))
		doc_man_overview(out);
	else if (!strcmp(what, "config"))
		doc_man_config(out);
	else if (!strcmp(what, "bash"))
		doc_bash(out);
	else if (!strcmp(what, "zsh"))
		doc_zsh(out);
	else if (!strcmp(what, "fish"))
		doc_fish(out);
	else if (id != CMD_COUNT)
		doc_man_command(id, out);
	else
		return false;
	return true;
}

int main(int argc, char **argv)
{
	FILE *out = argc == 3 ? fopen(argv[1], "w") : NULL;
	bool bad;

	if (argc == 3 && !out) {
		perror(argv[1]);
		return EXIT_FAILURE;
	}
	if (!out || !write_as(argv[2], out)) {
		fputs("usage: zinc-docgen FILE zinc|config|COMMAND|bash|zsh|fish\n", stderr);
		return 2;
	}
	bad = ferror(out) != 0;
	bad |= fclose(out) != 0;
	return bad ? EXIT_FAILURE : EXIT_SUCCESS;
}
