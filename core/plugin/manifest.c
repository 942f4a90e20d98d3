/* manifest.c - reading a manifest with inih, strictly.
 *
 * inih is forgiving: it joins indented lines, cuts long ones in two and is
 * silent about empty sections. So each line is looked at before inih gets it
 * (next_line), and each key where inih reports it (on_key). */
#include "plugin/manifest.h"

#include <errno.h>
#include <fcntl.h>
#include <ini.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zinc/plugin.h>

struct parse {
	const char *at, *end;
	const char *name;
	int line;
	uint32_t seen; /* bit per entry of keys[] */
	int status;
	struct manifest *m;
	char *why;
	size_t room;
};

__attribute__((format(printf, 2, 3))) static int fail(struct parse *p, const char *fmt, ...)
{
	va_list ap;
	int n;

	if (p->status)
		return p->status;
	p->status = ZINC_E_INVALID;
	n = snprintf(p->why, p->room, "%s:%d: ", p->name, p->line);
	if (n < 0 || (size_t)n >= p->room)
		return p->status;
	va_start(ap, fmt);
	vsnprintf(p->why + n, p->room - (size_t)n, fmt, ap);
	va_end(ap);
	return p->status;
}

static int is_name(const char *s, const char *also)
{
	size_t n = strlen(s);

	if (n == 0 || n >= MANIFEST_ID)
		return 0;
	for (size_t i = 0; i < n; i++) {
		int lower = s[i] >= 'a' && s[i] <= 'z', digit = s[i] >= '0' && s[i] <= '9';

		if (!lower && !digit && (i == 0 || !strchr(also, s[i])))
			return 0;
	}
	return 1;
}

static int put_text(struct parse *p, const char *key, const char *value, char *out, size_t room)
{
	size_t n = strlen(value);

	if (n == 0)
		return fail(p, "%s is empty", key);
	if (n >= room)
		return fail(p, "%s is longer than %zu bytes", key, room - 1);
	memcpy(out, value, n + 1);
	return 0;
}

static int put_number(struct parse *p, const char *key, const char *value, long max, long *out)
{
	char *end;

	errno = 0;
	*out = strtol(value, &end, 10);
	if (errno || end == value || *end || value[0] == '+' || *out < 0 || *out > max)
		return fail(p, "%s = %s is not a number from 0 to %ld", key, value, max);
	return 0;
}

static int set_id(struct parse *p, const char *value)
{
	if (!is_name(value, "_"))
		return fail(p, "id = %s is not a name of up to %d letters a-z, digits and '_'",
		            value, MANIFEST_ID - 1);
	return put_text(p, "id", value, p->m->id, sizeof(p->m->id));
}

static int set_kind(struct parse *p, const char *value)
{
	if (strcmp(value, "arch") == 0)
		p->m->kind = ZINC_KIND_ARCH;
	else if (strcmp(value, "backend") == 0)
		p->m->kind = ZINC_KIND_BACKEND;
	else
		return fail(p, "kind = %s is neither arch nor backend", value);
	return 0;
}

static int set_abi(struct parse *p, const char *value)
{
	long n;

	if (put_number(p, "abi", value, 999, &n))
		return p->status;
	p->m->abi = (uint32_t)n;
	return 0;
}

static int set_library(struct parse *p, const char *value)
{
	return put_text(p, "library", value, p->m->library, sizeof(p->m->library));
}

static int set_priority(struct parse *p, const char *value)
{
	long n;

	if (put_number(p, "priority", value, 1000, &n))
		return p->status;
	p->m->priority = (int)n;
	return 0;
}

static int set_version(struct parse *p, const char *value)
{
	if (strpbrk(value, " \t"))
		return fail(p, "version = %s has a blank in it", value);
	return put_text(p, "version", value, p->m->version, sizeof(p->m->version));
}

static int set_summary(struct parse *p, const char *value)
{
	return put_text(p, "summary", value, p->m->summary, sizeof(p->m->summary));
}

static int add_gguf(struct parse *p, const char *word)
{
	struct manifest *m = p->m;

	if (!is_name(word, "_-."))
		return fail(p, "gguf: '%s' is not an architecture name", word);
	if (m->n_gguf == MANIFEST_MAX_GGUF)
		return fail(p, "gguf lists more than %d names", MANIFEST_MAX_GGUF);
	for (uint32_t i = 0; i < m->n_gguf; i++)
		if (strcmp(m->gguf[i], word) == 0)
			return fail(p, "gguf lists %s twice", word);
	strcpy(m->gguf[m->n_gguf++], word);
	return 0;
}

