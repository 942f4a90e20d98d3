/* groups.c - the table of groups; from what is looked at to what is run. */
#include "groups.h"

#include "group.h"

static void group_ops(struct kit_group_ctx *g)
{
	struct kit_host host;
	struct kit_dev d;

	kit_now(g, "ops: open the device");
	if (!kit_group_open(g, &d, &host))
		return;
	ops_test(&d, &g->o->ops, g->report, g->now);
	kit_group_close(g, &d);
}

const struct kit_group kit_groups[] = {
	{"load", FOR_BACKENDS | FOR_ARCHS, 60, group_load},
	{"abi", FOR_BACKENDS, 120, group_abi},
	{"life", FOR_BACKENDS, 300, group_life},
	{"decline", FOR_BACKENDS, 300, group_decline},
	{"async", FOR_BACKENDS, 120, group_async},
	{"oom", FOR_BACKENDS, 300, group_oom},
	{"threads", FOR_BACKENDS, 120, group_threads},
	{"ops", FOR_BACKENDS, 3600, group_ops},
	{"arch", FOR_ARCHS, 300, group_arch},
	{NULL, 0, 0, NULL},
};
