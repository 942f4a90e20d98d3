/* test_plug_trust.c - which paths code may be loaded from. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <grp.h>
#include <pwd.h>

#include "plugin/pci.h"
#include "plugin/trust.h"
#include "unit/plug_util.h"

enum { NOBODY = 65534 };

static char dir[64];
static char why[512];

static int setup(void **state)
{
	char path[256];

	(void)state;
	pu_mkdir(dir);
	assert_int_equal(mkdir(pu_path(path, dir, "a"), 0755), 0);
	assert_int_equal(mkdir(pu_path(path, dir, "a/b"), 0755), 0);
	pu_write(dir, "a/b/x.ini", "x", 1);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	pu_rmdir(dir);
	return 0;
}

static void set_mode(const char *name, mode_t mode)
{
	char path[256];

	assert_int_equal(chmod(pu_path(path, dir, name), mode), 0);
}

static int check(const char *name)
{
	char path[256];

	why[0] = '\0';
	return trust_check(pu_path(path, dir, name), why, sizeof(why));
}

/* Refused, for this component, with this remedy. */
static void expect_refused(const char *name, const char *component, const char *remedy)
{
	char path[256];

	assert_int_equal(check(name), ZINC_E_INVALID);
	pu_path(path, dir, component);
	if (strncmp(why, path, strlen(path)) != 0 || !strstr(why, remedy))
		fail_msg("said: %s", why);
}

static void test_fine(void **state)
{
	(void)state;
	assert_int_equal(check("a/b/x.ini"), ZINC_OK);
	assert_int_equal(check("a//b/./../b/x.ini"), ZINC_OK);
	assert_int_equal(check("a/b"), ZINC_OK);
	assert_int_equal(trust_check("/", why, sizeof(why)), ZINC_OK);
	assert_int_equal(check("a/b/none"), ZINC_E_IO);
	assert_int_equal(trust_check("a/b", why, sizeof(why)), ZINC_E_IO);
}

static void test_writable(void **state)
{
	(void)state;
	set_mode("a/b/x.ini", 0666);
	expect_refused("a/b/x.ini", "a/b/x.ini", "chmod go-w");
	set_mode("a/b/x.ini", 0644);
	set_mode("a", 0777);
	expect_refused("a/b/x.ini", "a", "chmod go-w");
	/* A path that only passes through counts too. */
	expect_refused("a/../a/b/x.ini", "a", "chmod go-w");
	set_mode("a", 0755);
	assert_int_equal(check("a/b/x.ini"), ZINC_OK);
}

/* Sticky and shared: fine above a folder, not right above a file. */
static void test_sticky(void **state)
{
	(void)state;
	if (geteuid() != 0)
		skip();
	set_mode("a", 01777);
	assert_int_equal(check("a/b/x.ini"), ZINC_OK);
	assert_int_equal(check("a"), ZINC_OK);
	set_mode("a", 0755);
	set_mode("a/b", 01777);
	expect_refused("a/b/x.ini", "a/b/x.ini", "move it");
}

static void test_links(void **state)
{
	char path[256];

	(void)state;
	assert_int_equal(symlink("a/b", pu_path(path, dir, "link")), 0);
	assert_int_equal(check("link/x.ini"), ZINC_OK);
	assert_int_equal(symlink("../link/x.ini", pu_path(path, dir, "a/y.ini")), 0);
	assert_int_equal(check("a/y.ini"), ZINC_OK);
	/* what the link leads through, and where it lies */
	set_mode("a/b", 0777);
	expect_refused("a/y.ini", "a/b", "chmod go-w");
	set_mode("a/b", 0755);
	assert_int_equal(mkdir(pu_path(path, dir, "open"), 0777), 0);
	set_mode("open", 0777);
	assert_int_equal(symlink(dir, pu_path(path, dir, "open/l")), 0);
	expect_refused("open/l/a/b/x.ini", "open", "chmod go-w");
	/* a link that leads to itself ends */
	assert_int_equal(symlink("loop", pu_path(path, dir, "loop")), 0);
	assert_int_equal(check("loop"), ZINC_E_IO);
}

/* A link back into a shared folder does not hide that the file lies there. */
static void test_link_into_sticky(void **state)
{
	char path[256];

	(void)state;
	if (geteuid() != 0)
		skip();
	set_mode("a/b", 01777);
	assert_int_equal(symlink("x.ini", pu_path(path, dir, "a/b/z.ini")), 0);
	expect_refused("a/b/z.ini", "a/b/x.ini", "move it");
}

static void test_owner(void **state)
{
	char path[256];

	(void)state;
	if (geteuid() != 0)
		skip();
	assert_int_equal(chown(pu_path(path, dir, "a/b"), NOBODY, NOBODY), 0);
	expect_refused("a/b/x.ini", "a/b", "chown root");
	assert_int_equal(chown(path, 0, 0), 0);
	assert_int_equal(chown(pu_path(path, dir, "a/b/x.ini"), NOBODY, NOBODY), 0);
	expect_refused("a/b/x.ini", "a/b/x.ini", "chown root");
}

/* Group write is refused, unless the group is the user's own and alone. */
static void test_group(void **state)
{
	struct passwd *pw = getpwuid(geteuid());
	struct group *gr = pw ? getgrgid(pw->pw_gid) : NULL;
	char path[256];
	bool alone = gr && strcmp(gr->gr_name, pw->pw_name) == 0 && !gr->gr_mem[0];

	(void)state;
	set_mode("a", 0775);
	if (alone && chown(pu_path(path, dir, "a"), (uid_t)-1, pw->pw_gid) == 0)
		assert_int_equal(check("a/b/x.ini"), ZINC_OK);
	if (geteuid() == 0) {
		assert_int_equal(chown(pu_path(path, dir, "a"), 0, NOBODY), 0);
		expect_refused("a/b/x.ini", "a", "chmod go-w");
	}
}

/* [match] pci against a folder that looks like sysfs. */
static void test_pci(void **state)
{
	struct manifest m = { .n_pci = 2, .pci = { { 0x1234, 0x0001 }, { 0xabcd, 0x00ff } } };
	char path[256];

	(void)state;
	assert_true(pci_matches(pu_path(path, dir, "none"), &m));
	assert_int_equal(mkdir(pu_path(path, dir, "pci"), 0755), 0);
	assert_false(pci_matches(path, &m));
	assert_int_equal(mkdir(pu_path(path, dir, "pci/0000:01:00.0"), 0755), 0);
	pu_write(dir, "pci/0000:01:00.0/vendor", "0xabcd\n", 7);
	assert_false(pci_matches(pu_path(path, dir, "pci"), &m));
	pu_write(dir, "pci/0000:01:00.0/device", "0x00fe\n", 7);
	assert_false(pci_matches(path, &m));
	m.pci[1].device = MANIFEST_PCI_ANY;
	assert_true(pci_matches(path, &m));
	m.pci[1].device = 0xfe;
	assert_true(pci_matches(path, &m));
	m.n_pci = 0;
	assert_true(pci_matches(path, &m));
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(test_fine), T(test_writable), T(test_sticky), T(test_links),
		T(test_link_into_sticky), T(test_owner), T(test_group), T(test_pci),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
