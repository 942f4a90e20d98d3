/* ids.c - reading lists of token ids. */
#include "cli/ids.h"

#include <stdlib.h>
#include <string.h>

#include "cli/cmd.h"
#include "util/err.h"

static int parse_list(const char *what, const char *text, uint32_t n_vocab, struct tok_ids *out,
		      struct zinc_err *err)
{
	static const char between[] = ", \t\r\n";

	for (const char *at = text + strspn(text, between); *at; at += strspn(at, between)) {
		int n = (int)strcspn(at, between);
		char *end;
		unsigned long id = strtoul(at, &end, 10);

		if (*at < '0' || *at > '9' || end != at + n || id >= n_vocab)
			return err_set(err, ZINC_E_INVALID, "%s: '%.*s' is not a token id below %u",
				       what, n, at, n_vocab);
		if (tok_ids_push(out, (int32_t)id))
			return err_set(err, ZINC_E_NO_MEMORY, "no memory for the tokens");
		at = end;
	}
	if (out->n == 0)
		return err_set(err, ZINC_E_INVALID, "%s: no token ids given", what);
	return ZINC_OK;
}

int ids_parse(const char *what, const char *text, uint32_t n_vocab, struct tok_ids *out,
	      struct zinc_err *err)
{
	char *file;
	size_t n;
	int rc;

	if (text[0] != '@')
		return parse_list(what, text, n_vocab, out, err);
	rc = read_all(text + 1, &file, &n, err);
	if (rc)
		return rc;
	rc = parse_list(what, file, n_vocab, out, err);
	free(file);
	return rc;
}
