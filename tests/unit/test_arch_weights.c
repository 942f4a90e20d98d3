/* test_arch_weights.c - what architectures declare for the fixtures: weights
 * that account for every tensor of the file, states, tokens. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "arch_fake.h"
#include "model/gguf.h"

#define Q8_0(name) ZINC_FIXTURE_DIR "/q8_0/" name ".Q8_0.gguf"

static void open_model(struct fake *f, const char *plugin, const char *path)
{
	fake_start(f, plugin, path);
	if (fake_open(f) != ZINC_OK)
		fail_msg("%s", f->err.msg);
}

static const struct zinc_weight_decl *find_weight(struct fake *f, const char *name)
{
	const struct zinc_weight_decl *list;
	uint32_t n;

	assert_int_equal(f->plugin->arch->weights(f->model, &list, &n), ZINC_OK);
	for (uint32_t i = 0; i < n; i++)
		if (strcmp(list[i].name, name) == 0)
			return &list[i];
	return NULL;
}

/* What may be in a file and is left alone: NULL-terminated. */
static void check_tensors(struct fake *f, const char *const *ignored)
{
	for (uint64_t i = 0; i < gguf_n_tensors(f->meta.gguf); i++) {
		const struct gguf_tensor *t = gguf_tensor_at(f->meta.gguf, i);
		const struct zinc_weight_decl *w = find_weight(f, t->name);
		bool known = false;

		for (const char *const *name = ignored; *name; name++)
			known = known || strcmp(*name, t->name) == 0;
		if (!w && !known)
			fail_msg("tensor %s is neither declared nor known to be ignored", t->name);
		if (w && known)
			fail_msg("tensor %s is to be ignored, but declared", t->name);
		if (!w)
			continue;
		if (memcmp(w->ne, t->ne, sizeof(w->ne)) != 0)
			fail_msg("%s is declared as [%u, %u, %u]", w->name, w->ne[0], w->ne[1],
			         w->ne[2]);
		if (w->dtypes && !(w->dtypes & ZINC_TBIT(t->dtype)))
			fail_msg("%s is declared without dtype %u", w->name, t->dtype);
	}
}

/* Required weights are in the file, names occur once, vectors are F32. */
static void check_declared(struct fake *f)
{
	const struct zinc_weight_decl *list;
	uint32_t n;

	assert_int_equal(f->plugin->arch->weights(f->model, &list, &n), ZINC_OK);
	for (uint32_t i = 0; i < n; i++) {
		if (!list[i].optional && !gguf_tensor_find(f->meta.gguf, list[i].name))
			fail_msg("%s is required, but not in the fixture", list[i].name);
		assert_ptr_equal(find_weight(f, list[i].name), &list[i]);
		assert_int_not_equal(list[i].roles, 0);
		if (list[i].roles == ZINC_ROLE_VECTOR)
			assert_int_equal(list[i].dtypes, ZINC_TBIT(ZINC_F32));
		int layer = -1;
		sscanf(list[i].name, "blk.%d.", &layer);
		assert_int_equal(list[i].layer, layer);
	}
}

static void test_every_tensor_is_accounted_for(void **state)
{
	static const char *const none[] = {NULL};
	/* Blocks that share KV have weights of their own, which are dead. */
	static const char *const shared[] = {
		"blk.3.attn_k.weight", "blk.3.attn_v.weight", "blk.3.attn_k_norm.weight",
		"blk.4.attn_k.weight", "blk.4.attn_v.weight", "blk.4.attn_k_norm.weight",
		"blk.5.attn_k.weight", "blk.5.attn_v.weight", "blk.5.attn_k_norm.weight",
		NULL};
	static const struct {
		const char *plugin, *path;
		const char *const *ignored;
	} files[] = {
		{"llama", Q8_0("llama"), none},
		{"qwen3", Q8_0("qwen3"), none},
		{"qwen35", Q8_0("qwen35"), none},
		{"qwen35", Q8_0("qwen35moe"), none},
		{"gemma3", Q8_0("gemma3"), none},
		{"gemma4", Q8_0("gemma4-31b"), none},
		{"gemma4", Q8_0("gemma4-e2b"), shared},
		{"gemma4", Q8_0("gemma4-26b-a4b"), none},
		{"qwen35", ZINC_MODEL_DIR "/pocket-qwen35moe.Q4_K_M.gguf", none},
		{"gemma4", ZINC_MODEL_DIR "/pocket-gemma4.Q4_K_M.gguf", none},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		struct fake f;

		open_model(&f, files[i].plugin, files[i].path);
		check_tensors(&f, files[i].ignored);
		check_declared(&f);
		fake_finish(&f);
	}
}

