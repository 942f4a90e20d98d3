/* test_plug.c - plugins of every kind of brokenness end in a state with one
 * sentence, and take nothing down with them; and who masks whom. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "unit/plug_util.h"

static char dir[64], other[64];

static int setup(void **state)
{
	(void)state;
	pu_mkdir(dir);
	pu_mkdir(other);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	pu_rmdir(dir);
	pu_rmdir(other);
	return 0;
}

static const struct {
	const char *name;
	enum plug_state state;
	const char *reason;
} broken[] = {
	{ "good", PLUG_READY, "" },
	{ "arch_low", PLUG_READY, "" },
	{ "crash_load", PLUG_CRASHED, "died of SIGSEGV while it was opened" },
	{ "exit_load", PLUG_CRASHED, "ended the process with status 5 while it was opened" },
	{ "crash_init", PLUG_CRASHED, "died of SIGSEGV in init()" },
	{ "abort_init", PLUG_CRASHED, "died of SIGABRT in init()" },
	{ "exit_init", PLUG_CRASHED, "ended the process with status 3 in init()" },
	{ "helper_init", PLUG_CRASHED, "died of SIGSEGV in init()" },
	{ "crash_devices", PLUG_CRASHED, "died of SIGSEGV while it listed its devices" },
	{ "crash_fini", PLUG_CRASHED, "died of SIGSEGV in fini()" },
	{ "mute_init", PLUG_LOAD_FAILED, "    " },
	{ "no_device", PLUG_NO_DEVICE, "the driver is not installed" },
	{ "zero_devices", PLUG_NO_DEVICE, "found no device" },
	{ "elsewhere", PLUG_NO_MATCH, "none of the PCI devices" },
	{ "wrong_abi", PLUG_WRONG_ABI, "has plugin ABI 7, this zinc has 0" },
	{ "no_symbol", PLUG_BAD_TABLE, "does not export zinc_plugin_v0" },
	{ "wrong_magic", PLUG_BAD_TABLE, "magic" },
	{ "wrong_id", PLUG_BAD_TABLE, "id is 'other', the manifest says wrong_id" },
	{ "wrong_kind", PLUG_BAD_TABLE, "kind is 7, the manifest says backend" },
	{ "null_backend", PLUG_BAD_TABLE, "backend is missing" },
	{ "missing_pointer", PLUG_BAD_TABLE, "dev_open is missing" },
	{ "wrong_names", PLUG_BAD_TABLE, "gguf_names lacks unheard" },
	{ "undefined", PLUG_LOAD_FAILED, "zinc_no_such_function" },
};
enum { N_BROKEN = sizeof(broken) / sizeof(broken[0]) };

static void expect(const struct plug_registry *r, const char *id, enum plug_state state,
                   const char *reason)
{
	const struct plug_entry *e = pu_find(r, id);

	if (e->state != state || !strstr(e->reason, reason) ||
	    (e->reason[0] == '\0') != (state == PLUG_READY || state == PLUG_FOUND))
		fail_msg("%s is %s (%s), not %s (%s)", id, plug_state_name(e->state), e->reason,
		         plug_state_name(state), reason);
	assert_null(strchr(e->reason, '\n'));
}

static struct plug_registry *open_one(const char *const *options, uint32_t n)
{
	return pu_open((const char *const[]){ dir }, 1, options, n);
}

/* All at once: each gets its state, none harms another or this process. */
static void test_broken(void **state)
{
	struct plug_registry *r;

	(void)state;
	for (int i = 0; i < N_BROKEN; i++)
		pu_install(dir, broken[i].name);
	r = open_one(NULL, 0);
	assert_int_equal(plug_count(r), N_BROKEN);
	assert_int_equal(pu_find(r, "good")->state, PLUG_FOUND);
	plug_probe_all(r);
	for (int i = 0; i < N_BROKEN; i++)
		expect(r, broken[i].name, broken[i].state, broken[i].reason);
	assert_string_equal(pu_find(r, "good")->device, "device of good");
	plug_registry_destroy(r);
}

