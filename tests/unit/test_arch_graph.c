/* test_arch_graph.c - the ops that architectures record for the fixtures: every
 * one keeps its contract, and the list is the one in golden/, which was read
 * against the specifications. ZINC_UPDATE_GOLDEN=1 writes the lists anew. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "arch_fake.h"

/* Numbers that occur nowhere else, so that a listing is easy to read. */
static const struct zinc_shape golden_shape = {
	.struct_size = sizeof(golden_shape), .max_tokens = 7, .max_seqs = 2, .max_out = 3};

static char *read_text(const char *path)
{
	FILE *in = fopen(path, "rb");
	char *text = NULL;
	size_t n = 0;

	if (in && getdelim(&text, &n, 0, in) < 0) {
		free(text);
		text = NULL;
	}
	if (in)
		fclose(in);
	return text;
}

/* Shows the first line in which two texts differ. */
static void assert_same_text(const char *name, const char *got, const char *want)
{
	unsigned line = 1;

	while (*got && *got == *want) {
		line += *got == '\n';
		got++;
		want++;
	}
	if (*got || *want)
		fail_msg("golden/%s.txt differs in line %u: \"%.60s\" instead of \"%.60s\"", name,
		         line, got, want);
}

static void check_golden(const char *name, const char *listing)
{
	char path[512];

	snprintf(path, sizeof(path), "%s/%s.txt", ZINC_GOLDEN_DIR, name);
	if (getenv("ZINC_UPDATE_GOLDEN")) {
		FILE *out = fopen(path, "wb");

		assert_non_null(out);
		fputs(listing, out);
		fclose(out);
		return;
	}
	char *want = read_text(path);
	if (!want)
		fail_msg("%s is missing", path);
	assert_same_text(name, listing, want);
	free(want);
}

/* Where all rows may be read, K turns together with the queries in every layer: backends
 * make one kernel of that and of kv_write. */
static void check_k_turns_with_q(const char *listing)
{
	const char *write = listing;

	while ((write = strstr(write, "\nkv_write "))) {
		const char *before = write, *k;

		while (before > listing && before[-1] != '\n')
			before--;
		k = strstr(before, " k=");
		if (!k || k > write)
			fail_msg("K turns alone: %.*s", (int)(write - before), before);
		write++;
	}
}

static void build_checked(struct fake *f, struct zinc_shape shape, const char *golden)
{
	struct fake_graph_result r = fake_build(f, &shape);

	if (r.n_problems)
		fail_msg("%u problems, the first: %s\n%s", r.n_problems, r.problem, r.listing);
	if (golden)
		check_golden(golden, r.listing);
	if (shape.max_out == shape.max_tokens)
		check_k_turns_with_q(r.listing);
	free(r.listing);
}

static void check_model(const char *plugin, const char *path, const char *golden)
{
	static const struct zinc_shape others[] = {
		{.struct_size = sizeof(others[0]), .max_tokens = 1, .max_seqs = 1, .max_out = 1},
		{.struct_size = sizeof(others[0]), .max_tokens = 4, .max_seqs = 4, .max_out = 4},
		{.struct_size = sizeof(others[0]), .max_tokens = 512, .max_seqs = 8, .max_out = 8}};
	struct fake f;

	fake_start(&f, plugin, path);
	if (fake_open(&f) != ZINC_OK)
		fail_msg("%s", f.err.msg);
	build_checked(&f, golden_shape, golden);
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		build_checked(&f, others[i], NULL);
	fake_finish(&f);
}

#define FIXTURE(plugin, name)                                                                      \
	check_model(plugin, ZINC_FIXTURE_DIR "/q8_0/" name ".Q8_0.gguf", name)

static void test_llama(void **state)
{
	(void)state;
	FIXTURE("llama", "llama");
}

static void test_qwen3(void **state)
{
	(void)state;
	FIXTURE("qwen3", "qwen3");
}

static void test_qwen35(void **state)
{
	(void)state;
	FIXTURE("qwen35", "qwen35");
}

static void test_qwen35moe(void **state)
{
	(void)state;
	FIXTURE("qwen35", "qwen35moe");
}

static void test_gemma3(void **state)
{
	(void)state;
	FIXTURE("gemma3", "gemma3");
}

static void test_gemma4_dense(void **state)
{
	(void)state;
	FIXTURE("gemma4", "gemma4-31b");
}

