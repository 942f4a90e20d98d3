/* terminal.h - what differs when a person watches: progress, colour, Ctrl-C. */
#ifndef CORE_CLI_TERMINAL_H
#define CORE_CLI_TERMINAL_H

#include <stdbool.h>

struct terminal {
	bool in, out, err; /* is it a terminal? */
	bool colour;       /* on standard output */
	bool progress;     /* bars may be drawn on standard error */
	bool quiet, verbose;
	/* the bar that stands there now */
	bool bar;
	int percent;
	double drawn; /* when, seconds */
};

void term_init(struct terminal *t, bool quiet, bool verbose);

/* Draws "what [####    ] 50%" on standard error, or redraws it. */
void term_progress(struct terminal *t, const char *what, double part);
/* Removes the bar; before anything else is printed. */
void term_progress_end(struct terminal *t);

/* One line on standard error for a person: not when quiet, and when nobody
 * watches only if verbose. */
__attribute__((format(printf, 2, 3))) void term_note(struct terminal *t, const char *fmt, ...);

/* Escape sequences, "" where there are no colours. */
const char *term_dim(const struct terminal *t);
const char *term_plain(const struct terminal *t);

/* From now on Ctrl-C sets a flag; a second one before the flag was cleared ends
 * the process. */
void interrupt_install(void);
bool interrupt_pending(void);
void interrupt_clear(void);

#endif
