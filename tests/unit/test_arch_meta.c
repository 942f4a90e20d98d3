/* test_arch_meta.c - metadata that is missing, zero, huge, of another type or
 * contradictory: open() refuses it with a sentence that names the key, and what
 * it accepts it can also build. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "arch_fake.h"

/* What a key of the fixture is to its architecture. */
enum { OPTIONAL = 1, ZERO_OK = 2, FLOAT = 4 };

struct key {
	const char *name;
	unsigned flags;
};

struct family {
	const char *plugin, *arch, *fixture;
	struct key keys[28]; /* ends with a NULL name */
};

static const struct family families[] = {
	{"llama", "llama", "llama",
	 {{"block_count", 0},
	  {"context_length", 0},
	  {"embedding_length", 0},
	  {"feed_forward_length", 0},
	  {"attention.head_count", 0},
	  {"attention.head_count_kv", OPTIONAL},
	  {"attention.key_length", OPTIONAL},
	  {"attention.value_length", OPTIONAL},
	  {"attention.layer_norm_rms_epsilon", FLOAT},
	  {"rope.freq_base", OPTIONAL | FLOAT},
	  {"rope.dimension_count", OPTIONAL}}},
	{"qwen3", "qwen3", "qwen3",
	 {{"block_count", 0},
	  {"context_length", 0},
	  {"embedding_length", 0},
	  {"feed_forward_length", 0},
	  {"attention.head_count", 0},
	  {"attention.head_count_kv", OPTIONAL},
	  {"attention.key_length", 0},
	  {"attention.value_length", OPTIONAL},
	  {"attention.layer_norm_rms_epsilon", FLOAT},
	  {"rope.freq_base", FLOAT}}},
	{"qwen35", "qwen35", "qwen35",
	 {{"block_count", 0},
	  {"context_length", 0},
	  {"embedding_length", 0},
	  {"feed_forward_length", 0},
	  {"attention.head_count", 0},
	  {"attention.head_count_kv", 0},
	  {"attention.key_length", 0},
	  {"attention.value_length", OPTIONAL},
	  {"attention.layer_norm_rms_epsilon", FLOAT},
	  {"full_attention_interval", OPTIONAL},
	  {"nextn_predict_layers", OPTIONAL | ZERO_OK},
	  {"rope.freq_base", FLOAT},
	  {"rope.dimension_count", 0},
	  {"ssm.conv_kernel", 0},
	  {"ssm.state_size", 0},
	  {"ssm.group_count", 0},
	  {"ssm.time_step_rank", 0},
	  {"ssm.inner_size", 0}}},
	{"qwen35", "qwen35moe", "qwen35moe",
	 {{"expert_count", 0},
	  {"expert_used_count", 0},
	  {"expert_feed_forward_length", 0},
	  {"expert_shared_feed_forward_length", 0}}},
	{"gemma3", "gemma3", "gemma3",
	 {{"block_count", 0},
	  {"context_length", 0},
	  {"embedding_length", 0},
	  {"feed_forward_length", 0},
	  {"attention.head_count", 0},
	  {"attention.head_count_kv", OPTIONAL},
	  {"attention.key_length", 0},
	  {"attention.value_length", OPTIONAL},
	  {"attention.sliding_window", 0},
	  {"attention.sliding_window_pattern", OPTIONAL},
	  {"attention.layer_norm_rms_epsilon", FLOAT},
	  {"final_logit_softcapping", OPTIONAL | ZERO_OK | FLOAT},
	  {"rope.freq_base", FLOAT},
	  {"rope.freq_base_swa", OPTIONAL | FLOAT}}},
	{"gemma4", "gemma4", "gemma4-e2b",
	 {{"block_count", 0},
	  {"context_length", 0},
	  {"embedding_length", 0},
	  {"feed_forward_length", 0},
	  {"attention.head_count", 0},
	  {"attention.head_count_kv", 0},
	  {"attention.key_length", 0},
	  {"attention.value_length", OPTIONAL},
	  {"attention.key_length_swa", 0},
	  {"attention.value_length_swa", OPTIONAL},
	  {"attention.sliding_window", 0},
	  {"attention.sliding_window_pattern", 0},
	  {"attention.shared_kv_layers", OPTIONAL | ZERO_OK},
	  {"attention.layer_norm_rms_epsilon", FLOAT},
	  {"embedding_length_per_layer_input", OPTIONAL | ZERO_OK},
	  {"final_logit_softcapping", OPTIONAL | ZERO_OK | FLOAT},
	  {"rope.freq_base", FLOAT},
	  {"rope.freq_base_swa", FLOAT},
	  {"rope.dimension_count", OPTIONAL},
	  {"rope.dimension_count_swa", OPTIONAL}}},
	{"gemma4", "gemma4", "gemma4-26b-a4b",
	 {{"attention.head_count_kv", 0},
	  {"expert_count", 0},
	  {"expert_used_count", 0},
	  {"expert_feed_forward_length", 0}}},
};

