/* test_arch_rope.c - the RoPE frequencies that architectures declare, as trained
 * and stretched, and what YaRN does to the scores.
 *
 * The numbers of YaRN here were computed by transformers 5 (its function
 * _compute_yarn_parameters, after Peng et al., 2023, "YaRN: Efficient Context Window
 * Extension of Large Language Models", section 3) for the same head and base.
 * Besides, random qwen3 and llama models of two layers with rope_type "yarn" were run
 * there, and their F32 logits compared over prompts of 120 tokens with 32 trained
 * positions: they agree within 8e-5. A qwen35 model, of which a part of each head
 * turns, agrees as well with the plain program that the fixtures were checked with,
 * given those frequencies and that gain. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "arch_fake.h"

/* edits: may be NULL; one without a name ends them. */
static int open_edited(struct fake *f, const char *plugin, const struct fake_edit *edits)
{
	fake_start_fixture(f, plugin, plugin);
	for (; edits && edits->name; edits++)
		fake_edit(f, *edits);
	return fake_open(f);
}

static void must_open(struct fake *f, const char *plugin, const struct fake_edit *edits)
{
	if (open_edited(f, plugin, edits) != ZINC_OK)
		fail_msg("%s", f->err.msg);
}

static const struct zinc_const_decl *find_const(struct fake *f, const char *name)
{
	const struct zinc_const_decl *list;
	uint32_t n;

	assert_int_equal(f->plugin->arch->constants(f->model, &list, &n), ZINC_OK);
	for (uint32_t i = 0; i < n; i++)
		if (strcmp(list[i].name, name) == 0)
			return &list[i];
	fail_msg("constant %s is not declared", name);
	return NULL;
}

/* base^(-2i/n_rot) / factor, to the bit. */
static void check_plain(struct fake *f, const char *name, uint32_t n_rot, double base,
                        double factor)
{
	const struct zinc_const_decl *c = find_const(f, name);
	const float *freqs = c->data;

	assert_int_equal(c->dtype, ZINC_F32);
	assert_int_equal(c->n, n_rot / 2);
	for (uint32_t i = 0; i < c->n; i++) {
		float want = (float)(pow(base, -2.0 * i / n_rot) / factor);

		assert_memory_equal(&freqs[i], &want, sizeof(want));
	}
}

static void test_as_trained(void **state)
{
	static const struct fake_edit none[] = {EDIT_STR("llama.rope.scaling.type", "none"),
	                                        EDIT_F32("llama.rope.scaling.factor", 4.0f), {0}};
	struct fake f;

	(void)state;
	must_open(&f, "llama", NULL);
	check_plain(&f, "rope", 64, 1e5, 1);
	fake_finish(&f);
	must_open(&f, "llama", none);
	check_plain(&f, "rope", 64, 1e5, 1);
	fake_finish(&f);
	must_open(&f, "qwen35", NULL); /* a quarter of a head turns */
	check_plain(&f, "rope", 16, 1e7, 1);
	fake_finish(&f);
	fake_start_fixture(&f, "gemma4", "gemma4-31b");
	assert_int_equal(fake_open(&f), ZINC_OK);
	check_plain(&f, "rope_full", 64, 1e6, 1);
	check_plain(&f, "rope_sliding", 32, 1e4, 1);
	fake_finish(&f);
}

/* Only the full layers of gemma3 stretch their positions. */
static void test_linear(void **state)
{
	static const struct fake_edit edits[] = {EDIT_STR("gemma3.rope.scaling.type", "linear"),
	                                         EDIT_F32("gemma3.rope.scaling.factor", 8.0f),
	                                         EDIT_REMOVE("gemma3.rope.freq_base_swa"), {0}};
	static const struct fake_edit untyped[] = {EDIT_F32("qwen3.rope.scaling.factor", 2.0f),
	                                           {0}};
	struct fake f;

	(void)state;
	must_open(&f, "gemma3", edits);
	check_plain(&f, "rope_full", 32, 1e6, 8);
	check_plain(&f, "rope_sliding", 32, 1e4, 1);
	fake_finish(&f);
	must_open(&f, "qwen3", untyped);
	check_plain(&f, "rope", 64, 1e6, 2);
	fake_finish(&f);
}

/* transformers computes in F32. */
static void check_freq(const struct zinc_const_decl *c, uint32_t i, float want)
{
	const float got = ((const float *)c->data)[i];

	if (!(fabsf(got - want) <= 1e-6f * want))
		fail_msg("frequency %u is %.9g, not %.9g", i, (double)got, (double)want);
}

