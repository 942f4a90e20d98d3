/* wish.c - options: a word or a number that means nothing is refused. */
#include "wish.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_WORDS = 6 };

static const struct {
	const char *option, *words[MOST_WORDS], *text;
} words[] = {
	{"products", {"f16", "int8"}, "f16 or int8"},
	{"tables", {"host", "device"}, "host or device"},
	{"shared_prefix", {"on", "off"}, "on or off"},
	{"tune", {"auto", "again", "show", "off", "sample"}, "auto, again, show, off or sample"},
};

static const struct {
	const char *option;
	uint32_t least, most;
} numbers[] = {
	{"library_cols", 0, UINT32_MAX}, {"dense_mib", 0, UINT32_MAX}, {"table_rows", 1, UINT32_MAX},
	{"sparse_percent", 0, 100},      {"sparse_from", 0, UINT32_MAX},
};

static bool is_number(const char *text, uint32_t least, uint32_t most)
{
	char *end;
	unsigned long n;

	if (!isdigit((unsigned char)text[0]))
		return false;
	errno = 0;
	n = strtoul(text, &end, 10);
	return !errno && !*end && n >= least && n <= most;
}

static int check_words(const struct zinc_host *host, struct zinc_err *err)
{
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		const char *wish = host->option(host->ctx, words[i].option);
		bool known = !wish;

		for (int w = 0; w < MOST_WORDS && words[i].words[w] && !known; w++)
			known = !strcmp(wish, words[i].words[w]);
		if (!known)
			return ada_err(err, ZINC_E_INVALID, "option %s of cuda_ada is %s, not \"%s\"",
			               words[i].option, words[i].text, wish);
	}
	return ZINC_OK;
}

int ada_wishes_check(const struct zinc_host *host, struct zinc_err *err)
{
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		const char *wish = host->option(host->ctx, numbers[i].option);
		uint32_t least = numbers[i].least, most = numbers[i].most;

		if (wish && !is_number(wish, least, most))
			return ada_err(err, ZINC_E_INVALID,
			               "option %s of cuda_ada is a number from %u to %u, not \"%s\"",
			               numbers[i].option, least, most, wish);
	}
	return check_words(host, err);
}
