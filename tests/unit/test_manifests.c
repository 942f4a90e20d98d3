/* test_manifests.c - the manifests of plugins.d: the registry takes them, and
 * what they say of an architecture is what its plugin says of itself. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "plugin/plug.h"

static struct plug_registry *open_registry(void)
{
	static const char *const dirs[] = {ZINC_BUILD_PLUGIN_DIR};
	const struct plug_config cfg = {.dirs = dirs, .n_dirs = 1, .only_dirs = true};
	struct plug_registry *r = NULL;
	struct zinc_err err = {0};

	if (plug_registry_create(&cfg, &r, &err) != ZINC_OK)
		fail_msg("%s", err.msg);
	return r;
}

static void test_every_manifest_is_good(void **state)
{
	struct plug_registry *r = open_registry();
	uint32_t n_arch = 0;

	(void)state;
	for (uint32_t i = 0; i < plug_count(r); i++) {
		const struct plug_entry *e = plug_at(r, i);

		/* Backends need not have been built with this test. */
		if (e->state != PLUG_FOUND &&
		    (e->kind == ZINC_KIND_ARCH || e->state == PLUG_BAD_MANIFEST))
			fail_msg("%s: %s, %s", e->manifest, plug_state_name(e->state), e->reason);
		assert_true(strlen(e->summary) > 0 && strlen(e->version) > 0);
		n_arch += e->kind == ZINC_KIND_ARCH;
	}
	assert_int_equal(n_arch, 5);
	plug_registry_destroy(r);
}

/* Loading finds the plugin by each name in its own table, and no name of the
 * manifest is missing there. */
static void check_arch(struct plug_registry *r, const char *id, const char *gguf_name)
{
	const struct plug *p = NULL;
	struct zinc_err err = {0};
	uint32_t n = 0;

	if (plug_arch(r, gguf_name, &p, &err) != ZINC_OK)
		fail_msg("%s: %s", gguf_name, err.msg);
	assert_string_equal(p->entry->id, id);
	assert_string_equal(p->entry->version, p->table->version);
	for (; p->table->arch->gguf_names[n]; n++) {
		bool named = false;

		for (uint32_t i = 0; i < p->entry->n_gguf_names; i++)
			named = named || !strcmp(p->entry->gguf_names[i],
			                         p->table->arch->gguf_names[n]);
		assert_true(named);
	}
	assert_int_equal(n, p->entry->n_gguf_names);
	assert_non_null(p->table->arch->chat);
}

static void test_architectures_load(void **state)
{
	static const char *const pairs[][2] = {
		{"llama", "llama"},     {"qwen3", "qwen3"},      {"qwen3", "qwen3moe"},
		{"qwen35", "qwen35"},   {"qwen35", "qwen35moe"}, {"gemma3", "gemma3"},
		{"gemma4", "gemma4"}};
	struct plug_registry *r = open_registry();

	(void)state;
	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++)
		check_arch(r, pairs[i][0], pairs[i][1]);
	plug_registry_destroy(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_manifest_is_good),
		cmocka_unit_test(test_architectures_load),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
