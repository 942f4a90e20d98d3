/* test_plug_select.c - which plugin serves, what it may call, and what the user
 * is told about it. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "plugin/registry.h"
#include "unit/plug_util.h"

static char dir[64];
static struct plug_registry *reg;
static const struct plug *got;
static const char *why;
static struct zinc_err err;

static int setup(void **state)
{
	(void)state;
	pu_mkdir(dir);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	plug_registry_destroy(reg);
	reg = NULL;
	pu_rmdir(dir);
	return 0;
}

/* A registry with these plugins, named in one string. */
static void with(const char *names, const char *const *options, uint32_t n_options)
{
	char list[256], *save = NULL;

	plug_registry_destroy(reg);
	pu_rmdir(dir);
	assert_int_equal(mkdir(dir, 0700), 0);
	strcpy(list, names);
	for (char *n = strtok_r(list, " ", &save); n; n = strtok_r(NULL, " ", &save))
		pu_install(dir, n);
	reg = pu_open((const char *const[]){ dir }, 1, options, n_options);
}

static void expect_backend(const char *want, const char *id, const char *said)
{
	if (plug_backend(reg, want, &got, &why, &err) != ZINC_OK)
		fail_msg("%s: %s", want, err.msg);
	assert_string_equal(got->entry->id, id);
	assert_string_equal(got->table->id, id);
	assert_int_equal(got->entry->state, PLUG_READY);
	if (strcmp(why, said) != 0)
		fail_msg("said '%s', not '%s'", why, said);
}

static void expect_none(const char *want, int code, const char *said)
{
	assert_int_equal(plug_backend(reg, want, &got, &why, &err), code);
	assert_null(got);
	if (strcmp(err.msg, said) != 0)
		fail_msg("said '%s', not '%s'", err.msg, said);
}

#define CPU_OF(id) "backend " id " on device of " id " (CPU)"
#define NOT_ELSEWHERE                                                                              \
	"; not elsewhere (no-match): none of the PCI devices that its manifest names is in this "  \
	"machine; ask for it by its full id to try it all the same"

static void test_auto_class(void **state)
{
	(void)state;
	with("good gpu_big gpu_small emulated", NULL, 0);
	expect_backend("auto", "gpu_big",
	               "backend gpu_big on device of gpu_big (discrete GPU); not emulated: it has "
	               "device of emulated (software device), used only by name; not gpu_small: it "
	               "has device of gpu_small (integrated GPU), which ranks lower");
	with("good gpu_small", NULL, 0);
	expect_backend("auto", "gpu_small",
	               "backend gpu_small on device of gpu_small (integrated GPU)");
}

static void test_auto_cpu(void **state)
{
	(void)state;
	with("good better", NULL, 0);
	expect_backend("auto", "better", CPU_OF("better"));
	with("good emulated elsewhere no_device arch_low", NULL, 0);
	expect_backend("auto", "good",
	               CPU_OF("good") NOT_ELSEWHERE
	               "; not emulated: it has device of emulated (software device), used only by "
	               "name; not no_device (no-device): the driver is not installed");
	/* A crash on the way is told and survived. */
	with("crash_init good", NULL, 0);
	expect_backend("auto", "good",
	               CPU_OF("good") "; not crash_init (crashed): it died of SIGSEGV in init(); "
	                              "update the plugin or the driver under it");
}

/* Never on its own: software devices, and plugins of priority 0. */
static void test_auto_none(void **state)
{
	(void)state;
	with("emulated by_name_only", NULL, 0);
	expect_none("auto", ZINC_E_NO_DEVICE,
	            "emulated is ready: a software device, used only by name");
	expect_backend("by_name_only", "by_name_only", CPU_OF("by_name_only") ", as asked for");
	expect_backend("emulated", "emulated",
	               "backend emulated on device of emulated (software device), as asked for");
	with("by_name_only", NULL, 0);
	expect_none("auto", ZINC_E_UNSUPPORTED,
	            "no backend can be used; installed: by_name_only (see zinc plugin list)");
	with("arch_low", NULL, 0);
	expect_none("auto", ZINC_E_UNSUPPORTED,
	            "no backend can be used; installed: none (see zinc plugin list)");
	with("no_device zero_devices", NULL, 0);
	expect_none("auto", ZINC_E_NO_DEVICE,
	            "no backend can be used: no_device is no-device: the driver is not installed; "
	            "zero_devices is no-device: it found no device");
}

static void test_names(void **state)
{
	(void)state;
	with("good elsewhere arch_low", NULL, 0);
	expect_backend("good", "good", CPU_OF("good") ", as asked for");
	expect_none("goo", ZINC_E_UNSUPPORTED,
	            "no backend 'goo'; installed: elsewhere, good (see zinc plugin list)");
	expect_none("arch_low", ZINC_E_UNSUPPORTED,
	            "no backend 'arch_low'; installed: elsewhere, good (see zinc plugin list)");
	expect_none("", ZINC_E_UNSUPPORTED,
	            "no backend ''; installed: elsewhere, good (see zinc plugin list)");
	/* A full id overrides [match], before and after it was looked at. */
	expect_backend("elsewhere", "elsewhere",
	               "backend elsewhere on device of elsewhere (discrete GPU), as asked for");
	with("elsewhere", NULL, 0);
	plug_probe_all(reg);
	assert_int_equal(pu_find(reg, "elsewhere")->state, PLUG_NO_MATCH);
	expect_backend("elsewhere", "elsewhere",
	               "backend elsewhere on device of elsewhere (discrete GPU), as asked for");
}