static void check_yarn(struct fake *f, const float *want, uint32_t n)
{
	const struct zinc_const_decl *c = find_const(f, "rope");

	assert_int_equal(c->n, n);
	for (uint32_t i = 0; i < n; i++)
		check_freq(c, i, want[i]);
}

/* Is this part of a line in the listing? */
static void expect_recorded(struct fake *f, const char *text, bool there)
{
	static const struct zinc_shape shape = {
		.struct_size = sizeof(shape), .max_tokens = 7, .max_seqs = 2, .max_out = 3};
	struct fake_graph_result r = fake_build(f, &shape);

	if (r.n_problems)
		fail_msg("%s\n%s", r.problem, r.listing);
	if ((strstr(r.listing, text) != NULL) != there)
		fail_msg("\"%s\" is%s in\n%s", text, there ? " not" : "", r.listing);
	free(r.listing);
}

static void test_yarn(void **state)
{
	static const float want[32] = {
		1.0f,           0.697830558f,   0.486967534f,   0.339820832f,
		0.237137362f,   0.154198855f,   0.0997311771f,  0.0641010776f,
		0.0408975482f,  0.0258639771f,  0.0161815695f,  0.0099890735f,
		0.00606146129f, 0.00359539199f, 0.00206621434f, 0.00113289594f,
		7.90569466e-4f, 5.51683537e-4f, 3.84981628e-4f, 2.68651958e-4f,
		1.87473546e-4f, 1.30824774e-4f, 9.12935284e-5f, 6.3707419e-5f,
		4.44569851e-5f, 3.10234427e-5f, 2.1649108e-5f,  1.51074091e-5f,
		1.05424133e-5f, 7.35681806e-6f, 5.13381246e-6f, 3.58253169e-6f};
	static const struct fake_edit edits[] = {
		EDIT_STR("llama.rope.scaling.type", "yarn"),
		EDIT_F32("llama.rope.scaling.factor", 4.0f),
		EDIT_U32("llama.rope.scaling.original_context_length", 1024), {0}};
	struct fake f;

	(void)state;
	must_open(&f, "llama", edits);
	check_yarn(&f, want, 32);
	/* 1.13862944^2 / sqrt(64) */
	expect_recorded(&f, " scale=0.16206 ", true);
	expect_recorded(&f, "\nscale ", false);
	fake_finish(&f);
}

/* Without the key the trained context is context_length. */
static void test_yarn_without_original_context(void **state)
{
	static const struct fake_edit edits[] = {EDIT_STR("llama.rope.scaling.type", "yarn"),
	                                         EDIT_F32("llama.rope.scaling.factor", 4.0f), {0}};
	struct fake f;

	(void)state;
	must_open(&f, "llama", edits);
	const struct zinc_const_decl *c = find_const(&f, "rope");

	check_freq(c, 8, 0.0562341288f); /* the last one spared */
	check_freq(c, 9, 0.0365663134f);
	check_freq(c, 18, 4.89976606e-4f);
	check_freq(c, 19, 2.68651958e-4f); /* from here on a quarter */
	fake_finish(&f);
}

/* Where the ramp would begin or end outside the frequencies. */
static void test_ends_of_the_ramp(void **state)
{
	static const struct fake_edit wide[] = {
		EDIT_STR("llama.rope.scaling.type", "yarn"), EDIT_F32("llama.rope.freq_base", 1e3f),
		EDIT_F32("llama.rope.scaling.factor", 4.0f),
		EDIT_U32("llama.rope.scaling.original_context_length", 1 << 26),
		EDIT_F32("llama.rope.scaling.yarn_beta_fast", 1e5f), {0}};
	static const struct fake_edit small[] = {
		EDIT_STR("llama.rope.scaling.type", "yarn"),
		EDIT_F32("llama.rope.scaling.factor", 4.0f),
		EDIT_U32("llama.rope.scaling.original_context_length", 1), {0}};
	struct fake f;

	(void)state;
	/* From index 21 to 63, the last one that the paper's program allows. */
	must_open(&f, "llama", wide);
	const struct zinc_const_decl *c = find_const(&f, "rope");

	check_freq(c, 21, 0.0107460786f);
	check_freq(c, 22, 0.00850500725f);
	check_freq(c, 31, 0.00101934187f);
	fake_finish(&f);
	/* Nothing turns once: all is stretched, but the first, where the ramp is. */
	must_open(&f, "llama", small);
	c = find_const(&f, "rope");
	check_freq(c, 0, 1.0f);
	check_freq(c, 1, 0.697830558f / 4);
	check_freq(c, 31, 3.58253169e-6f);
	fake_finish(&f);
}