/* Exactly four hex digits. */
static int hex4(const char *s, uint32_t *out)
{
	if (strspn(s, "0123456789abcdefABCDEF") < 4)
		return 0;
	*out = 0;
	for (int i = 0; i < 4; i++) {
		uint32_t c = (unsigned char)s[i];

		*out = *out << 4 | (c <= '9' ? c - '0' : (c & 0x5f) - 'A' + 10);
	}
	return 1;
}

static int add_pci(struct parse *p, const char *word)
{
	struct manifest *m = p->m;
	struct manifest_pci id = { 0, MANIFEST_PCI_ANY };

	if (!hex4(word, &id.vendor) || word[4] != ':' ||
	    (strcmp(word + 5, "*") != 0 && (!hex4(word + 5, &id.device) || word[9])))
		return fail(p, "pci: '%s' is neither vvvv:dddd nor vvvv:* in hexadecimal", word);
	if (m->n_pci == MANIFEST_MAX_PCI)
		return fail(p, "pci lists more than %d devices", MANIFEST_MAX_PCI);
	m->pci[m->n_pci++] = id;
	return 0;
}

static int each_word(struct parse *p, const char *key, const char *value,
                     int (*add)(struct parse *, const char *))
{
	char words[MANIFEST_TEXT], *save = NULL;

	if (put_text(p, key, value, words, sizeof(words)))
		return p->status;
	for (char *w = strtok_r(words, " \t", &save); w; w = strtok_r(NULL, " \t", &save))
		if (add(p, w))
			return p->status;
	return 0;
}

static int set_gguf(struct parse *p, const char *value)
{
	return each_word(p, "gguf", value, add_gguf);
}

static int set_pci(struct parse *p, const char *value)
{
	return each_word(p, "pci", value, add_pci);
}

static int add_option(struct parse *p, const char *key, const char *value)
{
	struct manifest *m = p->m;
	struct manifest_option *o = &m->options[m->n_options];

	for (uint32_t i = 0; i < m->n_options; i++)
		if (strcmp(m->options[i].key, key) == 0)
			return fail(p, "option %s appears twice", key);
	if (!is_name(key, "_"))
		return fail(p, "option '%s' is not a name of letters a-z, digits and '_'", key);
	if (m->n_options == MANIFEST_MAX_OPTIONS)
		return fail(p, "[option] has more than %d keys", MANIFEST_MAX_OPTIONS);
	if (put_text(p, "the option's description", value, o->help, sizeof(o->help)))
		return p->status;
	strcpy(o->key, key);
	m->n_options++;
	return 0;
}

static const struct {
	const char *section, *key;
	int (*set)(struct parse *, const char *value);
	uint32_t required;
} keys[] = {
	{ "plugin", "id", set_id, 1 },
	{ "plugin", "kind", set_kind, 1 },
	{ "plugin", "abi", set_abi, 1 },
	{ "plugin", "library", set_library, 1 },
	{ "plugin", "priority", set_priority, 1 },
	{ "plugin", "version", set_version, 1 },
	{ "plugin", "summary", set_summary, 1 },
	{ "match", "gguf", set_gguf, 0 },
	{ "match", "pci", set_pci, 0 },
};
enum { N_KEYS = sizeof(keys) / sizeof(keys[0]) };

static int on_key(void *user, const char *section, const char *key, const char *value)
{
	struct parse *p = user;

	uint32_t i = 0;

	if (p->status)
		return 0;
	while (i < N_KEYS && (strcmp(keys[i].section, section) || strcmp(keys[i].key, key)))
		i++;
	if (!*section)
		fail(p, "%s stands before the first [section]", key);
	else if (strcmp(section, "option") == 0)
		add_option(p, key, value);
	else if (i == N_KEYS)
		fail(p, "[%s] has no key '%s'", section, key);
	else if (p->seen & 1u << i)
		fail(p, "%s appears twice", key);
	else
		keys[i].set(p, value);
	p->seen |= i < N_KEYS ? 1u << i : 0;
	return !p->status;
}

