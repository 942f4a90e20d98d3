/* test_plug_manifest.c - manifests: what is read, and what is refused where. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>

#include "plugin/manifest.h"
#include "unit/plug_util.h"

#define HEAD                                                                                       \
	"[plugin]\nid = one\nkind = backend\nabi = 0\nlibrary = ../one.so\npriority = 7\n"         \
	"version = 1.2\nsummary = First of its kind\n"

static int parse(const char *text, struct manifest *m, char *why)
{
	return manifest_parse(text, strlen(text), "x.ini", m, why, MANIFEST_WHY);
}

static void test_backend(void **state)
{
	static const char text[] = "; a comment\n# another\n\n" HEAD
		"[match]\npci = 1002:7550 10DE:*   ; inline\n"
		"[option]\nthreads = how many\nisa = which instructions\n";
	struct manifest m;
	char why[MANIFEST_WHY];

	(void)state;
	assert_int_equal(parse(text, &m, why), ZINC_OK);
	assert_string_equal(m.id, "one");
	assert_int_equal(m.kind, ZINC_KIND_BACKEND);
	assert_int_equal(m.abi, 0);
	assert_string_equal(m.library, "../one.so");
	assert_int_equal(m.priority, 7);
	assert_string_equal(m.version, "1.2");
	assert_string_equal(m.summary, "First of its kind");
	assert_int_equal(m.n_pci, 2);
	assert_int_equal(m.pci[0].vendor, 0x1002);
	assert_int_equal(m.pci[0].device, 0x7550);
	assert_int_equal(m.pci[1].vendor, 0x10de);
	assert_int_equal(m.pci[1].device, MANIFEST_PCI_ANY);
	assert_int_equal(m.n_options, 2);
	assert_string_equal(m.options[1].key, "isa");
	assert_string_equal(m.options[1].help, "which instructions");
}

/* Line ends of the other kind, and no newline at the end. */
static void test_arch(void **state)
{
	static const char text[] =
		"[plugin]\r\nid=a_b2\r\nkind=arch\r\nabi=0\r\nlibrary=/opt/a.so\r\npriority=0\r\n"
		"version=0.1.0~rc1+dfsg\r\nsummary=x\r\n[match]\r\ngguf = one\ttwo-moe  three";
	struct manifest m;
	char why[MANIFEST_WHY];

	(void)state;
	assert_int_equal(parse(text, &m, why), ZINC_OK);
	assert_int_equal(m.kind, ZINC_KIND_ARCH);
	assert_int_equal(m.n_gguf, 3);
	assert_string_equal(m.gguf[1], "two-moe");
	assert_string_equal(m.gguf[2], "three");
}

static const struct {
	const char *text, *why;
} bad[] = {
	{ "", "x.ini: [plugin] lacks the key 'id'" },
	{ "[plugin]\nid = one\n", "x.ini: [plugin] lacks the key 'kind'" },
	{ "id = one\n", "x.ini:1: id stands before the first [section]" },
	{ "[plugins]\n", "x.ini:1: '[plugins]' is none of" },
	{ "[plugin]\n[]\n", "x.ini:2: '[]' is none of" },
	{ "[plugin\n", "x.ini:1: '[plugin' is none of" },
	{ "[plugin] id = one\n", "x.ini:1: '[plugin] id = one' is none of" },
	{ "[plugin]\nname = one\n", "x.ini:2: [plugin] has no key 'name'" },
	{ "[plugin]\nid = one\nid = one\n", "x.ini:3: id appears twice" },
	{ "[plugin]\nid =\n", "x.ini:2: id = " },
	{ "[plugin]\nid = One\n", "x.ini:2: id = One is not a name" },
	{ "[plugin]\nid = _one\n", "x.ini:2: id = _one" },
	{ "[plugin]\nid = ../one\n", "x.ini:2: id = ../one" },
	{ "[plugin]\nid = abcdefghijklmnopqrstuvwxyz0123456789\n", "x.ini:2: id = abc" },
	{ "[plugin]\nkind = gpu\n", "x.ini:2: kind = gpu is neither" },
	{ "[plugin]\nabi = v0\n", "x.ini:2: abi = v0 is not a number" },
	{ "[plugin]\nabi = 0x0\n", "x.ini:2: abi = 0x0 is not a number" },
	{ "[plugin]\nabi = -1\n", "x.ini:2: abi = -1 is not a number" },
	{ "[plugin]\nabi = 99999999999999999999\n", "x.ini:2: abi" },
	{ "[plugin]\npriority = 1001\n", "x.ini:2: priority = 1001 is not a number from 0 to 1" },
	{ "[plugin]\npriority = +1\n", "x.ini:2: priority" },
	{ "[plugin]\nlibrary =\n", "x.ini:2: library is empty" },
	{ "[plugin]\nversion = 1 2\n", "x.ini:2: version = 1 2 has a blank" },
	{ "[plugin]\nid\n", "x.ini:2: the line is no [section]" },
	{ "[plugin]\nid ; = one\n", "x.ini:2: the line is no [section]" },
	{ "[plugin]\nsummary = one\n  two\n", "x.ini:3: the line starts with a blank" },
	{ "[plugin]\nsummary = \x1b[31mred\n", "x.ini:2: a control character stands in column 11" },
	{ "\xef\xbb\xbf[plugin]\n", "x.ini:1: the line is no [section]" },
	{ HEAD "[match]\npci = 1002\n", "x.ini:10: pci: '1002' is neither" },
	{ HEAD "[match]\npci = 1002:\n", "x.ini:10: pci: '1002:'" },
	{ HEAD "[match]\npci = 1002:75501\n", "x.ini:10: pci: '1002:75501'" },
	{ HEAD "[match]\npci = 1002:75z0\n", "x.ini:10: pci: '1002:75z0'" },
	{ HEAD "[match]\npci = *:*\n", "x.ini:10: pci: '*:*'" },
	{ HEAD "[match]\ngguf = one\n", "x.ini: a backend plugin cannot have gguf" },
	{ HEAD "[match]\ngguf = one one\n", "x.ini:10: gguf lists one twice" },
	{ HEAD "[match]\ngguf = On/e\n", "x.ini:10: gguf: 'On/e' is not" },
	{ HEAD "[option]\nk = a\nk = b\n", "x.ini:11: option k appears twice" },
	{ HEAD "[option]\nK = a\n", "x.ini:10: option 'K' is not a name" },
	{ HEAD "[option]\nk =\n", "x.ini:10: the option's description is empty" },
	{ "[plugin]\nid=a\nkind=arch\nabi=0\nlibrary=a\npriority=1\nversion=1\nsummary=s\n",
	  "x.ini: an arch plugin needs gguf" },
	{ "[plugin]\nid=a\nkind=arch\nabi=0\nlibrary=a\npriority=1\nversion=1\nsummary=s\n"
	  "[match]\ngguf=a\npci=1002:*\n",
	  "x.ini: an arch plugin cannot have pci" },
};

