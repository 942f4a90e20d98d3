/* line.c - messages from libedit or from plain standard input. */
#include "cli/line.h"

#include <errno.h>
#include <histedit.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/env.h"
#include "cli/key.h"
#include "cli/terminal.h"

enum { HISTORY_LINES = 1000 };

struct line_reader {
	EditLine *el; /* NULL: plain input */
	History *history;
	char *history_path; /* NULL: none is kept */
	bool continued;     /* for the prompt */
	char *plain;        /* getline's buffer */
	size_t plain_room;
};

static char *prompt(EditLine *el)
{
	static char first[] = "> ", next[] = ". ";
	struct line_reader *r = NULL;

	el_get(el, EL_CLIENTDATA, &r);
	return r && r->continued ? next : first;
}

/* Makes the folders of path. */
static void make_folders(const char *path)
{
	char part[PATH_MAX];

	for (const char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		snprintf(part, sizeof(part), "%.*s", (int)(slash - path), path);
		mkdir(part, 0700);
	}
}

static char *find_history(void)
{
	const char *xdg = env_get("XDG_STATE_HOME"), *home = env_get("HOME");
	char *path = NULL;

	if (xdg && asprintf(&path, "%s/zinc/history", xdg) < 0)
		return NULL;
	if (!xdg && home && asprintf(&path, "%s/.local/state/zinc/history", home) < 0)
		return NULL;
	return path;
}

/* By default a terminal drops output that waits when Ctrl-C comes, so the end of
 * an answer or the next prompt; -d is the mode of editing, -x that of all else. */
static void keep_output(EditLine *el)
{
	el_set(el, EL_SETTY, "-d", "+noflsh", NULL);
	el_set(el, EL_SETTY, "-x", "+noflsh", NULL);
}

static bool open_editor(struct line_reader *r)
{
	HistEvent ev;

	r->el = el_init("zinc", stdin, stdout, stderr);
	r->history = history_init();
	if (!r->el || !r->history)
		return false;
	history(r->history, &ev, H_SETSIZE, HISTORY_LINES);
	history(r->history, &ev, H_SETUNIQUE, 1);
	el_set(r->el, EL_CLIENTDATA, r);
	el_set(r->el, EL_PROMPT, prompt);
	el_set(r->el, EL_GETCFN, key_read);
	el_set(r->el, EL_EDITOR, "emacs");
	keep_output(r->el);
	el_set(r->el, EL_HIST, history, r->history);
	el_set(r->el, EL_BIND, "^R", "em-inc-search-prev", NULL);
	el_source(r->el, NULL);
	r->history_path = find_history();
	if (r->history_path)
		history(r->history, &ev, H_LOAD, r->history_path);
	return true;
}

struct line_reader *line_create(bool edit)
{
	struct line_reader *r = calloc(1, sizeof(*r));

	if (r && edit && !open_editor(r)) {
		line_destroy(r);
		return NULL;
	}
	return r;
}

/* What was typed to a model is nobody else's to read. */
static void save_history(struct line_reader *r)
{
	HistEvent ev;
	mode_t old = umask(077);

	make_folders(r->history_path);
	history(r->history, &ev, H_SAVE, r->history_path);
	umask(old);
}

void line_destroy(struct line_reader *r)
{
	if (!r)
		return;
	if (r->history && r->history_path)
		save_history(r);
	if (r->history)
		history_end(r->history);
	if (r->el)
		el_end(r->el);
	free(r->history_path);
	free(r->plain);
	free(r);
}

/* One line with its newline, if it has one; *n -1: none. */
static const char *next_line(struct line_reader *r, int *n)
{
	const char *line;
	HistEvent ev;

	if (!r->el) {
		*n = (int)getline(&r->plain, &r->plain_room, stdin);
		return *n < 0 ? NULL : r->plain;
	}
	line = el_gets(r->el, n);
	if (!line || *n <= 0) {
		*n = -1;
		return NULL;
	}
	if (line[0] != '\n')
		history(r->history, &ev, H_ENTER, line);
	return line;
}

struct message {
	char *text;
	size_t n;
};

static bool add(struct message *m, const char *s, size_t n)
{
	char *more = realloc(m->text, m->n + n + 1);

	if (!more)
		return false;
	memcpy(more + m->n, s, n);
	m->text = more;
	m->n += n;
	more[m->n] = '\0';
	return true;
}

enum line_result line_read(struct line_reader *r, char **text)
{
	struct message m = {NULL, 0};
	bool block = false, more = true;
	int n;

	r->continued = false;
	while (more) {
		const char *line = next_line(r, &n);
		size_t len = line ? (size_t)n - (n > 0 && line[n - 1] == '\n') : 0;
		bool fence = line && len == 3 && !memcmp(line, "\"\"\"", 3);

		if (interrupt_pending() || (!line && !m.text)) {
			free(m.text);
			return interrupt_pending() ? LINE_INTERRUPTED : LINE_END;
		}
		if (!line)
			break;
		if (fence && (block || !m.text)) {
			more = block = !block;
			len = 0;
		} else {
			more = block || (len && line[len - 1] == '\\');
			len -= more && !block;
		}
		if (!add(&m, line, len) || (more && !(fence && !m.n) && !add(&m, "\n", 1))) {
			free(m.text);
			return LINE_NO_MEMORY;
		}
		r->continued = more;
	}
	/* The newline before the closing quotes, or before a missing end. */
	if (m.n && m.text[m.n - 1] == '\n')
		m.text[--m.n] = '\0';
	*text = m.text;
	return LINE_TEXT;
}
