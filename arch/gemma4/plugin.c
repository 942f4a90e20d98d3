/* plugin.c - what the loader sees of the gemma4 architecture. */
#include "chat.h"
#include "common/plugin.h"
#include "gemma4.h"

static int tokenizer(void *model, struct zinc_tok_spec *out, struct zinc_err *err)
{
	static const char *const stops[] = {"<eos>", "<turn|>", "<|tool_response>", NULL};
	/* Placeholders of pictures and sound, which can win in plain text. */
	static const char *const suppress[] = {"<|image>",  "<|image|>", "<image|>", "<|audio>",
	                                       "<|audio|>", "<audio|>",  "<|video|>", NULL};

	return plugin_tokenizer(model, stops, suppress, out, err);
}

static const struct zinc_arch gemma4_arch = {
	.struct_size = sizeof(struct zinc_arch),
	.gguf_names = gemma4_gguf_names,
	.open = gemma4_open,
	.close = model_close,
	.info = model_info,
	.weights = model_weights,
	.constants = model_constants,
	.states = model_states,
	.tokenizer = tokenizer,
	.build = gemma4_build,
	.chat = &gemma4_chat,
};

const struct zinc_plugin zinc_plugin_v0 = {
	.magic = ZINC_PLUGIN_MAGIC,
	.struct_size = sizeof(struct zinc_plugin),
	.abi_minor = ZINC_ABI_MINOR,
	.kind = ZINC_KIND_ARCH,
	.id = "gemma4",
	.version = ZINC_PLUGIN_VERSION,
	.init = plugin_init,
	.fini = plugin_fini,
	.arch = &gemma4_arch,
};
