/* plug_util.h - folders with manifests and plugins in them, for the tests of
 * core/plugin. They are made under /tmp, since a build tree may lie in a place
 * that others may write to, where nothing is trusted. */
#ifndef TESTS_UNIT_PLUG_UTIL_H
#define TESTS_UNIT_PLUG_UTIL_H

#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "plugin/plug.h"

#define PU_UNUSED __attribute__((unused)) static

/* A fresh folder of our own; the string is static to the caller. */
PU_UNUSED const char *pu_mkdir(char path[64])
{
	strcpy(path, "/tmp/zinc-plug-XXXXXX");
	assert_non_null(mkdtemp(path));
	return path;
}

PU_UNUSED int pu_remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)st, (void)flag, (void)ftw;
	return remove(path);
}

PU_UNUSED void pu_rmdir(const char *path)
{
	nftw(path, pu_remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

PU_UNUSED const char *pu_path(char out[256], const char *dir, const char *name)
{
	assert_true(snprintf(out, 256, "%s/%s", dir, name) < 256);
	return out;
}

PU_UNUSED void pu_write(const char *dir, const char *name, const void *bytes, size_t n)
{
	char path[256];
	int fd = open(pu_path(path, dir, name), O_WRONLY | O_CREAT | O_TRUNC, 0644);

	assert_true(fd >= 0);
	assert_int_equal(fchmod(fd, 0644), 0);
	assert_int_equal(write(fd, bytes, n), (ssize_t)n);
	close(fd);
}

/* Copies FROM/NAME to DIR/AS, the first `part` percent of it. */
PU_UNUSED void pu_copy(const char *dir, const char *as, const char *from, const char *name,
                       int part)
{
	char path[512];
	struct stat st;
	FILE *f;
	void *bytes;

	snprintf(path, sizeof(path), "%s/%s", from, name);
	f = fopen(path, "rb");
	assert_non_null(f);
	assert_int_equal(fstat(fileno(f), &st), 0);
	bytes = malloc((size_t)st.st_size + 1);
	assert_int_equal(fread(bytes, 1, (size_t)st.st_size, f), (size_t)st.st_size);
	fclose(f);
	pu_write(dir, as, bytes, (size_t)st.st_size * (size_t)part / 100);
	free(bytes);
}

#ifdef ZINC_BROKEN_DIR
/* Installs a plugin of tests/broken in dir. */
PU_UNUSED void pu_install(const char *dir, const char *name)
{
	char file[64];

	snprintf(file, sizeof(file), "%s.ini", name);
	pu_copy(dir, file, ZINC_BROKEN_DIR, file, 100);
	snprintf(file, sizeof(file), "%s.so", name);
	pu_copy(dir, file, ZINC_BROKEN_DIR, file, 100);
}
#endif

/* A registry over these folders only. */
PU_UNUSED struct plug_registry *pu_open(const char *const *dirs, uint32_t n,
                                        const char *const *options, uint32_t n_options)
{
	struct plug_config cfg = { .dirs = dirs, .n_dirs = n, .only_dirs = true,
		                   .options = options, .n_options = n_options,
		                   .probe_timeout_ms = 60000 };
	struct plug_registry *r = NULL;
	struct zinc_err err = { 0 };

	if (plug_registry_create(&cfg, &r, &err) != ZINC_OK)
		fail_msg("%s", err.msg);
	return r;
}

PU_UNUSED const struct plug_entry *pu_find(const struct plug_registry *r, const char *id)
{
	for (uint32_t i = 0; i < plug_count(r); i++)
		if (strcmp(plug_at(r, i)->id, id) == 0)
			return plug_at(r, i);
	fail_msg("%s is not listed", id);
	return NULL;
}

#endif
