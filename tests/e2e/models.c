/* models.c - the models that path tests run over. */
#include "e2e/models.h"

#include <stdio.h>
#include <string.h>

#include "e2e/rig.h"

static void each_of(const char *dir, void (*fn)(const char *path))
{
	uint32_t n;
	char **list = rig_list(dir, &n);

	for (uint32_t i = 0; i < n; i++)
		fn(list[i]);
	rig_list_free(list, n);
}

void models_each(void (*fn)(const char *path))
{
	each_of(ZINC_FIXTURE_DIR "/k_quants", fn);
	each_of(ZINC_MODEL_DIR, fn);
	fn(ZINC_FIXTURE_DIR "/q8_0/qwen3moe.Q8_0.gguf");
}

void models_prompt(int32_t *ids, uint32_t n, uint32_t n_vocab, uint32_t seed)
{
	uint32_t x = seed * 2654435761u + 12345;

	for (uint32_t i = 0; i < n; i++) {
		x = x * 1664525u + 1013904223u;
		ids[i] = (int32_t)(8 + (x >> 8) % (n_vocab - 16));
	}
}
