/* choice_file.c - the table of measured products on disk: text, a line for each, named
 * by device, driver and plugin, ended by a checksum, replaced by rename(). */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "choice.h"

#define FNV_START UINT64_C(14695981039346656037)
#define HEAD "zinc cuda_ada choices 1: type, rows, K, columns, ns by dmmv, tiles, library\n"

enum { LINE_ROOM = 256, KEY_ROOM = 512, FILE_MOST = 1 << 20 };

static const char *const types[ADA_TYPE_COUNT] = {
	[ADA_F32] = "f32",   [ADA_F16] = "f16",       [ADA_BF16] = "bf16",
	[ADA_Q8_0] = "q8_0", [ADA_Q4_0] = "q4_0",     [ADA_Q4_1] = "q4_1",
	[ADA_Q5_0] = "q5_0", [ADA_Q5_1] = "q5_1",     [ADA_Q2_K] = "q2_k",
	[ADA_Q3_K] = "q3_k", [ADA_Q4_K] = "q4_k",     [ADA_Q5_K] = "q5_k",
	[ADA_Q6_K] = "q6_k", [ADA_IQ4_NL] = "iq4_nl", [ADA_IQ4_XS] = "iq4_xs",
	[ADA_MXFP4] = "mxfp4",
};

static const char *const ways[ADA_N_WAYS] = {"dmmv", "tiles", "library"};

static uint64_t fnv1a(const char *p, size_t n)
{
	uint64_t h = FNV_START;

	for (size_t i = 0; i < n; i++)
		h = (h ^ (unsigned char)p[i]) * UINT64_C(1099511628211);
	return h;
}

static size_t key_text(const struct ada_choice_key *key, char *text)
{
	return (size_t)snprintf(text, KEY_ROOM, HEAD "device %s\ndriver %s\nplugin %s\n",
	                        key->device, key->driver, key->plugin);
}

void ada_choice_find_path(const struct zinc_host *host, struct ada_choice_key *key)
{
	const char *own = host->option(host->ctx, "cache");
	const char *xdg = secure_getenv("XDG_CACHE_HOME"), *home = secure_getenv("HOME");
	const int room = sizeof(key->path);
	char text[KEY_ROOM];
	int n = 0;

	key->path[0] = 0;
	if (own && !strcmp(own, "off"))
		return;
	if (own)
		n = snprintf(key->path, sizeof(key->path), "%s", own);
	else if (xdg && xdg[0] == '/')
		n = snprintf(key->path, sizeof(key->path), "%s/zinc", xdg);
	else if (home && home[0] == '/')
		n = snprintf(key->path, sizeof(key->path), "%s/.cache/zinc", home);
	if (n <= 0 || n > room - 64) {
		key->path[0] = 0;
		return;
	}
	snprintf(key->path + n, (size_t)(room - n), "/cuda-%016" PRIx64 ".choices",
	         fnv1a(text, key_text(key, text)));
}

static bool is_type(const char *name, uint32_t *type)
{
	for (*type = 0; *type < ADA_TYPE_COUNT; ++*type)
		if (types[*type] && !strcmp(name, types[*type]))
			return true;
	return false;
}

static bool read_line(const char *line, struct ada_choices *out)
{
	struct ada_choice c = {0};
	char name[16];

	if (out->n == ADA_CHOICES_MAX ||
	    sscanf(line, "%15s %" SCNu32 " %" SCNu32 " %" SCNu32 " %" SCNu32 " %" SCNu32
	                 " %" SCNu32, name, &c.rows, &c.k, &c.cols, &c.ns[0], &c.ns[1],
	           &c.ns[2]) != 7 ||
	    !is_type(name, &c.type) || !c.rows || !c.k || !c.cols)
		return false;
	out->list[out->n++] = c;
	return true;
}

