/* models.c - finding bundled models: $ZINC_MODEL_DIR, then share/zinc/models beside
 * the folder of the executable, in an installation as in a build tree. */
#include "cli/models.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/env.h"
#include "util/err.h"

static bool ends_in_gguf(const char *s)
{
	size_t n = strlen(s);

	return n > 5 && !strcmp(s + n - 5, ".gguf");
}

static bool is_file(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISREG(st.st_mode);
}

/* "" when it cannot be told. */
static void executable_dir(char *dir, size_t room)
{
	ssize_t n = readlink("/proc/self/exe", dir, room - 1);
	char *slash;

	dir[n > 0 ? n : 0] = '\0';
	slash = strrchr(dir, '/');
	if (slash)
		*slash = '\0';
	else
		dir[0] = '\0';
}

static bool is_short_name(const char *name, const char *file)
{
	size_t stem = strlen(file) - 5; /* without ".gguf" */
	size_t dot = strcspn(file, ".");
	size_t digit = strcspn(file, "0123456789.");
	size_t n = strlen(name);

	return n > 0 && (n == stem || n == dot || n == digit) && !memcmp(name, file, n);
}

/* The first file by name in dir that name means (NULL: any); "" when none. */
static void search_dir(const char *dir, const char *name, char *file, size_t room)
{
	DIR *d = opendir(dir);
	struct dirent *e;

	file[0] = '\0';
	if (!d)
		return;
	while ((e = readdir(d))) {
		if (!ends_in_gguf(e->d_name) || strlen(e->d_name) >= room)
			continue;
		if (name && !is_short_name(name, e->d_name))
			continue;
		if (!file[0] || strcmp(e->d_name, file) < 0)
			strcpy(file, e->d_name);
	}
	closedir(d);
}

/* NULL: none, or no memory. */
static char *find_bundled(const char *name)
{
	char exe[PATH_MAX], beside[PATH_MAX + sizeof(ZINC_MODEL_SUBDIR) + 8], file[NAME_MAX + 1];
	char real[PATH_MAX];
	const char *dirs[2] = {env_get("ZINC_MODEL_DIR"), beside};
	char *path;

	executable_dir(exe, sizeof(exe));
	snprintf(beside, sizeof(beside), "%s/../" ZINC_MODEL_SUBDIR, exe);
	if (!exe[0])
		dirs[1] = NULL;
	for (int i = 0; i < 2; i++) {
		if (!dirs[i])
			continue;
		search_dir(dirs[i], name, file, sizeof(file));
		if (file[0] && realpath(dirs[i], real))
			return asprintf(&path, "%s/%s", real, file) < 0 ? NULL : path;
	}
	return NULL;
}

bool model_is_name(const char *word)
{
	char *path;

	if (ends_in_gguf(word) && (!strpbrk(word, " \t\n") || access(word, R_OK) == 0))
		return true;
	path = find_bundled(word);
	free(path);
	return path != NULL;
}

int model_find(const char *name, char **path, struct zinc_err *err)
{
	*path = NULL;
	if (name && (ends_in_gguf(name) || strchr(name, '/') || is_file(name))) {
		if (access(name, R_OK))
			return err_set_errno(err, ZINC_E_IO, errno, "cannot read model %s", name);
		*path = strdup(name);
		return *path ? ZINC_OK : err_set(err, ZINC_E_NO_MEMORY, "no memory for a path");
	}
	*path = find_bundled(name);
	if (*path)
		return ZINC_OK;
	if (!name)
		return err_set(err, ZINC_E_IO,
			       "no bundled model is installed; name a .gguf file or set "
			       "ZINC_MODEL_DIR");
	return err_set(err, ZINC_E_IO,
		       "'%s' is neither a .gguf file nor the name of a bundled model", name);
}