static void test_gemma4_per_layer_embeddings(void **state)
{
	(void)state;
	FIXTURE("gemma4", "gemma4-e2b");
}

static void test_gemma4_experts(void **state)
{
	(void)state;
	FIXTURE("gemma4", "gemma4-26b-a4b");
}

static void test_pocket_models(void **state)
{
	(void)state;
	check_model("qwen35", ZINC_MODEL_DIR "/pocket-qwen35moe.Q4_K_M.gguf", "pocket-qwen35moe");
	check_model("gemma4", ZINC_MODEL_DIR "/pocket-gemma4.Q4_K_M.gguf", "pocket-gemma4");
}

/* A last block that is recurrent: its states need all tokens, what follows only
 * the rows that are read. */
static void test_qwen35_ends_recurrent(void **state)
{
	struct fake f;

	(void)state;
	fake_start_fixture(&f, "qwen35", "qwen35");
	fake_edit(&f, (struct fake_edit)EDIT_U32("qwen35.nextn_predict_layers", 1));
	assert_int_equal(fake_open(&f), ZINC_OK);
	build_checked(&f, golden_shape, "qwen35-recurrent-end");
	fake_finish(&f);
}

/* Fixtures of these do not exist as files; their shapes are made up here. */
static void add_tensor(struct fake *f, const char *name, uint32_t a, uint32_t b, uint32_t c)
{
	fake_edit(f, (struct fake_edit)EDIT_TENSOR(name, a, b, c));
}

static void test_qwen3moe(void **state)
{
	struct fake f;

	(void)state;
	fake_start_fixture(&f, "qwen3", "qwen3");
	f.meta.alias = "qwen3moe";
	f.meta.original = "qwen3";
	fake_edit(&f, (struct fake_edit)EDIT_STR("general.architecture", "qwen3moe"));
	fake_edit(&f, (struct fake_edit)EDIT_U32("qwen3moe.block_count", 1));
	fake_edit(&f, (struct fake_edit)EDIT_U32("qwen3moe.expert_count", 8));
	fake_edit(&f, (struct fake_edit)EDIT_U32("qwen3moe.expert_used_count", 2));
	fake_edit(&f, (struct fake_edit)EDIT_U32("qwen3moe.expert_feed_forward_length", 96));
	add_tensor(&f, "blk.0.ffn_gate_inp.weight", 256, 8, 1);
	add_tensor(&f, "blk.0.ffn_gate_exps.weight", 256, 96, 8);
	add_tensor(&f, "blk.0.ffn_up_exps.weight", 256, 96, 8);
	add_tensor(&f, "blk.0.ffn_down_exps.weight", 96, 256, 8);
	if (fake_open(&f) != ZINC_OK)
		fail_msg("%s", f.err.msg);
	build_checked(&f, golden_shape, "qwen3moe");
	fake_finish(&f);
}

static void test_qwen35_fused_attention(void **state)
{
	struct fake f;

	(void)state;
	fake_start_fixture(&f, "qwen35", "qwen35");
	add_tensor(&f, "blk.3.attn_qkv.weight", 256, 2 * 4 * 64 + 2 * 2 * 64, 1);
	assert_int_equal(fake_open(&f), ZINC_OK);
	build_checked(&f, golden_shape, "qwen35-fused-attention");
	fake_finish(&f);
}

static void test_llama3_rope_factors(void **state)
{
	struct fake f;

	(void)state;
	fake_start_fixture(&f, "llama", "llama");
	add_tensor(&f, "rope_freqs.weight", 32, 1, 1);
	fake_edit(&f, (struct fake_edit)EDIT_U32("llama.block_count", 1));
	assert_int_equal(fake_open(&f), ZINC_OK);
	build_checked(&f, golden_shape, "llama-rope-factors");
	fake_finish(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_llama),
		cmocka_unit_test(test_llama3_rope_factors),
		cmocka_unit_test(test_qwen3),
		cmocka_unit_test(test_qwen3moe),
		cmocka_unit_test(test_qwen35),
		cmocka_unit_test(test_qwen35_ends_recurrent),
		cmocka_unit_test(test_qwen35_fused_attention),
		cmocka_unit_test(test_qwen35moe),
		cmocka_unit_test(test_gemma3),
		cmocka_unit_test(test_gemma4_dense),
		cmocka_unit_test(test_gemma4_per_layer_embeddings),
		cmocka_unit_test(test_gemma4_experts),
		cmocka_unit_test(test_pocket_models),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
