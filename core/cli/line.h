/* line.h - reading what a person types, or what a pipe brings. */
#ifndef CORE_CLI_LINE_H
#define CORE_CLI_LINE_H

#include <stdbool.h>

struct line_reader;

enum line_result {
	LINE_TEXT,
	LINE_END,         /* end of input */
	LINE_INTERRUPTED, /* Ctrl-C: what was typed is dropped */
	LINE_NO_MEMORY
};

/* edit: line editing and history (kept in $XDG_STATE_HOME/zinc/history); else
 * plain lines of standard input. NULL: no memory. */
struct line_reader *line_create(bool edit);
void line_destroy(struct line_reader *r); /* NULL ok; saves the history */

/* One message: a line; lines that end in a backslash go on in the next; a line
 * of three double quotes opens a block that another such line closes. *text is
 * newly allocated, without the last newline. */
enum line_result line_read(struct line_reader *r, char **text);

#endif