enum { N_FAMILIES = sizeof(families) / sizeof(families[0]) };

/* With the last edit open() must fail with a message that holds `word`. */
static void expect_refusal(struct fake *f, struct fake_edit e, const char *word)
{
	f->meta.n_edits = 0;
	fake_edit(f, e);
	if (fake_open(f) == ZINC_OK)
		fail_msg("%s (edit %d, %u, %g) was accepted", e.name, (int)e.kind, e.u32,
		         (double)e.f32);
	assert_null(f->model);
	if (!strstr(f->err.msg, word))
		fail_msg("%s: the message does not name it: %s", e.name, f->err.msg);
}

/* What is accepted can be built: every op keeps its contract. */
static void expect_consistent(struct fake *f)
{
	static const struct zinc_shape shape = {
		.struct_size = sizeof(shape), .max_tokens = 5, .max_seqs = 2, .max_out = 3};

	f->meta.complete = true;
	struct fake_graph_result r = fake_build(f, &shape);
	if (r.n_problems)
		fail_msg("%s\n%s", r.problem, r.listing);
	free(r.listing);
}

static void expect_accepted(struct fake *f, struct fake_edit e)
{
	f->meta.n_edits = 0;
	fake_edit(f, e);
	if (fake_open(f) != ZINC_OK)
		fail_msg("%s: %s", e.name, f->err.msg);
	expect_consistent(f);
}

static void test_missing(void **state)
{
	(void)state;
	for (size_t i = 0; i < N_FAMILIES; i++) {
		struct fake f;

		fake_start_fixture(&f, families[i].plugin, families[i].fixture);
		for (const struct key *k = families[i].keys; k->name; k++) {
			char name[96];

			snprintf(name, sizeof(name), "%s.%s", families[i].arch, k->name);
			struct fake_edit e = {.name = name, .kind = FAKE_REMOVE};
			if (k->flags & OPTIONAL)
				expect_accepted(&f, e);
			else
				expect_refusal(&f, e, name);
		}
		fake_finish(&f);
	}
}

static void check_values(struct fake *f, const char *name, const struct key *k)
{
	static const float bad[] = {-1.0f, 1e38f, INFINITY, NAN};
	const char *word = strrchr(name, '.') + 1;
	struct fake_edit e = EDIT_U32(name, 0);

	e.kind = k->flags & FLOAT ? FAKE_F32 : FAKE_U32;
	if (k->flags & ZERO_OK)
		expect_accepted(f, e);
	else
		expect_refusal(f, e, word);
	for (size_t i = 0; i < 4; i++) {
		e.u32 = UINT32_MAX >> i;
		e.f32 = bad[i];
		expect_refusal(f, e, word);
	}
	e.kind = FAKE_STR;
	e.str = "text";
	expect_refusal(f, e, name);
	e.kind = FAKE_LEN; /* an array of two, in models of more blocks */
	e.u32 = 2;
	expect_refusal(f, e, name);
}

static void test_zero_huge_and_wrong_type(void **state)
{
	(void)state;
	for (size_t i = 0; i < N_FAMILIES; i++) {
		struct fake f;

		fake_start_fixture(&f, families[i].plugin, families[i].fixture);
		for (const struct key *k = families[i].keys; k->name; k++) {
			char name[96];

			snprintf(name, sizeof(name), "%s.%s", families[i].arch, k->name);
			check_values(&f, name, k);
		}
		fake_finish(&f);
	}
}