static void check_section(struct parse *p, const char *line, size_t n)
{
	static const char *const known[] = { "[plugin]", "[match]", "[option]" };

	for (uint32_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (strlen(known[i]) == n && memcmp(line, known[i], n) == 0)
			return;
	fail(p, "'%.*s' is none of the sections [plugin], [match], [option]",
	     n < MANIFEST_ID ? (int)n : MANIFEST_ID, line);
}

/* line[0..n) is without its newline. */
static void check_line(struct parse *p, const char *line, size_t n)
{
	while (n > 0 && (line[n - 1] == ' ' || line[n - 1] == '\t' || line[n - 1] == '\r'))
		n--;
	if (n == 0 || line[0] == '#' || line[0] == ';')
		return;
	for (size_t i = 0; i < n; i++)
		if (((unsigned char)line[i] < 0x20 && line[i] != '\t') || line[i] == 0x7f) {
			fail(p, "a control character stands in column %zu", i + 1);
			return;
		}
	if (line[0] == ' ' || line[0] == '\t')
		fail(p, "the line starts with a blank; a value takes one line");
	else if (line[0] == '[')
		check_section(p, line, n);
	else if (!memchr(line, '=', n))
		fail(p, "the line is no [section], no key = value and no comment");
}

/* inih's fgets. */
static char *next_line(char *buf, int room, void *user)
{
	struct parse *p = user;
	const char *nl;
	size_t n;

	if (p->status || p->at == p->end)
		return NULL;
	p->line++;
	nl = memchr(p->at, '\n', (size_t)(p->end - p->at));
	n = (size_t)((nl ? nl : p->end) - p->at);
	if (n + 2 > (size_t)room) {
		fail(p, "the line is longer than %d bytes", room - 2);
		return NULL;
	}
	check_line(p, p->at, n);
	if (p->status)
		return NULL;
	memcpy(buf, p->at, n);
	buf[n] = '\0';
	p->at += n + (nl != NULL);
	return buf;
}

/* What no single line can be blamed for. */
static int check_whole(struct parse *p)
{
	struct manifest *m = p->m;
	const char *what = NULL;

	for (uint32_t i = 0; i < N_KEYS; i++)
		if (keys[i].required && !(p->seen & 1u << i)) {
			snprintf(p->why, p->room, "%s: [plugin] lacks the key '%s'", p->name,
			         keys[i].key);
			return ZINC_E_INVALID;
		}
	if (m->kind == ZINC_KIND_ARCH && m->n_gguf == 0)
		what = "an arch plugin needs gguf = NAMES in [match]";
	else if (m->kind == ZINC_KIND_ARCH && m->n_pci)
		what = "an arch plugin cannot have pci in [match]";
	else if (m->kind == ZINC_KIND_BACKEND && m->n_gguf)
		what = "a backend plugin cannot have gguf in [match]";
	if (!what)
		return ZINC_OK;
	snprintf(p->why, p->room, "%s: %s", p->name, what);
	return ZINC_E_INVALID;
}

int manifest_parse(const char *text, size_t n, const char *name, struct manifest *out, char *why,
                   size_t room)
{
	struct parse p = { .at = text, .end = text + n, .name = name, .m = out, .why = why,
	                   .room = room };
	int bad_line;

	memset(out, 0, sizeof(*out));
	why[0] = '\0';
	if (n > MANIFEST_MAX_BYTES) {
		snprintf(why, room, "%s: the manifest is larger than %d bytes", name,
		         MANIFEST_MAX_BYTES);
		return ZINC_E_INVALID;
	}
	bad_line = ini_parse_stream(next_line, &p, on_key, &p);
	if (p.status)
		return p.status;
	if (bad_line) {
		p.line = bad_line > 0 ? bad_line : p.line;
		return fail(&p, "the line is no [section], no key = value and no comment");
	}
	return check_whole(&p);
}

int manifest_read(const char *path, struct manifest *out, char *why, size_t room)
{
	char text[MANIFEST_MAX_BYTES + 1];
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat st;
	size_t n = 0;
	ssize_t got = 0;

	if (fd < 0 || fstat(fd, &st) != 0) {
		snprintf(why, room, "%s: cannot be read: %s", path, strerror(errno));
		if (fd >= 0)
			close(fd);
		return ZINC_E_IO;
	}
	if (S_ISREG(st.st_mode))
		while (n < sizeof(text) && (got = read(fd, text + n, sizeof(text) - n)) > 0)
			n += (size_t)got;
	close(fd);
	if (!S_ISREG(st.st_mode) || got < 0) {
		snprintf(why, room, "%s: is not a readable file", path);
		return ZINC_E_IO;
	}
	return manifest_parse(text, n, path, out, why, room);
}