/* Asking for a broken plugin by name is an error with the same sentence. */
static void test_broken_by_name(void **state)
{
	const struct plug *p;
	struct plug_registry *r;
	struct zinc_err err;
	const char *why;

	(void)state;
	for (int i = 0; i < N_BROKEN; i++)
		pu_install(dir, broken[i].name);
	r = open_one(NULL, 0);
	assert_int_equal(plug_backend(r, "crash_init", &p, &why, &err), ZINC_E_IO);
	assert_string_equal(err.msg, "crash_init is crashed: it died of SIGSEGV in init(); update "
	                             "the plugin or the driver under it");
	assert_null(p);
	assert_int_equal(plug_backend(r, "no_device", &p, &why, &err), ZINC_E_NO_DEVICE);
	assert_int_equal(plug_backend(r, "wrong_abi", &p, &why, &err), ZINC_E_VERSION);
	assert_int_equal(plug_arch(r, "unheard", &p, &err), ZINC_E_IO);
	assert_non_null(strstr(err.msg, "wrong_names is bad-table"));
	plug_registry_destroy(r);
}

static void test_hang(void **state)
{
	struct plug_config cfg = { .only_dirs = true, .n_dirs = 1, .probe_timeout_ms = 300,
		                   .dirs = (const char *const[]){ dir } };
	struct plug_registry *r;

	(void)state;
	pu_install(dir, "hang_init");
	assert_int_equal(plug_registry_create(&cfg, &r, NULL), ZINC_OK);
	plug_probe_all(r);
	expect(r, "hang_init", PLUG_CRASHED, "no answer within 300 ms");
	plug_registry_destroy(r);
}

/* Libraries that are no libraries. */
static void test_files(void **state)
{
	struct plug_registry *r;
	char path[256];

	(void)state;
	pu_install(dir, "good");
	pu_copy(dir, "good.so", ZINC_BROKEN_DIR, "good.so", 20);
	pu_install(dir, "better");
	pu_copy(dir, "better.so", ZINC_BROKEN_DIR, "good.so", 0);
	pu_install(dir, "leak");
	pu_write(dir, "leak.so", "not a library\n", 14);
	pu_install(dir, "option");
	assert_int_equal(remove(pu_path(path, dir, "option.so")), 0);
	pu_install(dir, "by_name_only");
	assert_int_equal(remove(pu_path(path, dir, "by_name_only.so")), 0);
	assert_int_equal(mkdir(path, 0755), 0);
	r = open_one(NULL, 0);
	expect(r, "option", PLUG_LOAD_FAILED, "option.so: No such file or directory");
	plug_probe_all(r);
	expect(r, "good", PLUG_LOAD_FAILED, "good.so");
	expect(r, "better", PLUG_LOAD_FAILED, "better.so");
	expect(r, "leak", PLUG_LOAD_FAILED, "leak.so");
	expect(r, "by_name_only", PLUG_LOAD_FAILED, "by_name_only.so");
	plug_registry_destroy(r);
}

/* Cut anywhere. What is missing at the very end (debug information) may be missed
 * by nobody; anything that the loader would map is missed before it is mapped. */
static void test_truncated(void **state)
{
	struct plug_registry *r;

	(void)state;
	for (int part = 5; part < 100; part += 5) {
		pu_install(dir, "good");
		pu_copy(dir, "good.so", ZINC_BROKEN_DIR, "good.so", part);
		r = open_one(NULL, 0);
		plug_probe_all(r);
		if (part <= 20 || pu_find(r, "good")->state != PLUG_READY)
			expect(r, "good", PLUG_LOAD_FAILED, "good.so is cut short");
		plug_registry_destroy(r);
	}
}

static void test_manifests(void **state)
{
	static const char abi[] =
		"[plugin]\nid = later\nkind = backend\nabi = 7\nlibrary = good.so\n"
		"priority = 1\nversion = 1\nsummary = s\n";
	struct plug_registry *r;

	(void)state;
	pu_write(dir, "bad.ini", "[plugin]\nid = one\nid = two\n", 27);
	pu_write(dir, "later.ini", abi, sizeof(abi) - 1);
	pu_write(dir, "note.txt", "not looked at", 13);
	pu_write(dir, ".hidden.ini", "not looked at", 13);
	r = open_one(NULL, 0);
	assert_int_equal(plug_count(r), 2);
	expect(r, "bad", PLUG_BAD_MANIFEST, "bad.ini:3: id appears twice");
	expect(r, "later", PLUG_WRONG_ABI, "plugin ABI 7");
	plug_registry_destroy(r);
}

