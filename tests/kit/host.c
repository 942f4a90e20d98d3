/* host.c - see host.h. */
#include "host.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool may_give(struct kit_host *h)
{
	h->n_calls++;
	if (!h->fail_at || h->n_calls < h->fail_at)
		return true;
	return h->n_calls > h->fail_at && !h->fail_on;
}

static void *give(void *ctx, size_t n, size_t align)
{
	struct kit_host *h = ctx;
	void *p = NULL;

	pthread_mutex_lock(&h->lock);
	if (!align || (align & (align - 1)))
		h->misused = true;
	if (align < sizeof(void *))
		align = sizeof(void *);
	if (!h->misused && may_give(h) && posix_memalign(&p, align, n ? n : 1) == 0) {
		/* Whoever reads before writing shall see it. */
		memset(p, 0xff, n);
		h->n_live++;
	}
	pthread_mutex_unlock(&h->lock);
	return p;
}

static void take_back(void *ctx, void *p)
{
	struct kit_host *h = ctx;

	if (!p)
		return;
	pthread_mutex_lock(&h->lock);
	h->n_live--;
	pthread_mutex_unlock(&h->lock);
	free(p);
}

static void log_line(void *ctx, int level, const char *msg)
{
	const struct kit_host *h = ctx;

	if (h->verbose || level <= ZINC_LOG_ERROR)
		fprintf(stderr, "plugin: %s\n", msg);
}

static const char *option(void *ctx, const char *key)
{
	const struct kit_host *h = ctx;
	size_t n = strlen(key);

	for (uint32_t i = 0; i < h->n_options; i++)
		if (!strncmp(h->options[i], key, n) && h->options[i][n] == '=')
			return h->options[i] + n + 1;
	return NULL;
}

void kit_host_init(struct kit_host *h)
{
	memset(h, 0, sizeof(*h));
	pthread_mutex_init(&h->lock, NULL);
	h->table = (struct zinc_host){.struct_size = sizeof(h->table), .abi_minor = ZINC_ABI_MINOR,
	                              .ctx = h, .log = log_line, .option = option, .alloc = give,
	                              .free = take_back};
}

void kit_host_finish(struct kit_host *h)
{
	pthread_mutex_destroy(&h->lock);
}
