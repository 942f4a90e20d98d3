/* tok_bench.c - how fast does a model's tokenizer read a text?
 *
 * usage: tok_bench MODEL.gguf TEXT...   (the texts are joined)
 * Prints the time to open the file, to build the tokenizer, and the best of
 * several runs over the text on one core. Not a test: nothing depends on it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/tokenizer.h"
#include "model/gguf.h"
#include "token/tok.h"
#include "unit/gguf_bytes.h"
#include "unit/tok_host.h"

enum { RUNS = 7 };

static double now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static int check(int rc, const struct zinc_err *err)
{
	if (rc)
		fprintf(stderr, "%s\n", err->msg);
	return rc;
}

static void measure(const struct tok *t, const struct bytes *text)
{
	struct tok_ids ids = {0};
	struct zinc_err err;
	double best = 1e30;

	for (int run = 0; run < RUNS; run++) {
		double start = now_ms(), ms;

		ids.n = 0;
		if (check(tok_encode(t, (const char *)text->data, text->n, false, &ids, &err),
			  &err))
			exit(1);
		ms = now_ms() - start;
		if (ms < best)
			best = ms;
	}
	printf("%zu bytes, %zu tokens: %.2f ms, %.1f MB/s, %.2f M tokens/s\n", text->n, ids.n, best,
	       (double)text->n / best / 1e3, (double)ids.n / best / 1e3);
	tok_ids_finish(&ids);
}

int main(int argc, char **argv)
{
	struct zinc_tok_spec spec = {.struct_size = sizeof(spec)};
	struct zinc_err err = {0};
	struct bytes text = {0};
	double start = now_ms(), opened;
	struct gguf *g;
	struct tok *t;

	if (argc < 3) {
		fprintf(stderr, "usage: tok_bench MODEL.gguf TEXT...\n");
		return 2;
	}
	if (check(gguf_open(argv[1], &g, &err), &err))
		return 1;
	opened = now_ms();
	if (check(arch_tokenizer(&tok_host, (const void *)g, &spec, &err), &err) ||
	    check(tok_create(g, &spec, &t, &err), &err))
		return 1;
	printf("open %.1f ms, create %.1f ms\n", opened - start, now_ms() - opened);
	for (int i = 2; i < argc; i++) {
		struct bytes one = read_whole(argv[i]);

		bytes_put(&text, one.data, one.n);
		bytes_finish(&one);
	}
	measure(t, &text);
	bytes_finish(&text);
	tok_destroy(t);
	gguf_close(g);
	return 0;
}
