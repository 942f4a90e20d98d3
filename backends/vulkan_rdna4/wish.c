/* wish.c - options that are one of some words: a word that means nothing is refused. */
#include "wish.h"

#include <string.h>

enum { MOST_WORDS = 5 };

static const struct {
	const char *option, *words[MOST_WORDS], *text;
} options[] = {
	{"products", {"coopmat", "int8", "dot", "plain"}, "coopmat, int8, dot or plain"},
	{"tables", {"host", "device"}, "host or device"},
	{"chain", {"on", "off"}, "on or off"},
	{"tiles", {"narrow", "deep", "mid", "wide", "widest"}, "narrow, deep, mid, wide or widest"},
};

int rdna4_wishes_check(const struct zinc_host *host, struct zinc_err *err)
{
	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
		const char *wish = host->option(host->ctx, options[i].option);
		bool known = !wish;

		for (int w = 0; w < MOST_WORDS && options[i].words[w] && !known; w++)
			known = !strcmp(wish, options[i].words[w]);
		if (!known)
			return rdna4_err(err, ZINC_E_INVALID, "option %s of vulkan_rdna4 is %s, not \"%s\"",
			                 options[i].option, options[i].text, wish);
	}
	return ZINC_OK;
}
