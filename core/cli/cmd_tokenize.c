/* cmd_tokenize.c - `zinc tokenize`: text to ids and back. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cmd.h"
#include "cli/ids.h"
#include "cli/load.h"
#include "cli/options.h"
#include "model/model.h"
#include "util/err.h"

/* One line per token; control bytes and halves of characters as \xHH. */
static void print_piece(const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)s[i];

		if (c == '\n')
			fputs("\\n", stdout);
		else if (c == '\\' || c == '"')
			printf("\\%c", c);
		else if (c < 0x20 || c == 0x7f)
			printf("\\x%02x", c);
		else
			putchar(c);
	}
}

static bool is_utf8(const char *s, size_t n)
{
	json_t *j = json_stringn(s, n);

	json_decref(j);
	return j != NULL;
}

static void print_tokens(const struct tok *t, const struct tok_ids *ids)
{
	for (size_t i = 0; i < ids->n; i++) {
		size_t n;
		const char *piece = tok_piece(t, ids->id[i], &n);

		printf("%7d  \"", ids->id[i]);
		if (is_utf8(piece, n))
			print_piece(piece, n);
		else
			for (size_t k = 0; k < n; k++)
				printf("\\x%02x", (unsigned char)piece[k]);
		puts("\"");
	}
}

static int print_json(json_t *j, struct zinc_err *err)
{
	if (!j)
		return err_set(err, ZINC_E_NO_MEMORY, "no memory for the output");
	/* A failed write shows when standard output is closed. */
	json_dumpf(j, stdout, JSON_COMPACT);
	putchar('\n');
	json_decref(j);
	return ZINC_OK;
}

static int print_ids_json(const struct tok_ids *ids, struct zinc_err *err)
{
	json_t *list = json_array();

	for (size_t i = 0; i < ids->n && list; i++)
		if (json_array_append_new(list, json_integer(ids->id[i]))) {
			json_decref(list);
			list = NULL;
		}
	return print_json(list ? json_pack("{s:o}", "ids", list) : NULL, err);
}

static int decode(const struct options *o, const struct tok *t, struct tok_ids *ids,
		  struct zinc_err *err)
{
	size_t n;
	char *text;
	int rc = ids_parse("--decode", o->decode, tok_n_vocab(t), ids, err);

	if (rc)
		return rc;
	text = tok_decode(t, ids->id, ids->n, o->special, &n);
	if (!text)
		return err_set(err, ZINC_E_NO_MEMORY, "no memory for the text");
	if (o->json)
		rc = print_json(json_pack("{s:s#}", "text", text, (int)n), err);
	else
		fwrite(text, 1, n, stdout);
	free(text);
	return rc;
}

static int encode(const struct options *o, const struct tok *t, const char *word,
		  struct tok_ids *ids, struct zinc_err *err)
{
	char *text = NULL;
	size_t n = strlen(word);
	int rc = ZINC_OK;

	if (!strcmp(word, "-"))
		rc = read_all("-", &text, &n, err);
	if (!rc)
		rc = tok_encode(t, text ? text : word, n, o->special, ids, err);
	if (!rc && o->bos && (rc = tok_add_bos_eos(t, ids)))
		err_set(err, rc, "no memory for the tokens");
	free(text);
	if (rc)
		return rc;
	if (o->json)
		return print_ids_json(ids, err);
	print_tokens(t, ids);
	return ZINC_OK;
}

int cmd_tokenize(const struct options *o, struct terminal *t)
{
	struct session s = {.o = o, .term = t};
	bool named = opt_source_of(o, "model") == OPT_COMMAND_LINE;
	char **word = o->args + !named;
	int n = o->n_args - !named;
	struct tok_ids ids = {0};
	struct zinc_err err;
	int status = STATUS_OK;

	if (n < 0)
		return usage_error(o, "no model named");
	if (!o->decode && n < 1)
		return usage_error(o, "no text given");
	if (n > !o->decode)
		return usage_error(o, "unexpected '%s'; quote a text of several words",
				   word[!o->decode]);
	if (session_open_model(&s, named ? NULL : o->args[0], &err) ||
	    (o->decode ? decode(o, s.model->tok, &ids, &err)
		       : encode(o, s.model->tok, word[0], &ids, &err)))
		status = report(&err);
	tok_ids_finish(&ids);
	session_close(&s);
	return status;
}
