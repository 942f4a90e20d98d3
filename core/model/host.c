/* host.c - the functions the core lends to architectures. The metadata half
 * reads the GGUF file (a struct zinc_meta is a struct gguf); the graph half is
 * the recorder's. */
#include <string.h>

#include "graph/graph.h"
#include "model/gguf.h"
#include "model/model.h"

#include <zinc/plugin.h>

static const struct gguf *file(const struct zinc_meta *m)
{
	return (const struct gguf *)(const void *)m;
}

static int meta_u32(const struct zinc_meta *m, const char *key, uint32_t *out)
{
	return gguf_get_u32(file(m), key, 0, out);
}

static int meta_f32(const struct zinc_meta *m, const char *key, float *out)
{
	return gguf_get_f32(file(m), key, 0, out);
}

static int meta_bool(const struct zinc_meta *m, const char *key, uint32_t *out)
{
	return gguf_get_bool(file(m), key, 0, out);
}

static int meta_str(const struct zinc_meta *m, const char *key, const char **out, uint64_t *n)
{
	struct gguf_str s;
	int rc = gguf_get_str(file(m), key, 0, &s);

	if (rc)
		return rc;
	*out = s.ptr;
	if (n)
		*n = s.n;
	return ZINC_OK;
}

static int meta_len(const struct zinc_meta *m, const char *key, uint64_t *n)
{
	return gguf_get_len(file(m), key, n);
}

static int meta_u32_at(const struct zinc_meta *m, const char *key, uint64_t i, uint32_t *out)
{
	int rc = gguf_get_u32(file(m), key, i, out);

	/* Arrays of booleans (layer patterns) read as 0 and 1. */
	return rc == ZINC_E_INVALID ? gguf_get_bool(file(m), key, i, out) : rc;
}

static int meta_f32_at(const struct zinc_meta *m, const char *key, uint64_t i, float *out)
{
	return gguf_get_f32(file(m), key, i, out);
}

static int tensor(const struct zinc_meta *m, const char *name, struct zinc_tensor_info *out)
{
	const struct gguf_tensor *t = gguf_tensor_find(file(m), name);

	if (!t)
		return ZINC_E_UNSUPPORTED;
	if (out) {
		out->dtype = t->dtype;
		memcpy(out->ne, t->ne, sizeof(out->ne));
	}
	return ZINC_OK;
}

const struct zinc_arch_host model_arch_host = {
	.struct_size = sizeof(struct zinc_arch_host),
	.abi_minor = ZINC_ABI_MINOR,
	.meta_u32 = meta_u32,
	.meta_f32 = meta_f32,
	.meta_bool = meta_bool,
	.meta_str = meta_str,
	.meta_len = meta_len,
	.meta_u32_at = meta_u32_at,
	.meta_f32_at = meta_f32_at,
	.tensor = tensor,
	.temp = graph_temp,
	.weight = graph_weight,
	.constant = graph_constant,
	.state = graph_state,
	.table = graph_table,
	.op = graph_op,
	.label = graph_label,
	.tap = graph_tap,
	.logits = graph_logits,
	.fail = graph_fail,
};
