/* pack.h - packing the weights that can be read where the file is mapped.
 *
 * Threads take windows of weights, pack them, and drop the file's pages that they have
 * read. They may do so while an engine runs; what it reads meanwhile is for
 * weights_show() to say. */
#ifndef CORE_RUN_PACK_H
#define CORE_RUN_PACK_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "run/weights.h"

enum { PACK_THREADS = 16 }; /* at most, without the caller of pack_complete() */

struct pack {
	const struct weights *weights;
	const struct model *model;
	const struct memory *mem;
	double start;   /* seconds        */
	uint64_t bytes; /* packed, of all */

	pthread_mutex_t lock; /* of what follows */
	pthread_cond_t over_changed;
	uint32_t at;          /* the next window's weight, */
	uint64_t row;         /* and its first row         */
	/* Weights of windows that are being packed, or that failed. */
	uint32_t busy[PACK_THREADS + 1];
	uint32_t n_busy;
	uint32_t n_working;   /* threads                   */
	bool waited_for;      /* so no line is logged      */
	int rc;               /* the first failure         */
	struct zinc_err err;

	/* Without it. */
	atomic_bool stop, over;
	atomic_uint n_done;
	atomic_uint_fast64_t bytes_done;

	pthread_t threads[PACK_THREADS];
	uint32_t n_threads;
};

void pack_init(struct pack *p, const struct weights *w, const struct model *m,
               const struct memory *mem);
/* Stops where it is; zeroed memory is fine, too. */
void pack_finish(struct pack *p);

/* Starts up to n threads; ZINC_E_NO_MEMORY: not one. Those of low priority log a line when
 * all is packed, or packing has failed, unless pack_complete() waits for it. */
int pack_begin(struct pack *p, uint32_t n, bool low);
/* Packs in this thread, too, until the end: of all, or at the first failure. progress may
 * be NULL. */
int pack_complete(struct pack *p, void (*progress)(void *ctx, const char *what, double part),
                  void *ctx, struct zinc_err *err);
/* Leaves the CPUs to the threads for so many seconds, or until the end. */
void pack_pause(struct pack *p, double seconds);

/* Nobody packs any more: all is done, or something failed. */
bool pack_over(const struct pack *p);
/* Weights before this one are packed. */
uint32_t pack_done(const struct pack *p);

/* CPUs that this process may run on. */
uint32_t pack_cpus(void);

#endif