static uint32_t roles(struct fake *f, const char *name)
{
	const struct zinc_weight_decl *w = find_weight(f, name);

	if (!w)
		fail_msg("%s is not declared", name);
	return w->roles;
}

static void test_roles(void **state)
{
	struct fake f;

	(void)state;
	open_model(&f, "qwen35", Q8_0("qwen35")); /* a tied head */
	assert_int_equal(roles(&f, "token_embd.weight"), ZINC_ROLE_TABLE | ZINC_ROLE_LINEAR);
	assert_null(find_weight(&f, "output.weight"));
	assert_int_equal(roles(&f, "output_norm.weight"), ZINC_ROLE_VECTOR);
	assert_int_equal(roles(&f, "blk.0.ssm_a"), ZINC_ROLE_VECTOR);
	assert_int_equal(roles(&f, "blk.0.ssm_conv1d.weight"), ZINC_ROLE_VECTOR);
	fake_finish(&f);

	open_model(&f, "qwen35", Q8_0("qwen35moe")); /* a head of its own */
	assert_int_equal(roles(&f, "token_embd.weight"), ZINC_ROLE_TABLE);
	assert_int_equal(roles(&f, "output.weight"), ZINC_ROLE_LINEAR);
	assert_int_equal(roles(&f, "blk.0.ffn_gate_inp.weight"), ZINC_ROLE_LINEAR);
	assert_int_equal(roles(&f, "blk.0.ffn_down_exps.weight"), ZINC_ROLE_EXPERTS);
	assert_int_equal(roles(&f, "blk.0.ffn_down_shexp.weight"), ZINC_ROLE_LINEAR);
	fake_finish(&f);

	open_model(&f, "gemma4", Q8_0("gemma4-e2b"));
	assert_int_equal(roles(&f, "per_layer_token_embd.weight"), ZINC_ROLE_TABLE);
	assert_int_equal(find_weight(&f, "blk.0.layer_output_scale.weight")->optional, 1);
	fake_finish(&f);
}

struct want_state {
	const char *name;
	uint32_t kind, a, b; /* KV: heads, head size; FIXED: elements */
	uint32_t window;
};

static void check_states(const char *plugin, const char *path, const struct want_state *want,
                         uint32_t n_want)
{
	const struct zinc_state_decl *list;
	struct fake f;
	uint32_t n;

	open_model(&f, plugin, path);
	assert_int_equal(f.plugin->arch->states(f.model, &list, &n), ZINC_OK);
	assert_int_equal(n, n_want);
	for (uint32_t i = 0; i < n; i++) {
		int layer = -1;

		assert_string_equal(list[i].name, want[i].name);
		assert_int_equal(list[i].kind, want[i].kind);
		assert_int_equal(sscanf(list[i].name, "blk.%d.", &layer), 1);
		assert_int_equal(list[i].layer, layer);
		if (list[i].kind == ZINC_STATE_FIXED) {
			assert_int_equal(list[i].n_elem, want[i].a);
			continue;
		}
		assert_int_equal(list[i].n_head_kv, want[i].a);
		assert_int_equal(list[i].k_head_dim, want[i].b);
		assert_int_equal(list[i].v_head_dim, want[i].b);
		assert_int_equal(list[i].window, want[i].window);
	}
	fake_finish(&f);
}

