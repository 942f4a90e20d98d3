/* ops.h - the ops of a backend, case by case, every variant forced. */
#ifndef KIT_OPS_H
#define KIT_OPS_H

#include "dev.h"
#include "report.h"

struct ops_choice {
	const char *ops;       /* "dmmv,mmq"; NULL: all                      */
	const char *variant;   /* NULL: all                                  */
	long long first, last; /* these cases of each op, from 1 on; 0, 0: all */
	uint32_t shard, n_shards; /* 1..n_shards: every n_shards-th case, from this one; 0, 0: all */
	bool list, verbose, quick;
};

/* now: [KIT_NOW] the case at hand, for whoever wants to know where it ended. */
void ops_test(struct kit_dev *d, const struct ops_choice *choice, struct kit_report *report,
              char *now);

#endif