static void test_yarn_with_options(void **state)
{
	static const float want[32] = {
		1.0f,           0.649381638f,   0.421696514f,   0.273841977f,
		0.177827939f,   0.115478203f,   0.0749894157f,  0.0486967526f,
		0.0316227786f,  0.0160431638f,  0.00750105828f, 0.00297675235f,
		7.02926656e-4f, 4.56467678e-4f, 2.96421727e-4f, 1.92490814e-4f,
		1.25000006e-4f, 8.11727077e-5f, 5.2712061e-5f,  3.42302446e-5f,
		2.22284925e-5f, 1.44347741e-5f, 9.37367804e-6f, 6.08709433e-6f,
		3.95284678e-6f, 2.56690623e-6f, 1.66690177e-6f, 1.08245547e-6f,
		7.02926684e-7f, 4.5646766e-7f,  2.96421717e-7f, 1.92490816e-7f};
	static const struct fake_edit edits[] = {
		EDIT_STR("qwen3.rope.scaling.type", "yarn"),
		EDIT_F32("qwen3.rope.scaling.factor", 8.0f),
		EDIT_U32("qwen3.rope.scaling.original_context_length", 2048),
		EDIT_F32("qwen3.rope.scaling.yarn_beta_fast", 8.0f),
		EDIT_F32("qwen3.rope.scaling.yarn_beta_slow", 2.0f),
		EDIT_F32("qwen3.rope.scaling.yarn_log_multiplier", 0.5f), {0}};
	struct fake f;

	(void)state;
	must_open(&f, "qwen3", edits);
	check_yarn(&f, want, 32);
	expect_recorded(&f, " scale=0.149654 ", true); /* 1.09417999^2 / 8 */
	fake_edit(&f, (struct fake_edit)EDIT_F32("qwen3.rope.scaling.attn_factor", 2.0f));
	assert_int_equal(fake_open(&f), ZINC_OK);
	expect_recorded(&f, " scale=0.598615 ", true);
	/* The whole gain is understood as such. */
	fake_edit(&f, (struct fake_edit)EDIT_F32("qwen3.rope.scaling.yarn_attn_factor", 1.09418f));
	assert_int_equal(fake_open(&f), ZINC_OK);
	expect_recorded(&f, " scale=0.598615 ", true);
	/* Nothing spared is linear scaling, at the usual temperature. */
	fake_edit(&f, (struct fake_edit)EDIT_F32("qwen3.rope.scaling.yarn_attn_factor", 1.0f));
	fake_edit(&f, (struct fake_edit)EDIT_F32("qwen3.rope.scaling.yarn_ext_factor", 0.0f));
	fake_edit(&f, (struct fake_edit)EDIT_F32("qwen3.rope.scaling.attn_factor", 1.0f));
	assert_int_equal(fake_open(&f), ZINC_OK);
	check_plain(&f, "rope", 64, 1e6, 8);
	expect_recorded(&f, " scale=0.125 ", true);
	fake_finish(&f);
}

/* Where a part of a head turns, that part of the query takes both gains. */
static void test_yarn_of_a_part(void **state)
{
	static const float want[8] = {1.0f,           0.100014105f,   0.00889139622f,
	                              5.92843455e-4f, 7.90569466e-5f, 1.05424133e-5f,
	                              1.40585337e-6f, 1.8747356e-7f};
	static const struct fake_edit edits[] = {
		EDIT_STR("qwen35.rope.scaling.type", "yarn"),
		EDIT_F32("qwen35.rope.scaling.factor", 4.0f),
		EDIT_U32("qwen35.rope.scaling.original_context_length", 1024), {0}};
	struct fake f;

	(void)state;
	must_open(&f, "qwen35", edits);
	check_yarn(&f, want, 8);
	expect_recorded(&f, "\nscale t33[3,4,16]/256,64 = t33[3,4,16]/256,64 value=1.29648 ", true);
	expect_recorded(&f, " scale=0.125 ", true);
	/* A factor that stretches nothing leaves the recording as it was. */
	fake_edit(&f, (struct fake_edit)EDIT_F32("qwen35.rope.scaling.factor", 1.0f));
	assert_int_equal(fake_open(&f), ZINC_OK);
	check_plain(&f, "rope", 16, 1e7, 1);
	expect_recorded(&f, "\nscale ", false);
	fake_finish(&f);
}

