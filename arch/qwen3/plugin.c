/* plugin.c - what the loader sees of the qwen3 architecture. */
#include "chat.h"
#include "common/plugin.h"
#include "qwen3.h"

static int tokenizer(void *model, struct zinc_tok_spec *out, struct zinc_err *err)
{
	static const char *const stops[] = {"<|im_end|>", "<|endoftext|>", NULL};

	return plugin_tokenizer(model, stops, NULL, out, err);
}

static const struct zinc_arch qwen3_arch = {
	.struct_size = sizeof(struct zinc_arch),
	.gguf_names = qwen3_gguf_names,
	.open = qwen3_open,
	.close = model_close,
	.info = model_info,
	.weights = model_weights,
	.constants = model_constants,
	.states = model_states,
	.tokenizer = tokenizer,
	.build = qwen3_build,
	.chat = &qwen3_chat,
};

const struct zinc_plugin zinc_plugin_v0 = {
	.magic = ZINC_PLUGIN_MAGIC,
	.struct_size = sizeof(struct zinc_plugin),
	.abi_minor = ZINC_ABI_MINOR,
	.kind = ZINC_KIND_ARCH,
	.id = "qwen3",
	.version = ZINC_PLUGIN_VERSION,
	.init = plugin_init,
	.fini = plugin_fini,
	.arch = &qwen3_arch,
};
