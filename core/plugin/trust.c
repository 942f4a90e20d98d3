/* trust.c - walking a path component by component; see trust.h. */
#include "plugin/trust.h"

#include <errno.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zinc/status.h>

enum { MAX_LINKS = 40 };

struct walk {
	char done[PATH_MAX]; /* resolved so far, without links; "" is the root */
	char rest[PATH_MAX]; /* still to follow                                */
	int n_links;
	bool shared;         /* done is a sticky directory that all may write to */
	char *why;
	size_t room;
};

/* Systems with a umask of 002 give each user a group alone; a directory that
 * only this group may write to is as good as private. */
static bool group_is_private(gid_t gid)
{
	struct passwd *pw = getpwuid(geteuid());
	struct group *gr;

	if (!pw || pw->pw_gid != gid)
		return false;
	gr = getgrgid(gid);
	if (!gr || strcmp(gr->gr_name, pw->pw_name) != 0)
		return false;
	for (char **m = gr->gr_mem; m && *m; m++)
		if (strcmp(*m, pw->pw_name) != 0)
			return false;
	return true;
}

static bool others_may_write(const struct stat *st)
{
	return st->st_mode & S_IWOTH || (st->st_mode & S_IWGRP && !group_is_private(st->st_gid));
}

/* done names an entry that lstat has described in st. */
static int check_component(struct walk *w, const struct stat *st)
{
	const char *name = *w->done ? w->done : "/";
	bool above_shared = w->shared, writable;

	w->shared = false;
	if (st->st_uid != 0 && st->st_uid != geteuid()) {
		snprintf(w->why, w->room,
		         "%s belongs to user %u, who could change it; run: chown root '%s'", name,
		         (unsigned)st->st_uid, name);
		return ZINC_E_INVALID;
	}
	if (S_ISLNK(st->st_mode))
		return ZINC_OK;
	writable = others_may_write(st);
	if (writable && S_ISDIR(st->st_mode) && st->st_mode & S_ISVTX && st->st_uid == 0) {
		w->shared = true;
		return ZINC_OK;
	}
	if (writable) {
		snprintf(w->why, w->room,
		         "%s may be written by others (mode %04o); run: chmod go-w '%s'", name,
		         (unsigned)(st->st_mode & 07777), name);
		return ZINC_E_INVALID;
	}
	if (above_shared && !S_ISDIR(st->st_mode)) {
		snprintf(w->why, w->room,
		         "%s lies in a directory that all may write to; move it to one of your own",
		         name);
		return ZINC_E_INVALID;
	}
	return ZINC_OK;
}

static int too_long(struct walk *w)
{
	snprintf(w->why, w->room, "the path is too long or has too many links");
	return ZINC_E_IO;
}

static int check_here(struct walk *w, struct stat *st)
{
	if (lstat(*w->done ? w->done : "/", st) == 0)
		return check_component(w, st);
	snprintf(w->why, w->room, "%s: %s", w->done, strerror(errno));
	return ZINC_E_IO;
}

static void leave(struct walk *w)
{
	char *slash = strrchr(w->done, '/');

	if (slash)
		*slash = '\0';
}

static int enter(struct walk *w, const char *name, size_t n)
{
	size_t len = strlen(w->done);

	if (len + n + 2 > sizeof(w->done))
		return too_long(w);
	w->done[len] = '/';
	memcpy(w->done + len + 1, name, n);
	w->done[len + 1 + n] = '\0';
	return ZINC_OK;
}

/* Puts the target in front of what is left to follow; done, the link, becomes
 * the place from which the target is read. */
static int follow_link(struct walk *w)
{
	char target[PATH_MAX], rest[PATH_MAX];
	ssize_t n = readlink(w->done, target, sizeof(target) - 1);
	struct stat st;

	if (n < 0 || ++w->n_links > MAX_LINKS)
		return too_long(w);
	target[n] = '\0';
	if (strlen(target) + strlen(w->rest) + 2 > sizeof(rest))
		return too_long(w);
	stpcpy(stpcpy(stpcpy(rest, target), "/"), w->rest);
	memcpy(w->rest, rest, strlen(rest) + 1);
	leave(w);
	if (target[0] == '/')
		w->done[0] = '\0';
	return check_here(w, &st);
}

/* Moves the first component of rest to the end of done and checks it. */
static int step(struct walk *w)
{
	size_t skip = strspn(w->rest, "/"), n = strcspn(w->rest + skip, "/");
	const char *name = w->rest + skip;
	struct stat st;
	int rc = ZINC_OK;

	if (n == 2 && memcmp(name, "..", 2) == 0)
		leave(w);
	else if (n > 1 || (n == 1 && name[0] != '.'))
		rc = enter(w, name, n);
	memmove(w->rest, name + n, strlen(name + n) + 1);
	if (rc == ZINC_OK)
		rc = check_here(w, &st);
	if (rc == ZINC_OK && S_ISLNK(st.st_mode))
		return follow_link(w);
	return rc;
}

int trust_check(const char *path, char *why, size_t room)
{
	struct walk w = { .why = why, .room = room };
	struct stat st;
	int rc;

	if (path[0] != '/' || strlen(path) >= sizeof(w.rest))
		return too_long(&w);
	memcpy(w.rest, path, strlen(path) + 1);
	rc = check_here(&w, &st);
	while (rc == ZINC_OK && w.rest[0])
		rc = step(&w);
	return rc;
}
