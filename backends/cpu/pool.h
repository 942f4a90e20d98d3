/* pool.h - the threads that run command lists.
 *
 * A pool of n threads is n - 1 started ones and whoever calls cpu_pool_run().
 * Waiting threads spin for a moment, then sleep, so an idle pool costs nothing. */
#ifndef CPU_POOL_H
#define CPU_POOL_H

#include "cpu.h"

typedef void cpu_pool_fn(void *arg, uint32_t ith);

int cpu_pool_create(const struct zinc_host *host, uint32_t n_threads, struct cpu_pool **out,
                    struct zinc_err *err);
void cpu_pool_destroy(struct cpu_pool *p); /* NULL ok; nothing may be running */

/* [any] fn(arg, i) once on every thread, the caller being thread 0; returns
 * when all are done. Concurrent callers take turns. */
void cpu_pool_run(struct cpu_pool *p, cpu_pool_fn *fn, void *arg);

/* Inside fn: all threads meet; with reset, cpu_pool_take() starts over at 0. */
void cpu_pool_barrier(struct cpu_pool *p, bool reset);
uint32_t cpu_pool_take(struct cpu_pool *p);

#endif