/* Nothing is read or opened where others may write. */
static void test_untrusted(void **state)
{
	struct plug_registry *r;
	char path[256];

	(void)state;
	pu_install(dir, "good");
	pu_install(dir, "better");
	pu_install(other, "leak");
	assert_int_equal(chmod(pu_path(path, dir, "better.so"), 0666), 0);
	assert_int_equal(chmod(pu_path(path, dir, "good.ini"), 0666), 0);
	assert_int_equal(chmod(other, 0777), 0);
	r = pu_open((const char *const[]){ dir, other }, 2, NULL, 0);
	plug_probe_all(r);
	expect(r, "good", PLUG_UNTRUSTED, "good.ini may be written by others (mode 0666)");
	expect(r, "better", PLUG_UNTRUSTED, "better.so may be written by others");
	expect(r, "leak", PLUG_UNTRUSTED, other);
	assert_int_equal(pu_find(r, "good")->kind, 0);
	plug_registry_destroy(r);
}

/* One id twice: the earlier folder wins, and inside a folder the earlier name. */
static void test_same_id(void **state)
{
	struct plug_registry *r;
	char path[256];

	(void)state;
	pu_install(dir, "good");
	pu_install(other, "good");
	pu_copy(dir, "zz.ini", ZINC_BROKEN_DIR, "good.ini", 100);
	r = pu_open((const char *const[]){ dir, other }, 2, NULL, 0);
	assert_int_equal(plug_count(r), 3);
	assert_int_equal(plug_at(r, 0)->state, PLUG_FOUND);
	assert_string_equal(plug_at(r, 0)->manifest, pu_path(path, dir, "good.ini"));
	for (uint32_t i = 1; i < 3; i++) {
		assert_string_equal(plug_at(r, i)->id, "good");
		assert_int_equal(plug_at(r, i)->state, PLUG_MASKED);
		assert_non_null(strstr(plug_at(r, i)->reason, path));
	}
	plug_registry_destroy(r);
}

/* A broken or untrusted manifest does not win over a sound one below it. */
static void test_unsound_does_not_mask(void **state)
{
	struct plug_registry *r;
	char path[256];

	(void)state;
	pu_install(dir, "good");
	pu_install(other, "good");
	assert_int_equal(chmod(pu_path(path, dir, "good.ini"), 0666), 0);
	r = pu_open((const char *const[]){ dir, other }, 2, NULL, 0);
	assert_int_equal(plug_at(r, 0)->state, PLUG_UNTRUSTED);
	assert_int_equal(plug_at(r, 1)->state, PLUG_FOUND);
	plug_registry_destroy(r);
}

static void test_masks(void **state)
{
	struct plug_registry *r;
	char path[256];

	(void)state;
	pu_install(other, "good");
	pu_install(other, "better");
	pu_install(other, "leak");
	pu_write(dir, "good.ini", "", 0);
	assert_int_equal(symlink("/dev/null", pu_path(path, dir, "better.ini")), 0);
	r = pu_open((const char *const[]){ dir, other }, 2, NULL, 0);
	assert_int_equal(plug_count(r), 3);
	expect(r, "better", PLUG_MASKED, path);
	expect(r, "good", PLUG_MASKED, "good.ini");
	expect(r, "leak", PLUG_FOUND, "");
	plug_registry_destroy(r);
	/* A mask works downwards only. */
	r = pu_open((const char *const[]){ other, dir }, 2, NULL, 0);
	assert_int_equal(plug_count(r), 3);
	expect(r, "good", PLUG_FOUND, "");
	plug_registry_destroy(r);
	/* Nobody else may mask. */
	assert_int_equal(chmod(dir, 0777), 0);
	r = pu_open((const char *const[]){ dir, other }, 2, NULL, 0);
	assert_int_equal(plug_count(r), 5);
	assert_int_equal(plug_at(r, 0)->state, PLUG_UNTRUSTED);
	assert_int_equal(plug_at(r, 4)->state, PLUG_FOUND);
	plug_registry_destroy(r);
}