static const uint32_t zeros[4];

/* Each edit, and a word that the refusal must hold. */
static const struct {
	const char *plugin, *fixture;
	struct fake_edit edit;
	const char *word;
} contradictions[] = {
	{"llama", "llama", EDIT_U32("general.architecture", 1), "general.architecture"},
	{"llama", "llama", EDIT_STR("general.architecture", "mamba"), "mamba"},
	{"llama", "llama", EDIT_U32("llama.attention.head_count_kv", 3), "head_count_kv"},
	{"llama", "llama", EDIT_U32("llama.attention.value_length", 32), "value_length"},
	{"llama", "llama", EDIT_U32("llama.rope.dimension_count", 33), "dimension_count"},
	{"llama", "llama", EDIT_U32("llama.rope.dimension_count", 66), "dimension_count"},
	{"llama", "llama", EDIT_U32("llama.expert_count", 8), "expert_count"},
	{"llama", "llama", EDIT_REMOVE("token_embd.weight"), "token_embd.weight"},
	{"llama", "llama", EDIT_TENSOR("blk.0.attn_q.bias", 256, 1, 1), "attn_q.bias"},
	{"qwen3", "qwen3", EDIT_STR("qwen3.rope.scaling.type", "dynamic"), "dynamic"},
	{"qwen35", "qwen35", EDIT_U32("qwen35.attention.head_count_kv", 3), "head_count_kv"},
	{"qwen35", "qwen35", EDIT_LIST("qwen35.attention.head_count_kv", zeros, 4), "head_"},
	{"qwen35", "qwen35", EDIT_LIST("qwen35.attention.recurrent_layers", zeros, 3), "recurr"},
	{"qwen35", "qwen35", EDIT_U32("qwen35.ssm.time_step_rank", 7), "time_step_rank"},
	{"qwen35", "qwen35", EDIT_U32("qwen35.ssm.inner_size", 255), "inner_size"},
	{"qwen35", "qwen35", EDIT_U32("qwen35.nextn_predict_layers", 4), "nextn"},
	{"qwen35", "qwen35", EDIT_U32("qwen35.rope.dimension_count", 15), "even"},
	{"qwen35", "qwen35moe", EDIT_U32("qwen35moe.expert_used_count", 9), "expert_used"},
	{"gemma4", "gemma4-e2b", EDIT_U32("gemma4.attention.shared_kv_layers", 6), "shared_kv"},
	/* No full layer is left that owns KV. */
	{"gemma4", "gemma4-e2b", EDIT_U32("gemma4.attention.shared_kv_layers", 4), "shared_kv"},
	{"gemma4", "gemma4-e2b", EDIT_U32("gemma4.attention.value_length_swa", 64), "_swa"},
	{"gemma4", "gemma4-31b", EDIT_U32("gemma4.block_count", 5), "sliding_window_pattern"},
	{"gemma4", "gemma4-26b-a4b", EDIT_U32("gemma4.expert_count", 0), "expert_count"},
};

static void test_contradictions(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(contradictions) / sizeof(contradictions[0]); i++) {
		struct fake f;

		fake_start_fixture(&f, contradictions[i].plugin, contradictions[i].fixture);
		expect_refusal(&f, contradictions[i].edit, contradictions[i].word);
		fake_finish(&f);
	}
}

/* Builds and looks for a line (or part of one) in the listing. */
static void expect_line(struct fake *f, const char *text)
{
	static const struct zinc_shape shape = {
		.struct_size = sizeof(shape), .max_tokens = 7, .max_seqs = 2, .max_out = 3};
	struct fake_graph_result r = fake_build(f, &shape);

	if (r.n_problems)
		fail_msg("%s\n%s", r.problem, r.listing);
	if (!strstr(r.listing, text))
		fail_msg("\"%s\" is not in\n%s", text, r.listing);
	free(r.listing);
}