static void test_states(void **state)
{
	/* 2 key heads and 8 value heads of 32: 2 * 64 + 256 channels, 3 taps back. */
	static const struct want_state hybrid[] = {
		{"blk.0.conv", ZINC_STATE_FIXED, 3 * 384, 0, 0},
		{"blk.0.delta", ZINC_STATE_FIXED, 8 * 32 * 32, 0, 0},
		{"blk.1.conv", ZINC_STATE_FIXED, 3 * 384, 0, 0},
		{"blk.1.delta", ZINC_STATE_FIXED, 8 * 32 * 32, 0, 0},
		{"blk.2.conv", ZINC_STATE_FIXED, 3 * 384, 0, 0},
		{"blk.2.delta", ZINC_STATE_FIXED, 8 * 32 * 32, 0, 0},
		{"blk.3.kv", ZINC_STATE_KV, 2, 64, 0}};
	/* Of six blocks three own KV: two sliding ones and a full one. */
	static const struct want_state shared[] = {{"blk.0.kv", ZINC_STATE_KV, 1, 32, 16},
	                                           {"blk.1.kv", ZINC_STATE_KV, 1, 32, 16},
	                                           {"blk.2.kv", ZINC_STATE_KV, 1, 64, 0}};
	static const struct want_state two_kinds[] = {{"blk.0.kv", ZINC_STATE_KV, 2, 32, 16},
	                                              {"blk.1.kv", ZINC_STATE_KV, 2, 32, 16},
	                                              {"blk.2.kv", ZINC_STATE_KV, 1, 64, 0}};

	(void)state;
	check_states("qwen35", Q8_0("qwen35"), hybrid, 7);
	check_states("gemma4", Q8_0("gemma4-e2b"), shared, 3);
	check_states("gemma4", Q8_0("gemma4-26b-a4b"), two_kinds, 3);
}

static void check_info(const char *plugin, const char *path, struct zinc_arch_info want)
{
	struct zinc_arch_info info = {.struct_size = sizeof(info)};
	struct fake f;

	open_model(&f, plugin, path);
	assert_int_equal(f.plugin->arch->info(f.model, &info), ZINC_OK);
	assert_int_equal(info.struct_size, sizeof(info));
	assert_int_equal(info.n_layer, want.n_layer);
	assert_int_equal(info.n_embd, want.n_embd);
	assert_int_equal(info.n_vocab, want.n_vocab);
	assert_int_equal(info.n_ctx_train, want.n_ctx_train);
	assert_int_equal(info.n_expert, want.n_expert);
	assert_int_equal(info.n_expert_used, want.n_expert_used);
	assert_string_equal(info.summary, want.summary);
	fake_finish(&f);
}

static void test_info(void **state)
{
	static const struct zinc_arch_info dense = {.n_layer = 3,
	                                            .n_embd = 256,
	                                            .n_vocab = 384,
	                                            .n_ctx_train = 4096,
	                                            .summary = "dense, 3 layers"};
	static const struct zinc_arch_info hybrid = {
		.n_layer = 8,
		.n_embd = 256,
		.n_vocab = 8192,
		.n_ctx_train = 4096,
		.n_expert = 8,
		.n_expert_used = 2,
		.summary = "hybrid, 6 delta net + 2 full attention layers, 2 of 8 experts"};
	static const struct zinc_arch_info sliding = {
		.n_layer = 12,
		.n_embd = 256,
		.n_vocab = 8192,
		.n_ctx_train = 4096,
		.summary = "10 sliding (window 128) + 2 full attention layers"};

	(void)state;
	check_info("llama", Q8_0("llama"), dense);
	check_info("qwen35", ZINC_MODEL_DIR "/pocket-qwen35moe.Q4_K_M.gguf", hybrid);
	check_info("gemma4", ZINC_MODEL_DIR "/pocket-gemma4.Q4_K_M.gguf", sliding);
}

static void check_stops(const char *plugin, const char *path, const char *const *want, uint32_t n)
{
	struct zinc_tok_spec spec = {.struct_size = sizeof(spec)};
	struct fake f;

	open_model(&f, plugin, path);
	if (f.plugin->arch->tokenizer(f.model, &spec, &f.err) != ZINC_OK)
		fail_msg("%s", f.err.msg);
	assert_int_equal(spec.n_stop_text, n);
	for (uint32_t i = 0; i < n; i++)
		assert_string_equal(spec.stop_text[i], want[i]);
	fake_finish(&f);
}

static void test_stop_tokens(void **state)
{
	static const char *const qwen[] = {"<|im_end|>", "<|endoftext|>"};
	static const char *const gemma3[] = {"<end_of_turn>", "<eos>"};
	static const char *const gemma4[] = {"<eos>", "<turn|>", "<|tool_response>"};

	(void)state;
	check_stops("qwen3", Q8_0("qwen3"), qwen, 2);
	check_stops("qwen35", Q8_0("qwen35"), qwen, 2);
	check_stops("gemma3", Q8_0("gemma3"), gemma3, 2);
	check_stops("gemma4", Q8_0("gemma4-31b"), gemma4, 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_tensor_is_accounted_for),
		cmocka_unit_test(test_roles),
		cmocka_unit_test(test_states),
		cmocka_unit_test(test_info),
		cmocka_unit_test(test_stop_tokens),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
