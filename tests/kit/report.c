/* report.c - see report.h. */
#include "report.h"

static void quoted(FILE *to, const char *text)
{
	fputc('"', to);
	for (const unsigned char *p = (const unsigned char *)text; *p; p++) {
		if (*p == '"' || *p == '\\')
			fprintf(to, "\\%c", *p);
		else if (*p < ' ')
			fprintf(to, "\\u%04x", *p);
		else
			fputc(*p, to);
	}
	fputc('"', to);
}

void report_begin(struct kit_report *r, const char *file)
{
	if (r->format == KIT_TAP)
		fprintf(r->to, "TAP version 13\n# %s\n", file);
	if (r->format == KIT_JSON) {
		fprintf(r->to, "{\"file\": ");
		quoted(r->to, file);
		fprintf(r->to, ", \"tests\": [");
	}
	fflush(r->to);
}

static void as_json(struct kit_report *r, bool ok, const char *what, const char *detail)
{
	fprintf(r->to, "%s\n{\"ok\": %s, \"name\": ", r->n > 1 ? "," : "", ok ? "true" : "false");
	quoted(r->to, what);
	if (detail) {
		fprintf(r->to, ", \"detail\": ");
		quoted(r->to, detail);
	}
	fputc('}', r->to);
}

void report_result(struct kit_report *r, bool ok, const char *what, const char *detail)
{
	r->n++;
	r->n_failed += !ok;
	if (r->format == KIT_JSON) {
		as_json(r, ok, what, detail);
	} else if (r->format == KIT_TAP) {
		fprintf(r->to, "%s %u - %s\n", ok ? "ok" : "not ok", r->n, what);
		if (detail)
			fprintf(r->to, "# %s\n", detail);
	} else {
		fprintf(r->to, "%-4s %s\n", ok ? "ok" : "FAIL", what);
		if (detail)
			fprintf(r->to, "     %s\n", detail);
	}
	fflush(r->to);
}

void report_warning(struct kit_report *r, const char *line)
{
	r->n_warnings++;
	if (r->format != KIT_JSON)
		fprintf(r->to, "%s%s\n", r->format == KIT_TAP ? "# warning: " : "warn ", line);
	fflush(r->to);
}

int report_end(struct kit_report *r)
{
	if (r->format == KIT_TAP)
		fprintf(r->to, "1..%u\n", r->n);
	else if (r->format == KIT_JSON)
		fprintf(r->to, "],\n\"run\": %u, \"failed\": %u}\n", r->n, r->n_failed);
	else
		fprintf(r->to, "%u of %u failed, %u warnings\n", r->n_failed, r->n, r->n_warnings);
	return r->n_failed ? 1 : r->no_device ? 77 : 0;
}
