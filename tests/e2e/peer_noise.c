/* peer_noise.c - the logits of llama.cpp after prompts of token ids, for the deviations
 * in tests/fixtures (NAME.peer.json): not part of the build. With Debian's libllama-dev:
 *
 *     gcc peer_noise.c -o peer_noise -lllama
 *     ./peer_noise MODEL.gguf IDS OUT
 *
 * IDS has a prompt a line, ids with spaces between them: the fixture's own prompt, then
 * models_prompt() of 48 ids with the seeds 1 to 39. OUT: float32 [prompts, tokens,
 * vocabulary]. The deviation of a prompt is the root of the mean square, over all its
 * positions, against `zinc logits --numerics f32 --kv-type f32`, which the fixture's
 * reference logits have verified. */
#include <llama.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST = 512 };

static int run(struct llama_model *model, const int *ids, int n, FILE *out)
{
	struct llama_context_params params = llama_context_default_params();
	size_t n_vocab = (size_t)llama_vocab_n_tokens(llama_model_get_vocab(model));
	struct llama_batch batch = llama_batch_init(MOST, 0, 1);
	struct llama_context *context;

	params.n_ctx = params.n_batch = params.n_ubatch = MOST;
	params.n_threads = params.n_threads_batch = 1;
	params.type_k = params.type_v = GGML_TYPE_F32;
	params.flash_attn_type = LLAMA_FLASH_ATTN_TYPE_DISABLED;
	context = llama_init_from_model(model, params);
	batch.n_tokens = n;
	for (int i = 0; i < n; i++) {
		batch.token[i] = ids[i];
		batch.pos[i] = i;
		batch.n_seq_id[i] = 1;
		batch.seq_id[i][0] = 0;
		batch.logits[i] = 1;
	}
	if (!context || llama_decode(context, batch))
		return 1;
	for (int i = 0; i < n; i++)
		fwrite(llama_get_logits_ith(context, i), sizeof(float), n_vocab, out);
	llama_batch_free(batch);
	llama_free(context);
	return 0;
}

int main(int argc, char **argv)
{
	struct llama_model_params params = llama_model_default_params();
	static char line[1 << 16];
	struct llama_model *model;
	FILE *in, *out;
	int rc = 0;

	if (argc != 4)
		return 2;
	llama_backend_init();
	params.n_gpu_layers = 0;
	model = llama_model_load_from_file(argv[1], params);
	in = fopen(argv[2], "r");
	out = fopen(argv[3], "wb");
	if (!model || !in || !out)
		return 1;
	while (!rc && fgets(line, sizeof(line), in)) {
		int ids[MOST], n = 0;

		for (char *p = strtok(line, " \n"); p && n < MOST; p = strtok(NULL, " \n"))
			ids[n++] = atoi(p);
		rc = run(model, ids, n, out);
	}
	return fclose(out) || rc;
}
