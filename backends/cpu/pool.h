/* pool.h - the threads that run jobs.
 *
 * A job is a list of stages, one after the other; a stage is cut into pieces, which
 * threads take one by one. A stage is over when its pieces are done, and whoever
 * did the last one opens the next: no thread is waited for that holds no piece,
 * and a stage of one piece costs no meeting at all. Who finds nothing to take spins for a
 * moment, then sleeps, so an idle pool costs nothing.
 *
 * A pool of n threads is n - 1 started ones and whoever calls cpu_pool_run(). */
#ifndef CPU_POOL_H
#define CPU_POOL_H

#include "cpu.h"

enum { CPU_POOL_PIECES = UINT16_MAX }; /* of a stage, at most */

struct cpu_job {
	/* Goes on to the next stage and returns its number of pieces; 0: there is
	 * none. Called by one thread at a time, which sees all that was done. */
	uint32_t (*next)(struct cpu_job *job);
	/* Called once for each piece of the open stage, ith being the thread. */
	void (*run)(struct cpu_job *job, uint32_t piece, uint32_t ith);
};

int cpu_pool_create(const struct zinc_host *host, uint32_t n_threads, struct cpu_pool **out,
                    struct zinc_err *err);
void cpu_pool_destroy(struct cpu_pool *p); /* NULL ok; nothing may be running */

/* [any] Returns when the job is done; the caller works as thread 0. Concurrent
 * callers take turns. */
void cpu_pool_run(struct cpu_pool *p, struct cpu_job *job);

#endif
