/* plugin.c - what the loader sees of the llama architecture. */
#include "chat.h"
#include "common/plugin.h"
#include "llama.h"

static int tokenizer(void *model, struct zinc_tok_spec *out, struct zinc_err *err)
{
	static const char *const stops[] = {"<|im_end|>", "<|eot_id|>", "<|eom_id|>",
	                                    "<|end_of_text|>", "<|endoftext|>", NULL};

	return plugin_tokenizer(model, stops, NULL, out, err);
}

static const struct zinc_arch llama_arch = {
	.struct_size = sizeof(struct zinc_arch),
	.gguf_names = llama_gguf_names,
	.open = llama_open,
	.close = model_close,
	.info = model_info,
	.weights = model_weights,
	.constants = model_constants,
	.states = model_states,
	.tokenizer = tokenizer,
	.build = llama_build,
	.chat = &llama_chat,
};

const struct zinc_plugin zinc_plugin_v0 = {
	.magic = ZINC_PLUGIN_MAGIC,
	.struct_size = sizeof(struct zinc_plugin),
	.abi_minor = ZINC_ABI_MINOR,
	.kind = ZINC_KIND_ARCH,
	.id = "llama",
	.version = ZINC_PLUGIN_VERSION,
	.init = plugin_init,
	.fini = plugin_fini,
	.arch = &llama_arch,
};
