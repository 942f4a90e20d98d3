/* test_plug_list.c - what `zinc plugin list` and `zinc plugin check` print. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <jansson.h>

#include "cli/cmd_plugin.h"
#include "unit/plug_util.h"

static char dir[64];
static char printed[16384];

static int setup(void **state)
{
	(void)state;
	pu_mkdir(dir);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	pu_rmdir(dir);
	return 0;
}

/* Runs the command over dir, catching its standard output. */
static int run(int argc, const char *a, const char *b)
{
	char *argv[] = { (char *)(uintptr_t)a, (char *)(uintptr_t)b, NULL };
	struct plug_registry *r = pu_open((const char *const[]){ dir }, 1, NULL, 0);
	FILE *tmp = tmpfile();
	int out = dup(1), status;

	assert_non_null(tmp);
	fflush(stdout);
	dup2(fileno(tmp), 1);
	status = cmd_plugin(r, argc, argv);
	fflush(stdout);
	dup2(out, 1);
	close(out);
	rewind(tmp);
	printed[fread(printed, 1, sizeof(printed) - 1, tmp)] = '\0';
	fclose(tmp);
	plug_registry_destroy(r);
	return status;
}

static void test_table(void **state)
{
	(void)state;
	assert_int_equal(run(1, "list", NULL), 0);
	assert_non_null(strstr(printed, "no plugins found"));
	pu_install(dir, "good");
	pu_install(dir, "exit_init");
	pu_install(dir, "arch_low");
	assert_int_equal(run(1, "list", NULL), 0);
	assert_string_equal(printed,
		"ID         KIND     PRIO  VERSION  STATE         DETAIL\n"
		"arch_low   arch       10  1        ready         test plugin arch_low\n"
		"exit_init  backend    10  1        crashed       it ended the process with status "
		"3 in init(); update the plugin\n"
		"good       backend    10  1        ready         device of good\n");
}

static const char *text_of(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	assert_non_null(s);
	return s;
}

static void test_json(void **state)
{
	json_t *root, *list, *o;
	char path[256];

	(void)state;
	pu_install(dir, "good");
	pu_install(dir, "arch_low");
	pu_write(dir, "b\xff\x01.ini", "x", 1);
	assert_int_equal(run(2, "list", "--json"), 0);
	root = json_loads(printed, 0, NULL);
	assert_non_null(root);
	list = json_object_get(root, "plugins");
	assert_int_equal(json_array_size(list), 3);
	o = json_array_get(list, 0);
	assert_string_equal(text_of(o, "id"), "arch_low");
	assert_string_equal(text_of(o, "kind"), "arch");
	assert_string_equal(text_of(o, "state"), "ready");
	assert_string_equal(text_of(o, "reason"), "");
	o = json_object_get(o, "gguf");
	assert_string_equal(json_string_value(json_array_get(o, 0)), "fake");
	o = json_array_get(list, 1);
	assert_string_equal(text_of(o, "id"), "b??");
	assert_string_equal(text_of(o, "state"), "bad-manifest");
	assert_true(json_is_null(json_object_get(o, "kind")));
	o = json_array_get(list, 2);
	assert_int_equal(json_integer_value(json_object_get(o, "priority")), 10);
	assert_string_equal(text_of(o, "version"), "1");
	assert_string_equal(text_of(o, "summary"), "test plugin good");
	assert_string_equal(text_of(o, "device"), "device of good");
	assert_string_equal(text_of(o, "manifest"), pu_path(path, dir, "good.ini"));
	assert_string_equal(text_of(o, "library"), pu_path(path, dir, "good.so"));
	assert_int_equal(json_array_size(json_object_get(o, "gguf")), 0);
	json_decref(root);
}

static void test_check(void **state)
{
	(void)state;
	pu_install(dir, "good");
	pu_install(dir, "no_device");
	pu_install(dir, "elsewhere");
	pu_copy(dir, "zz.ini", ZINC_BROKEN_DIR, "good.ini", 100);
	assert_int_equal(run(1, "check", NULL), 0);
	assert_string_equal(printed, "4 plugins, 0 with a fault\n");
	pu_install(dir, "wrong_magic");
	assert_int_equal(run(1, "check", NULL), 1);
	assert_non_null(strstr(printed, "wrong_magic: bad-table: zinc_plugin: magic"));
	assert_non_null(strstr(printed, "5 plugins, 1 with a fault\n"));
}

static void test_usage(void **state)
{
	(void)state;
	assert_int_equal(run(0, NULL, NULL), 2);
	assert_int_equal(run(1, "remove", NULL), 2);
	assert_int_equal(run(2, "list", "--yaml"), 2);
	assert_int_equal(run(2, "check", "--json"), 2);
	assert_string_equal(printed, "");
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(test_table), T(test_json), T(test_check), T(test_usage),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
