/* search.c - where plugins are looked for, in order of precedence:
 *
 *   --plugin-dir            $ZINC_PLUGIN_PATH        /etc/zinc/plugins.d
 *   the user's data folder  /usr/local/lib           the lib next to this program
 *   the lib it was configured for
 *
 * The administrator's folder comes before the user's, so that it can mask. The
 * current directory is never searched, and a relative path counts only where
 * the user typed it (--plugin-dir). */
#include "plugin/search.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/err.h"
#include "util/log.h"

#define SUBDIR "/zinc/plugins.d"

/* The folder DIR TAIL; DIR is n bytes long. */
static int add(struct search *s, const char *dir, size_t n, const char *tail, struct zinc_err *err)
{
	char *path;

	if (s->n == SEARCH_MAX_DIRS)
		return err_set(err, ZINC_E_INVALID,
		               "more than %d plugin folders; shorten ZINC_PLUGIN_PATH",
		               SEARCH_MAX_DIRS);
	path = malloc(n + strlen(tail) + 1);
	if (!path)
		return err_set(err, ZINC_E_NO_MEMORY, "no memory for the plugin folders");
	memcpy(path, dir, n);
	strcpy(path + n, tail);
	s->dirs[s->n++] = path;
	return ZINC_OK;
}

static int add_given(struct search *s, const char *dir, struct zinc_err *err)
{
	char cwd[PATH_MAX] = "", tail[PATH_MAX];
	struct stat st;

	if (stat(dir, &st) != 0)
		return err_set_errno(err, ZINC_E_IO, errno, "plugin folder %s", dir);
	if (!S_ISDIR(st.st_mode))
		return err_set(err, ZINC_E_INVALID, "plugin folder %s is not a folder", dir);
	if (dir[0] == '/')
		return add(s, dir, strlen(dir), "", err);
	if (!getcwd(cwd, sizeof(cwd)) || strlen(dir) + 2 > sizeof(tail))
		return err_set(err, ZINC_E_IO, "plugin folder %s: its full path is not known", dir);
	stpcpy(stpcpy(tail, "/"), dir);
	return add(s, cwd, strlen(cwd), tail, err);
}

static int add_path_list(struct search *s, const char *list, struct zinc_err *err)
{
	int rc = ZINC_OK;
	size_t n;

	for (const char *at = list; rc == ZINC_OK && *at; at += n + (at[n] == ':')) {
		n = strcspn(at, ":");
		if (n && at[0] != '/')
			log_msg(ZINC_LOG_WARN,
			        "ZINC_PLUGIN_PATH: '%.*s' is not an absolute path; ignored", (int)n,
			        at);
		else if (n)
			rc = add(s, at, n, "", err);
	}
	return rc;
}

static int add_user(struct search *s, struct zinc_err *err)
{
	const char *data = secure_getenv("XDG_DATA_HOME"), *home = secure_getenv("HOME");

	if (data && data[0] == '/')
		return add(s, data, strlen(data), SUBDIR, err);
	if (home && home[0] == '/')
		return add(s, home, strlen(home), "/.local/share" SUBDIR, err);
	return ZINC_OK;
}

/* PREFIX/bin/zinc has its plugins in PREFIX/lib/...; so has the build tree. */
static int add_beside_program(struct search *s, struct zinc_err *err)
{
	static const char libdir[] = PLUG_LIBDIR;
	char exe[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", exe, sizeof(exe) - 1);

	if (n <= 0 || libdir[0] == '/')
		return ZINC_OK;
	for (int up = 0; up < 2 && n > 0; up++)
		while (n > 0 && exe[--n] != '/')
			;
	return add(s, exe, (size_t)n, "/" PLUG_LIBDIR "/plugins.d", err);
}

int search_init(struct search *s, const struct plug_config *cfg, struct zinc_err *err)
{
	static const char *const etc = "/etc" SUBDIR, *const local = "/usr/local/lib" SUBDIR,
	                         *const configured = PLUG_FULL_LIBDIR "/plugins.d";
	const char *list = secure_getenv("ZINC_PLUGIN_PATH");
	int rc = ZINC_OK;

	s->n = 0;
	for (uint32_t i = 0; i < cfg->n_dirs && rc == ZINC_OK; i++)
		rc = add_given(s, cfg->dirs[i], err);
	if (cfg->only_dirs)
		return rc;
	if (rc == ZINC_OK && list)
		rc = add_path_list(s, list, err);
	if (rc == ZINC_OK)
		rc = add(s, etc, strlen(etc), "", err);
	if (rc == ZINC_OK)
		rc = add_user(s, err);
	if (rc == ZINC_OK)
		rc = add(s, local, strlen(local), "", err);
	if (rc == ZINC_OK)
		rc = add_beside_program(s, err);
	if (rc == ZINC_OK)
		rc = add(s, configured, strlen(configured), "", err);
	return rc;
}

void search_finish(struct search *s)
{
	for (uint32_t i = 0; i < s->n; i++)
		free(s->dirs[i]);
	s->n = 0;
}