/* The lines between the head and the checksum, which is of all before it. */
static bool parse(char *text, const struct ada_choice_key *key, struct ada_choices *out)
{
	char want[KEY_ROOM], *end = strstr(text, "\nend "), *line;
	size_t n = key_text(key, want);
	uint64_t sum;

	if (!end || sscanf(end, "\nend %" SCNx64, &sum) != 1 || strncmp(text, want, n))
		return false;
	end++;
	if (fnv1a(text, (size_t)(end - text)) != sum)
		return false;
	*end = 0;
	for (line = text + n; *line; line = strchr(line, '\n') + 1)
		if (!read_line(line, out))
			return false;
	return out->n > 0;
}

int ada_choices_read(const struct ada_choice_key *key, struct ada_choices *out)
{
	FILE *f = fopen(key->path, "rbe");
	char *text;
	size_t n;
	bool ok;

	if (!f)
		return ZINC_E_IO;
	text = malloc(FILE_MOST + 1);
	n = text ? fread(text, 1, FILE_MOST, f) : 0;
	fclose(f);
	if (!text)
		return ZINC_E_IO;
	text[n] = 0;
	out->n = 0;
	ok = parse(text, key, out);
	free(text);
	if (!ok)
		out->n = 0;
	return ok ? ZINC_OK : ZINC_E_INVALID;
}

static char *format(const struct ada_choice_key *key, const struct ada_choices *all, size_t *n)
{
	char *text = malloc(KEY_ROOM + LINE_ROOM * ((size_t)all->n + 1));

	if (!text)
		return NULL;
	*n = key_text(key, text);
	for (uint32_t i = 0; i < all->n; i++) {
		const struct ada_choice *c = &all->list[i];

		*n += (size_t)snprintf(text + *n, LINE_ROOM,
		                       "%s %" PRIu32 " %" PRIu32 " %" PRIu32 " %" PRIu32
		                       " %" PRIu32 " %" PRIu32 "\n", types[c->type], c->rows, c->k,
		                       c->cols, c->ns[0], c->ns[1], c->ns[2]);
	}
	*n += (size_t)snprintf(text + *n, LINE_ROOM, "end %016" PRIx64 "\n", fnv1a(text, *n));
	return text;
}

static int replace_file(const char *path, const char *text, size_t n)
{
	char next[sizeof(((struct ada_choice_key *)0)->path) + 16];
	FILE *f;
	bool ok;
	int fd;

	snprintf(next, sizeof(next), "%s.XXXXXX", path);
	fd = mkstemp(next);
	f = fd >= 0 ? fdopen(fd, "wb") : NULL;
	if (!f) {
		if (fd >= 0)
			close(fd);
		return ZINC_E_IO;
	}
	ok = fwrite(text, n, 1, f) == 1;
	ok = fclose(f) == 0 && ok && rename(next, path) == 0;
	if (!ok)
		unlink(next);
	return ok ? ZINC_OK : ZINC_E_IO;
}

/* The folder and the one that it is in. */
static void make_folders(const char *path)
{
	char dir[sizeof(((struct ada_choice_key *)0)->path)];
	char *last, *before;

	snprintf(dir, sizeof(dir), "%s", path);
	last = strrchr(dir, '/');
	if (!last)
		return;
	*last = 0;
	before = strrchr(dir, '/');
	if (before && before != dir) {
		*before = 0;
		mkdir(dir, 0700);
		*before = '/';
	}
	mkdir(dir, 0700);
}

int ada_choices_write(const struct ada_choice_key *key, const struct ada_choices *all)
{
	size_t n = 0;
	char *text = format(key, all, &n);
	int rc;

	if (!text)
		return ZINC_E_NO_MEMORY;
	make_folders(key->path);
	rc = replace_file(key->path, text, n);
	free(text);
	return rc;
}

void ada_choice_print(const struct ada_choice *c, char *text, size_t n)
{
	int at = snprintf(text, n, "%s %u x %u, %u columns:", types[c->type], c->rows, c->k,
	                  c->cols);

	for (int w = 0; w < ADA_N_WAYS; w++)
		if (c->ns[w] && at > 0 && (size_t)at < n)
			at += snprintf(text + at, n - (size_t)at, " %s %.1f us%s", ways[w],
			               c->ns[w] / 1e3,
			               w == (int)ada_choice_fastest(c) ? " (taken)" : "");
}
