/* group.h - groups of tests, each in a process of its own with a deadline: a
 * plugin that crashes or hangs costs its group only. */
#ifndef KIT_GROUP_H
#define KIT_GROUP_H

#include "dev.h"
#include "ops.h"
#include "report.h"

struct kit_options {
	const char *file;
	struct ops_choice ops;
	const char *groups; /* names, NULL: all */
	bool no_fork;       /* for debuggers: everything in this process */
	uint32_t deadline_s; /* 0: the group's own */
	const char *plugin_options[KIT_MAX_OPTIONS];
	uint32_t n_plugin_options;
	/* For architectures: a model file, the listing of its ops, and whether to
	 * print that listing. */
	const char *model, *golden;
	bool listing;
	enum kit_format format;
};

enum { KIT_NOW = 400 };

/* What a group is given, and shares with the process that waits for it. */
struct kit_group_ctx {
	const struct kit_options *o;
	struct kit_report *report;
	const char *name; /* of the group */
	char *now; /* [KIT_NOW] what is being done, should it be the last thing done */
};

enum { FOR_BACKENDS = 1, FOR_ARCHS = 2 };

struct kit_group {
	const char *name;
	unsigned kinds;
	uint32_t deadline_s;
	void (*run)(struct kit_group_ctx *g);
};

/* Ends with a NULL name. */
extern const struct kit_group kit_groups[];

/* Runs the groups that o asks for and that suit the plugin; the exit status. */
int kit_groups_run(const struct kit_options *o);

/* For groups: says what is done next, and whether it went well. */
__attribute__((format(printf, 2, 3))) void kit_now(struct kit_group_ctx *g, const char *format,
                                                   ...);
/* The result of what kit_now() said; format NULL: no detail. */
__attribute__((format(printf, 3, 4))) void kit_result(struct kit_group_ctx *g, bool ok,
                                                      const char *format, ...);

/* A host with the options from the command line. */
void kit_group_host(const struct kit_group_ctx *g, struct kit_host *h);
/* Loads and opens; on failure that has been reported: as a failed result, or as
 * a warning where there is no device. */
bool kit_group_open(struct kit_group_ctx *g, struct kit_dev *d, struct kit_host *h);
/* Closes and unloads; then nothing may be left allocated. */
void kit_group_close(struct kit_group_ctx *g, struct kit_dev *d);

#endif
