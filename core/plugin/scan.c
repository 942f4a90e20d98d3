/* scan.c - from folders to slots: reads manifests, checks that they may be
 * trusted, and decides which of several with one id counts.
 *
 * A manifest that is empty or a link to /dev/null is a mask: it hides the
 * manifests of the same file name in all folders of lower precedence. */
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "plugin/registry.h"
#include "plugin/search.h"
#include "plugin/trust.h"
#include "util/err.h"
#include "util/log.h"

enum { MAX_PER_DIR = 256, MAX_MASKS = 256 };

struct scan {
	struct plug_registry *r;
	struct {
		char *file; /* "cpu.ini" */
		char *path;
	} masks[MAX_MASKS];
	uint32_t n_masks;
};

static char *join(const char *dir, const char *name)
{
	char *path = malloc(strlen(dir) + strlen(name) + 2);

	if (path)
		stpcpy(stpcpy(stpcpy(path, dir), "/"), name);
	return path;
}

/* A mask must be as trustworthy as a manifest. A link to /dev/null leads to
 * something that all may write to, so there the link itself is what counts. */
static bool is_mask(const char *path, bool dir_trusted)
{
	char target[sizeof("/dev/null")], why[MANIFEST_WHY];
	ssize_t n = readlink(path, target, sizeof(target));
	struct stat st;

	if (n >= 0)
		return n == sizeof(target) - 1 && memcmp(target, "/dev/null", (size_t)n) == 0 &&
		       dir_trusted && lstat(path, &st) == 0 &&
		       (st.st_uid == 0 || st.st_uid == geteuid());
	return lstat(path, &st) == 0 && S_ISREG(st.st_mode) && st.st_size == 0 &&
	       trust_check(path, why, sizeof(why)) == ZINC_OK;
}

static const char *masked_by(const struct scan *sc, const char *file)
{
	for (uint32_t i = 0; i < sc->n_masks; i++)
		if (strcmp(sc->masks[i].file, file) == 0)
			return sc->masks[i].path;
	return NULL;
}

/* The slot that counts for this id, of those found so far: manifests that are
 * broken, untrusted or masked decide nothing. */
static const struct plug_slot *winner(const struct plug_registry *r, const char *id)
{
	for (uint32_t i = 0; i < r->n; i++)
		if (r->slots[i]->m && r->slots[i]->pub.state != PLUG_MASKED &&
		    strcmp(r->slots[i]->pub.id, id) == 0)
			return r->slots[i];
	return NULL;
}

/* Until the manifest has been read the file's name has to do. */
static void name_after_file(struct plug_slot *s)
{
	char *dot = strrchr(s->file, '.');

	if (dot)
		*dot = '\0';
	for (char *c = s->file; *c; c++)
		if ((unsigned char)*c < 0x20 || *c == 0x7f)
			*c = '?';
	s->pub.id = s->file;
}

static void publish(struct plug_slot *s)
{
	const struct manifest *m = s->m;

	s->pub.id = m->id;
	s->pub.summary = m->summary;
	s->pub.version = m->version;
	s->pub.kind = m->kind;
	s->pub.priority = m->priority;
	for (uint32_t i = 0; i < m->n_gguf; i++)
		s->names[i] = m->gguf[i];
	s->pub.n_gguf_names = m->n_gguf;
}

/* The library's path with every link resolved, which is the one that is then
 * checked and opened. Relative to the folder that really holds the manifest. */
static void find_library(struct plug_slot *s)
{
	char why[MANIFEST_WHY], *slash = strrchr(s->real_manifest, '/'), *path;

	if (s->m->library[0] == '/') {
		path = strdup(s->m->library);
	} else {
		*slash = '\0';
		path = join(s->real_manifest, s->m->library);
		*slash = '/';
	}
	if (!path) {
		plug_set_state(s, PLUG_LOAD_FAILED, "no memory for its path");
		return;
	}
	s->library_path = realpath(path, NULL);
	if (!s->library_path)
		plug_set_state(s, PLUG_LOAD_FAILED, "library %s: %s; install the plugin again",
		               path, strerror(errno));
	else if (trust_check(path, why, sizeof(why)) != ZINC_OK)
		plug_set_state(s, PLUG_UNTRUSTED, "%s", why);
	if (s->library_path)
		free(path);
	else
		s->library_path = path;
	s->pub.library = s->library_path;
}

static void examine(struct scan *sc, struct plug_slot *s)
{
	const char *mask = masked_by(sc, s->file);
	const struct plug_slot *first;
	char why[MANIFEST_WHY];
	struct manifest *m;
	int rc;

	name_after_file(s);
	if (mask) {
		plug_set_state(s, PLUG_MASKED, "hidden by the mask %s", mask);
		return;
	}
	rc = trust_check(s->manifest_path, why, sizeof(why));
	if (rc != ZINC_OK) {
		plug_set_state(s, rc == ZINC_E_INVALID ? PLUG_UNTRUSTED : PLUG_BAD_MANIFEST, "%s",
		               why);
		return;
	}
	m = malloc(sizeof(*m));
	if (!m || manifest_read(s->real_manifest, m, why, sizeof(why)) != ZINC_OK) {
		plug_set_state(s, PLUG_BAD_MANIFEST, "%s", m ? why : "no memory to read it");
		free(m);
		return;
	}
	first = winner(sc->r, m->id);
	s->m = m;
	publish(s);
	if (first)
		plug_set_state(s, PLUG_MASKED, "%s comes first and has the same id",
		               first->manifest_path);
	else if (m->abi != ZINC_ABI_MAJOR)
		plug_set_state(s, PLUG_WRONG_ABI,
		               "made for plugin ABI %u, this zinc has %d; install the build of "
		               "the plugin that belongs to it",
		               m->abi, ZINC_ABI_MAJOR);
	else
		find_library(s);
}

