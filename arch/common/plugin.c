/* plugin.c - init, fini and tokenizer of every architecture plugin. */
#include "plugin.h"

#include "base.h"
#include "tokenizer.h"

int plugin_init(const struct zinc_host *host, void **self, struct zinc_err *err)
{
	(void)host;
	(void)err;
	*self = NULL;
	return ZINC_OK;
}

void plugin_fini(void *self)
{
	(void)self;
}

static uint32_t copy_names(const char **to, const char *const *from)
{
	uint32_t n = 0;

	for (; from && from[n] && n < ZINC_TOK_MAX_STOP; n++)
		to[n] = from[n];
	return n;
}

int plugin_tokenizer(void *model, const char *const *stops, const char *const *suppress,
                     struct zinc_tok_spec *out, struct zinc_err *err)
{
	const struct arch_base *base = model;
	int rc = arch_tokenizer(base->host, base->meta, out, err);

	if (rc != ZINC_OK)
		return rc;
	out->n_stop_text = copy_names(out->stop_text, stops);
	out->n_suppress_text = copy_names(out->suppress_text, suppress);
	return ZINC_OK;
}