static void test_bad(void **state)
{
	struct manifest m;
	char why[MANIFEST_WHY];

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		if (parse(bad[i].text, &m, why) == ZINC_OK)
			fail_msg("accepted: %s", bad[i].text);
		if (strncmp(why, bad[i].why, strlen(bad[i].why)) != 0)
			fail_msg("said '%s' instead of '%s'", why, bad[i].why);
	}
}

/* Fills text with n times the line and expects this end of the sentence. */
static void expect_too_many(const char *start, const char *line, int n, const char *end)
{
	static char text[2 * MANIFEST_MAX_BYTES];
	struct manifest m;
	char why[MANIFEST_WHY], *at = stpcpy(text, start);

	for (int i = 0; i < n; i++)
		at += sprintf(at, line, i);
	assert_int_not_equal(parse(text, &m, why), ZINC_OK);
	if (!strstr(why, end))
		fail_msg("said '%s', not '%s'", why, end);
}

static void test_bounds(void **state)
{
	struct manifest m;
	char why[MANIFEST_WHY], tiny[8];

	(void)state;
	expect_too_many(HEAD "[option]\n", "key%d = text\n", MANIFEST_MAX_OPTIONS + 1,
	                "x.ini:42: [option] has more than 32 keys");
	expect_too_many(HEAD "[match]\ngguf = ", "n%d ", MANIFEST_MAX_GGUF + 1,
	                "x.ini:10: gguf lists more than 32 names");
	expect_too_many("[plugin]\nsummary = ", "0123456789%d", 40, "x.ini:2: the line is longer");
	expect_too_many("", "# 0123456789 0123456789 0123456789 %d\n", 600, "larger than 16384");
	assert_int_not_equal(parse("[plugin]\nid = ONE\n", &m, why), ZINC_OK);
	/* A sentence that does not fit is cut, not written past the end. */
	assert_int_not_equal(manifest_parse("id", 2, "x.ini", &m, tiny, sizeof(tiny)), ZINC_OK);
	assert_string_equal(tiny, "x.ini:1");
	/* A NUL byte is a control character like any other. */
	assert_int_not_equal(manifest_parse("a\0=b", 4, "x.ini", &m, why, sizeof(why)), ZINC_OK);
	assert_string_equal(why, "x.ini:1: a control character stands in column 2");
	assert_int_not_equal(manifest_parse(NULL, 0, "x.ini", &m, why, sizeof(why)), ZINC_OK);
}

/* Files: errors name the path; what is no file is refused. */
static void test_read(void **state)
{
	struct manifest m;
	char why[MANIFEST_WHY], dir[64], path[256];

	(void)state;
	pu_mkdir(dir);
	pu_write(dir, "one.ini", HEAD, sizeof(HEAD) - 1);
	assert_int_equal(manifest_read(pu_path(path, dir, "one.ini"), &m, why, sizeof(why)),
	                 ZINC_OK);
	assert_string_equal(m.id, "one");
	assert_int_equal(manifest_read(dir, &m, why, sizeof(why)), ZINC_E_IO);
	assert_int_equal(manifest_read(pu_path(path, dir, "two.ini"), &m, why, sizeof(why)),
	                 ZINC_E_IO);
	assert_non_null(strstr(why, "two.ini: cannot be read"));
	assert_int_equal(mkfifo(pu_path(path, dir, "fifo.ini"), 0600), 0);
	assert_int_equal(manifest_read(path, &m, why, sizeof(why)), ZINC_E_IO);
	pu_rmdir(dir);
}

/* What the fuzzer starts from, and what it once found. */
static void test_corpus(void **state)
{
	DIR *d = opendir(ZINC_FIXTURE_DIR "/../fuzz/corpus/manifest");
	struct manifest m;
	char why[MANIFEST_WHY], path[512];
	const struct dirent *e;
	int good = 0, n = 0;

	(void)state;
	assert_non_null(d);
	while ((e = readdir(d))) {
		if (e->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "%s/%s", ZINC_FIXTURE_DIR "/../fuzz/corpus/manifest",
		         e->d_name);
		if (manifest_read(path, &m, why, sizeof(why)) == ZINC_OK)
			good++;
		else
			assert_true(why[0] != '\0');
		n++;
	}
	closedir(d);
	assert_true(good >= 2 && n > good);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_backend), cmocka_unit_test(test_arch),
		cmocka_unit_test(test_bad),     cmocka_unit_test(test_bounds),
		cmocka_unit_test(test_read),    cmocka_unit_test(test_corpus),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