/* Links to folders and files do not list anything twice; the library is found
 * beside the manifest that the link leads to. */
static void test_real_paths(void **state)
{
	struct plug_registry *r;
	char path[256], target[256];

	(void)state;
	pu_install(dir, "good");
	assert_int_equal(symlink(dir, pu_path(path, other, "again")), 0);
	pu_path(target, dir, "good.ini");
	assert_int_equal(symlink(target, pu_path(path, other, "g.ini")), 0);
	r = pu_open((const char *const[]){ dir, pu_path(path, other, "again"), dir }, 3, NULL, 0);
	assert_int_equal(plug_count(r), 1);
	plug_registry_destroy(r);
	r = pu_open((const char *const[]){ other }, 1, NULL, 0);
	plug_probe_all(r);
	expect(r, "good", PLUG_READY, "");
	assert_string_equal(pu_find(r, "good")->library, pu_path(path, dir, "good.so"));
	plug_registry_destroy(r);
}

/* The environment: order, relative and empty elements, what is given first. */
static void test_search_path(void **state)
{
	struct plug_config cfg = { .n_dirs = 0 };
	struct plug_registry *r;
	char list[512], path[256], cwd[256];

	(void)state;
	assert_non_null(getcwd(cwd, sizeof(cwd)));
	pu_install(other, "good");
	pu_install(other, "leak");
	assert_int_equal(mkdir(pu_path(path, dir, "zinc"), 0755), 0);
	assert_int_equal(mkdir(pu_path(path, dir, "zinc/plugins.d"), 0755), 0);
	pu_install(path, "good");
	pu_install(path, "better");
	assert_int_equal(chdir(other), 0);
	assert_int_equal(setenv("XDG_DATA_HOME", dir, 1), 0);
	assert_int_equal(setenv("ZINC_PLUGIN_PATH", "::.:no/such:", 1), 0);
	assert_int_equal(plug_registry_create(&cfg, &r, NULL), ZINC_OK);
	pu_path(path, dir, "zinc/plugins.d/good.ini");
	assert_string_equal(pu_find(r, "good")->manifest, path);
	for (uint32_t i = 0; i < plug_count(r); i++)
		assert_string_not_equal(plug_at(r, i)->id, "leak");
	plug_registry_destroy(r);
	snprintf(list, sizeof(list), ":/no/such:%s:", other);
	assert_int_equal(setenv("ZINC_PLUGIN_PATH", list, 1), 0);
	assert_int_equal(plug_registry_create(&cfg, &r, NULL), ZINC_OK);
	assert_string_equal(pu_find(r, "good")->manifest, pu_path(path, other, "good.ini"));
	expect(r, "better", PLUG_FOUND, "");
	expect(r, "leak", PLUG_FOUND, "");
	plug_registry_destroy(r);
	/* What the user types may be relative, and must be there. */
	cfg = (struct plug_config){ .dirs = (const char *const[]){ "." }, .n_dirs = 1,
		                    .only_dirs = true };
	assert_int_equal(plug_registry_create(&cfg, &r, NULL), ZINC_OK);
	assert_int_equal(plug_count(r), 2);
	plug_registry_destroy(r);
	cfg.dirs = (const char *const[]){ "no/such" };
	assert_int_equal(plug_registry_create(&cfg, &r, NULL), ZINC_E_IO);
	assert_null(r);
	unsetenv("ZINC_PLUGIN_PATH");
	unsetenv("XDG_DATA_HOME");
	assert_int_equal(chdir(cwd), 0);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(test_broken),    T(test_broken_by_name), T(test_hang),
		T(test_files),     T(test_truncated),      T(test_manifests),
		T(test_untrusted), T(test_same_id),        T(test_unsound_does_not_mask),
		T(test_masks),     T(test_real_paths),     T(test_search_path),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
