/* plugin.c - what the loader sees: lists, tokenizer, the exported table. */
#include "olmo2.h"

#include <string.h>

static int info(void *model, struct zinc_arch_info *out)
{
	const struct olmo2 *p = model;
	uint32_t size = out->struct_size;

	/* An older host has a shorter struct. */
	memcpy(out, &p->info, size < sizeof(p->info) ? size : sizeof(p->info));
	out->struct_size = size;
	return ZINC_OK;
}

static int weights(void *model, const struct zinc_weight_decl **list, uint32_t *n)
{
	const struct olmo2 *p = model;

	*list = p->weights;
	*n = p->n_weights;
	return ZINC_OK;
}

static int constants(void *model, const struct zinc_const_decl **list, uint32_t *n)
{
	const struct olmo2 *p = model;

	*list = &p->rope;
	*n = 1;
	return ZINC_OK;
}

static int states(void *model, const struct zinc_state_decl **list, uint32_t *n)
{
	const struct olmo2 *p = model;

	*list = p->states;
	*n = p->info.n_layer;
	return ZINC_OK;
}

static int32_t token_id(const struct olmo2 *p, const char *key)
{
	uint32_t id;

	return p->host->meta_u32(p->meta, key, &id) || id > INT32_MAX ? -1 : (int32_t)id;
}

/* The splits must be those that the model was trained with, so a name that is
 * not known is refused: a wrong guess would seem to work and answer badly. */
static int tokenizer(void *model, struct zinc_tok_spec *out, struct zinc_err *err)
{
	static const char words[] = "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+"
				    "|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*"
				    "|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";
	const struct olmo2 *p = model;
	uint32_t size = out->struct_size;
	const char *pre;
	uint64_t n;

	if (p->host->meta_str(p->meta, "tokenizer.ggml.pre", &pre, &n))
		return olmo2_fail(err, ZINC_E_INVALID, "key tokenizer.ggml.pre is missing");
	if (n != 4 || memcmp(pre, "dbrx", 4))
		return olmo2_fail(err, ZINC_E_UNSUPPORTED, "tokenizer.ggml.pre is %.*s, not dbrx",
		                  (int)(n < 40 ? n : 40), pre);
	*out = (struct zinc_tok_spec){
		.struct_size = size, .kind = ZINC_TOK_BPE_BYTES, .unk = -1,
		.n_patterns = 1, .patterns = {words},
		.bos = token_id(p, "tokenizer.ggml.bos_token_id"),
		.eos = token_id(p, "tokenizer.ggml.eos_token_id"),
		.pad = token_id(p, "tokenizer.ggml.padding_token_id"),
	};
	return ZINC_OK;
}

static int init(const struct zinc_host *host, void **self, struct zinc_err *err)
{
	(void)host, (void)err;
	*self = NULL;
	return ZINC_OK;
}

static void fini(void *self)
{
	(void)self;
}

static const char *const gguf_names[] = {"olmo2", NULL};

static const struct zinc_arch arch = {
	.struct_size = sizeof(arch), .gguf_names = gguf_names,
	.open = olmo2_open, .close = olmo2_close, .info = info,
	.weights = weights, .constants = constants, .states = states,
	.tokenizer = tokenizer, .build = olmo2_build,
	/* No .chat: prompts go to the model as they are (zinc run --raw). */
};

const struct zinc_plugin zinc_plugin_v0 = {
	.magic = ZINC_PLUGIN_MAGIC, .struct_size = sizeof(struct zinc_plugin),
	.abi_minor = ZINC_ABI_MINOR, .kind = ZINC_KIND_ARCH,
	.id = "olmo2", .version = ZINC_PLUGIN_VERSION,
	.init = init, .fini = fini, .arch = &arch,
};
