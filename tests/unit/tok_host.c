/* tok_host.c - an architecture's host that only reads metadata. */
#include "unit/tok_host.h"

#include <string.h>

#include "model/gguf.h"

const char *tok_host_pre;

static const struct gguf *file(const struct zinc_meta *m)
{
	return (const struct gguf *)(const void *)m;
}

static int meta_u32(const struct zinc_meta *m, const char *key, uint32_t *out)
{
	return gguf_get_u32(file(m), key, 0, out);
}

static int meta_bool(const struct zinc_meta *m, const char *key, uint32_t *out)
{
	return gguf_get_bool(file(m), key, 0, out);
}

static int meta_str(const struct zinc_meta *m, const char *key, const char **out, uint64_t *n)
{
	struct gguf_str s;
	int rc = gguf_get_str(file(m), key, 0, &s);

	if (tok_host_pre && !strcmp(key, "tokenizer.ggml.pre")) {
		s = (struct gguf_str){tok_host_pre, strlen(tok_host_pre)};
		rc = ZINC_OK;
	}
	if (rc)
		return rc;
	*out = s.ptr;
	*n = s.n;
	return ZINC_OK;
}

static int meta_len(const struct zinc_meta *m, const char *key, uint64_t *n)
{
	return gguf_get_len(file(m), key, n);
}

const struct zinc_arch_host tok_host = {
	.struct_size = sizeof(struct zinc_arch_host),
	.meta_u32 = meta_u32,
	.meta_bool = meta_bool,
	.meta_str = meta_str,
	.meta_len = meta_len,
};
