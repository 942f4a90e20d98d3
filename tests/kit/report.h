/* report.h - what the tests found, as text, TAP or JSON. */
#ifndef KIT_REPORT_H
#define KIT_REPORT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

enum kit_format { KIT_TEXT_FORMAT, KIT_TAP, KIT_JSON };

struct kit_report {
	enum kit_format format;
	FILE *to;
	uint32_t n, n_failed, n_warnings;
	bool no_device; /* something could not be tried for want of one */
};

void report_begin(struct kit_report *r, const char *file);
/* One finished test: `what` in a few words, `detail` one line or NULL. */
void report_result(struct kit_report *r, bool ok, const char *what, const char *detail);
void report_warning(struct kit_report *r, const char *line);
/* Returns the exit status: 1 where something failed, 77 where a device was
 * missing, else 0. */
int report_end(struct kit_report *r);

#endif
