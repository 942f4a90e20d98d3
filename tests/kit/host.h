/* host.h - the host that a plugin under test sees: counted memory that may be
 * told to run out, options from the command line, log lines. */
#ifndef KIT_HOST_H
#define KIT_HOST_H

#include <pthread.h>
#include <stdbool.h>
#include <zinc/plugin.h>

enum { KIT_MAX_OPTIONS = 16 };

struct kit_host {
	struct zinc_host table; /* what init() gets */
	const char *options[KIT_MAX_OPTIONS]; /* "key=value" */
	uint32_t n_options;
	bool verbose; /* log lines go to stderr */
	pthread_mutex_t lock;
	int64_t n_live;   /* allocations not freed                          */
	int64_t n_calls;  /* of alloc()                                     */
	int64_t fail_at;  /* this call of alloc() fails (1: the first), 0: none */
	bool fail_on;     /* and so do all after it                         */
	bool misused;     /* a bad alignment was asked for                  */
};

void kit_host_init(struct kit_host *h);
void kit_host_finish(struct kit_host *h);

#endif