static void test_refusals(void **state)
{
	static const struct {
		const char *plugin;
		struct fake_edit edits[3];
		const char *word;
	} list[] = {
		{"llama", {EDIT_STR("llama.rope.scaling.type", "longrope")}, "\"longrope\""},
		{"llama", {EDIT_U32("llama.rope.scaling.type", 2)}, "scaling.type is not a string"},
		{"qwen3",
		 {EDIT_STR("qwen3.rope.scaling.type", "yarn")},
		 "scaling.factor is missing"},
		{"qwen3",
		 {EDIT_STR("qwen3.rope.scaling.type", "yarn"),
		  EDIT_F32("qwen3.rope.scaling.factor", 0.0f)},
		 "scaling.factor is 0"},
		{"gemma3",
		 {EDIT_STR("gemma3.rope.scaling.type", "yarn"),
		  EDIT_F32("gemma3.rope.scaling.factor", 4.0f)},
		 "\"yarn\""},
	};
	static const struct {
		const char *key;
		float value;
		const char *word;
	} options[] = {
		{"yarn_beta_fast", 0.5f, "yarn_beta_fast (0.5) is less than yarn_beta_slow (1)"},
		{"yarn_beta_slow", -1.0f, "yarn_beta_slow is -1"},
		{"yarn_ext_factor", 2.0f, "yarn_ext_factor is 2"},
		{"yarn_attn_factor", 1.25f, "yarn_attn_factor is 1.25"},
		{"yarn_log_multiplier", NAN, "yarn_log_multiplier"},
		{"attn_factor", 0.0f, "attn_factor is 0"},
	};
	struct fake f;

	(void)state;
	for (size_t i = 0; i < sizeof(list) / sizeof(list[0]); i++) {
		assert_int_not_equal(open_edited(&f, list[i].plugin, list[i].edits), ZINC_OK);
		if (!strstr(f.err.msg, list[i].word))
			fail_msg("\"%s\" is not in \"%s\"", list[i].word, f.err.msg);
		fake_finish(&f);
	}
	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
		char name[96];
		struct fake_edit edits[] = {EDIT_STR("qwen3.rope.scaling.type", "yarn"),
		                            EDIT_F32("qwen3.rope.scaling.factor", 4.0f),
		                            EDIT_F32(name, options[i].value), {0}};

		snprintf(name, sizeof(name), "qwen3.rope.scaling.%s", options[i].key);
		assert_int_not_equal(open_edited(&f, "qwen3", edits), ZINC_OK);
		if (!strstr(f.err.msg, options[i].word))
			fail_msg("\"%s\" is not in \"%s\"", options[i].word, f.err.msg);
		fake_finish(&f);
	}
}

/* No corner of the ranges gives a frequency that is none. */
static void test_corners(void **state)
{
	static const float bases[] = {1.0f, 1e4f, 1e12f}, factors[] = {1e-3f, 1.0f, 1e6f};
	static const uint32_t contexts[] = {1, 7, 1 << 28};
	struct fake f;

	(void)state;
	for (int i = 0; i < 27; i++) {
		const struct fake_edit edits[] = {
			EDIT_STR("llama.rope.scaling.type", "yarn"),
			EDIT_F32("llama.rope.freq_base", bases[i % 3]),
			EDIT_F32("llama.rope.scaling.factor", factors[i / 3 % 3]),
			EDIT_U32("llama.rope.scaling.original_context_length", contexts[i / 9]),
			{0}};

		must_open(&f, "llama", edits);
		const struct zinc_const_decl *c = find_const(&f, "rope");

		for (uint32_t k = 0; k < c->n; k++) {
			float v = ((const float *)c->data)[k];

			assert_true(v > 0 && v <= 1000.001f);
		}
		fake_finish(&f);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_as_trained),
		cmocka_unit_test(test_linear),
		cmocka_unit_test(test_yarn),
		cmocka_unit_test(test_yarn_without_original_context),
		cmocka_unit_test(test_ends_of_the_ramp),
		cmocka_unit_test(test_yarn_with_options),
		cmocka_unit_test(test_yarn_of_a_part),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_corners),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
