/* host.c - log, options and counted memory for a plugin. */
#include "plugin/host.h"

#include <stdlib.h>
#include <string.h>

#include "util/log.h"

static void host_log(void *ctx, int level, const char *msg)
{
	const struct plug_host *h = ctx;

	if (level < ZINC_LOG_ERROR)
		level = ZINC_LOG_ERROR;
	log_msg(level, "%s: %s", h->id, msg ? msg : "");
}

const char *plug_option_key(const char *option, const char *id)
{
	size_t n = strlen(id);

	return strncmp(option, id, n) == 0 && option[n] == '.' ? option + n + 1 : NULL;
}

/* The last one given wins. */
static const char *host_option(void *ctx, const char *key)
{
	const struct plug_host *h = ctx;
	size_t n = strlen(key);

	for (uint32_t i = h->n_options; i-- > 0;) {
		const char *k = plug_option_key(h->options[i], h->id);

		if (k && strncmp(k, key, n) == 0 && k[n] == '=')
			return k + n + 1;
	}
	return NULL;
}

static void *host_alloc(void *ctx, size_t n, size_t align)
{
	struct plug_host *h = ctx;
	size_t bytes;
	void *p;

	if (align < sizeof(void *))
		align = sizeof(void *);
	if ((align & (align - 1)) != 0 || n > SIZE_MAX - align)
		return NULL;
	bytes = n ? (n + align - 1) & ~(align - 1) : align;
	p = aligned_alloc(align, bytes);
	if (p)
		atomic_fetch_add(&h->live, 1);
	return p;
}

static void host_free(void *ctx, void *p)
{
	struct plug_host *h = ctx;

	if (p)
		atomic_fetch_sub(&h->live, 1);
	free(p);
}

void plug_host_init(struct plug_host *h, const char *id, char *const *options, uint32_t n_options)
{
	h->api = (struct zinc_host){
		.struct_size = sizeof(h->api),
		.abi_minor = ZINC_ABI_MINOR,
		.ctx = h,
		.log = host_log,
		.option = host_option,
		.alloc = host_alloc,
		.free = host_free,
	};
	h->id = id;
	h->options = options;
	h->n_options = n_options;
	atomic_init(&h->live, 0);
}