static void test_family(void **state)
{
	(void)state;
	with("gpu_big gpu_small", NULL, 0);
	expect_backend("gpu", "gpu_big",
	               "backend gpu_big on device of gpu_big (discrete GPU), as asked for");
	with("crash_init crash_fini good", NULL, 0);
	expect_none("crash", ZINC_E_NO_DEVICE,
	            "no backend 'crash': crash_fini is crashed: it died of SIGSEGV in fini(); "
	            "update the plugin or the driver under it; crash_init is crashed: it died of "
	            "SIGSEGV in init(); update the plugin or the driver under it");
	/* "by_name" is not the text before the first '_' */
	with("by_name_only", NULL, 0);
	expect_none("by_name", ZINC_E_UNSUPPORTED,
	            "no backend 'by_name'; installed: by_name_only (see zinc plugin list)");
	expect_backend("by", "by_name_only", CPU_OF("by_name_only") ", as asked for");
}

/* A second question gives the same plugin, not a second one. */
static void test_again(void **state)
{
	const struct plug *first;

	(void)state;
	with("good", NULL, 0);
	expect_backend("good", "good", CPU_OF("good") ", as asked for");
	first = got;
	expect_backend("auto", "good", CPU_OF("good"));
	assert_ptr_equal(got, first);
	plug_probe_all(reg);
	assert_int_equal(got->entry->state, PLUG_READY);
}

static void test_arch(void **state)
{
	(void)state;
	with("arch_low arch_high good", NULL, 0);
	assert_int_equal(plug_arch(reg, "fake", &got, &err), ZINC_OK);
	assert_string_equal(got->entry->id, "arch_high");
	assert_non_null(got->table->arch);
	assert_null(got->table->backend);
	assert_int_equal(plug_arch(reg, "other", &got, &err), ZINC_E_UNSUPPORTED);
	assert_string_equal(err.msg, "no plugin for the model architecture 'other'; installed: "
	                             "fake (see zinc plugin list)");
	assert_null(got);
}

static void test_options(void **state)
{
	static const char *const fast[] = { "option.mode=slow", "good.level=3",
		                            "option.mode=fast" };
	static const char *const wrong[] = { "good.levle=3", "option.mode=slow" };
	static const char *const malformed[] = { "good", "good.=1", ".level=1", "a=b.c" };
	struct plug_config cfg = { .only_dirs = true, .n_options = 1 };

	(void)state;
	with("good option", fast, 3);
	assert_int_equal(plug_backend(reg, "option", &got, &why, &err), ZINC_OK);
	with("good option by_name_only", wrong, 2);
	expect_none("good", ZINC_E_INVALID, "good has no option 'levle'; its options are: level");
	expect_none("auto", ZINC_E_INVALID, "good has no option 'levle'; its options are: level");
	expect_none("option", ZINC_E_IO, "option is load-failed: mode is 'slow', not fast");
	expect_backend("by_name_only", "by_name_only", CPU_OF("by_name_only") ", as asked for");
	for (int i = 0; i < 4; i++) {
		struct plug_registry *r;

		cfg.options = &malformed[i];
		assert_int_equal(plug_registry_create(&cfg, &r, &err), ZINC_E_INVALID);
		assert_non_null(strstr(err.msg, "ID.KEY=VALUE"));
	}
}

/* What a plugin gets from its host. */
static void test_host(void **state)
{
	char *options[] = { "x.a=1", "x.ab=2", "xx.a=3", "x.a=4", "x.empty=" };
	struct plug_host h;
	void *p, *q;

	(void)state;
	plug_host_init(&h, "x", options, 5);
	assert_string_equal(h.api.option(h.api.ctx, "a"), "4");
	assert_string_equal(h.api.option(h.api.ctx, "ab"), "2");
	assert_string_equal(h.api.option(h.api.ctx, "empty"), "");
	assert_null(h.api.option(h.api.ctx, "b"));
	assert_null(h.api.option(h.api.ctx, ""));
	p = h.api.alloc(h.api.ctx, 100, 4096);
	q = h.api.alloc(h.api.ctx, 0, 1);
	assert_non_null(p);
	assert_non_null(q);
	assert_int_equal((uintptr_t)p % 4096, 0);
	assert_int_equal(atomic_load(&h.live), 2);
	assert_null(h.api.alloc(h.api.ctx, SIZE_MAX - 3, 64));
	assert_null(h.api.alloc(h.api.ctx, 8, 24));
	h.api.free(h.api.ctx, p);
	h.api.free(h.api.ctx, q);
	h.api.free(h.api.ctx, NULL);
	assert_int_equal(atomic_load(&h.live), 0);
}

/* Memory that a plugin forgot is counted when it goes. */
static void test_leak(void **state)
{
	struct plug_slot *s;
	void *forgotten;

	(void)state;
	with("leak good", NULL, 0);
	assert_int_equal(plug_backend(reg, "good", &got, &why, &err), ZINC_OK);
	assert_int_equal(plug_unload(reg->slots[0]), 0);
	assert_int_equal(plug_backend(reg, "leak", &got, &why, &err), ZINC_OK);
	s = reg->slots[1];
	assert_string_equal(s->pub.id, "leak");
	forgotten = s->plug.self;
	assert_int_equal(plug_unload(s), 1);
	free(forgotten);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(test_auto_class), T(test_auto_cpu), T(test_auto_none), T(test_names),
		T(test_family),     T(test_again),    T(test_arch),      T(test_options),
		T(test_host),       T(test_leak),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