static bool listed_already(const struct plug_registry *r, const char *real)
{
	for (uint32_t i = 0; i < r->n; i++)
		if (strcmp(r->slots[i]->real_manifest, real) == 0)
			return true;
	return false;
}

static struct plug_slot *slot_create(const char *file, char *path, char *real)
{
	struct plug_slot *s = calloc(1, sizeof(*s));

	if (!s || !(s->file = strdup(file))) {
		free(s);
		return NULL;
	}
	s->manifest_path = path;
	s->real_manifest = real;
	s->pub = (struct plug_entry){
		.id = "", .summary = "", .version = "", .library = "", .reason = "",
		.manifest = path, .gguf_names = s->names, .device = s->device,
	};
	return s;
}

static bool room_for_one(struct plug_registry *r)
{
	uint32_t room = r->room ? 2 * r->room : 16;
	struct plug_slot **slots;

	if (r->n < r->room)
		return true;
	slots = realloc(r->slots, room * sizeof(struct plug_slot *));
	if (!slots)
		return false;
	r->slots = slots;
	r->room = room;
	return true;
}

/* Takes path over in every case. */
static int add_mask(struct scan *sc, const char *file, char *path)
{
	char *name = sc->n_masks < MAX_MASKS ? strdup(file) : NULL;

	if (!name) {
		free(path);
		return ZINC_E_NO_MEMORY;
	}
	sc->masks[sc->n_masks].file = name;
	sc->masks[sc->n_masks++].path = path;
	return ZINC_OK;
}

static int add_file(struct scan *sc, const char *dir, const char *file, bool dir_trusted)
{
	char *path = join(dir, file), *real;
	struct plug_slot *s;

	if (!path)
		return ZINC_E_NO_MEMORY;
	if (is_mask(path, dir_trusted))
		return add_mask(sc, file, path);
	real = realpath(path, NULL);
	if (!real)
		real = strdup(path);
	if (real && listed_already(sc->r, real)) {
		free(path);
		free(real);
		return ZINC_OK;
	}
	s = real && room_for_one(sc->r) ? slot_create(file, path, real) : NULL;
	if (!s) {
		free(path);
		free(real);
		return ZINC_E_NO_MEMORY;
	}
	examine(sc, s);
	sc->r->slots[sc->r->n++] = s;
	return ZINC_OK;
}

static int is_manifest_name(const struct dirent *e)
{
	size_t n = strlen(e->d_name);

	return e->d_name[0] != '.' && n > 4 && strcmp(e->d_name + n - 4, ".ini") == 0;
}

/* By bytes, so that the order does not depend on the locale. */
static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static int scan_dir(struct scan *sc, const char *dir)
{
	char why[MANIFEST_WHY];
	struct dirent **found;
	int n = scandir(dir, &found, is_manifest_name, by_name), rc = ZINC_OK;
	bool trusted;

	if (n < 0) {
		if (errno != ENOENT && errno != ENOTDIR)
			log_msg(ZINC_LOG_WARN, "plugin folder %s: %s", dir, strerror(errno));
		return errno == ENOMEM ? ZINC_E_NO_MEMORY : ZINC_OK;
	}
	if (n > MAX_PER_DIR)
		log_msg(ZINC_LOG_WARN, "plugin folder %s has more than %d manifests", dir,
		        MAX_PER_DIR);
	trusted = n > 0 && trust_check(dir, why, sizeof(why)) == ZINC_OK;
	for (int i = 0; i < n; i++) {
		if (rc == ZINC_OK && i < MAX_PER_DIR)
			rc = add_file(sc, dir, found[i]->d_name, trusted);
		free(found[i]);
	}
	free(found);
	return rc;
}

int plug_scan(struct plug_registry *r, const struct plug_config *cfg, struct zinc_err *err)
{
	struct scan sc = { .r = r };
	struct search s;
	int rc = search_init(&s, cfg, err);

	for (uint32_t i = 0; i < s.n && rc == ZINC_OK; i++)
		if (scan_dir(&sc, s.dirs[i]) != ZINC_OK)
			rc = err_set(err, ZINC_E_NO_MEMORY, "no memory to list plugins in %s",
			             s.dirs[i]);
	for (uint32_t i = 0; i < sc.n_masks; i++) {
		free(sc.masks[i].file);
		free(sc.masks[i].path);
	}
	search_finish(&s);
	return rc;
}