static void edit_and_expect(const char *plugin, const char *fixture, struct fake_edit e,
                            const char *text)
{
	struct fake f;

	fake_start_fixture(&f, plugin, fixture);
	f.meta.complete = true;
	fake_edit(&f, e);
	if (fake_open(&f) != ZINC_OK)
		fail_msg("%s", f.err.msg);
	expect_line(&f, text);
	fake_finish(&f);
}

static void test_rare_forms(void **state)
{
	static const uint32_t kv[] = {0, 0, 0, 1}, recurrent[] = {1, 0, 1, 1};
	static const struct fake_edit edits[] = {
		EDIT_LIST("qwen35.attention.head_count_kv", kv, 4),
		EDIT_LIST("qwen35.attention.recurrent_layers", recurrent, 4),
		EDIT_U32("qwen35.full_attention_interval", 2),
		EDIT_U32("qwen35.ssm.v_head_reordered", 0),
		EDIT_REMOVE("blk.0.ssm_dt.bias"),
		EDIT_U32("gemma3.block_count", 62),
		EDIT_U32("gemma3.attention.sliding_window_pattern", 2)};

	(void)state;
	/* KV heads per block, with 0 in the recurrent ones. */
	edit_and_expect("qwen35", "qwen35", edits[0],
	                "kv_write blk.3.kv.k blk.3.kv.v = t29[7,1,64] ");
	/* A list of recurrent layers wins over the interval. */
	edit_and_expect("qwen35", "qwen35", edits[1], "-- 1 attn");
	edit_and_expect("qwen35", "qwen35", edits[2], "-- 1 attn");
	edit_and_expect("qwen35", "qwen35", edits[3], " grouped ");
	/* Some files name the delta net's bias without the suffix. */
	edit_and_expect("qwen35", "qwen35", edits[4], " dt=blk.0.ssm_dt ");
	/* One size of gemma3 has a scale of its own: 1/sqrt(256 / 4). */
	edit_and_expect("gemma3", "gemma3", edits[5], " scale=0.125 ");
	edit_and_expect("gemma3", "gemma3", edits[6],
	                "v_cache=blk.1.kv.v block_table=blocks scale");
}

static uint32_t next_random(uint32_t *seed)
{
	*seed = *seed * 1664525u + 1013904223u;
	return *seed >> 16;
}

/* One of the family's keys takes an odd value. */
static void edit_at_random(struct fake *f, const struct family *family, uint32_t *seed,
                           char name[96])
{
	static const uint32_t values[] = {0, 1,  2,  3,  4,   5,   6,          8,
	                                  9, 16, 32, 64, 255, 256, 0x7fffffff, 0xffffffff};
	struct fake_edit e = EDIT_U32(name, values[next_random(seed) % 16]);
	uint32_t n_keys = 0;

	while (family->keys[n_keys].name)
		n_keys++;
	const struct key *k = &family->keys[next_random(seed) % n_keys];
	snprintf(name, 96, "%s.%s", family->arch, k->name);
	e.kind = k->flags & FLOAT ? FAKE_F32 : FAKE_U32;
	e.f32 = (float)e.u32;
	fake_edit(f, e);
}

/* Several keys at once: what open() accepts is consistent. */
static void test_random_edits(void **state)
{
	uint32_t seed = 1, n_accepted = 0;

	(void)state;
	for (size_t i = 0; i < N_FAMILIES; i++) {
		struct fake f;

		fake_start_fixture(&f, families[i].plugin, families[i].fixture);
		for (uint32_t round = 0; round < 400; round++) {
			char names[3][96];

			f.meta.n_edits = 0;
			for (uint32_t j = 0; j < 3; j++)
				edit_at_random(&f, &families[i], &seed, names[j]);
			if (fake_open(&f) == ZINC_OK) {
				n_accepted++;
				expect_consistent(&f);
			} else {
				assert_true(f.err.msg[0] != 0);
			}
		}
		fake_finish(&f);
	}
	assert_true(n_accepted > 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_missing),
		cmocka_unit_test(test_zero_huge_and_wrong_type),
		cmocka_unit_test(test_contradictions),
		cmocka_unit_test(test_rare_forms),
		cmocka_unit_test(test_random_edits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
