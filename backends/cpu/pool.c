/* pool.c - persistent threads, their barrier and their work counter. */
#include "pool.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>

#include "machine.h"

#if defined(__x86_64__)
#include <immintrin.h>
#define cpu_relax() _mm_pause()
#else
#define cpu_relax() ((void)0)
#endif

enum {
	CACHE_LINE = 64,
	SPINS = 4000 /* some 50 us: longer than any call's imbalance, shorter than a nap */
};

/* A count of events that threads wait on: "go on when it differs from what I
 * have seen". */
struct gate {
	_Alignas(CACHE_LINE) atomic_uint count;
	atomic_uint sleepers;
	pthread_mutex_t lock;
	pthread_cond_t opened;
};

struct worker {
	pthread_t thread;
	struct cpu_pool *pool;
	uint32_t ith;
};

struct cpu_pool {
	struct gate start;   /* opened once per job        */
	struct gate barrier; /* opened once per meeting    */
	_Alignas(CACHE_LINE) atomic_uint arrived;
	_Alignas(CACHE_LINE) atomic_uint taken;
	_Alignas(CACHE_LINE) uint32_t n;
	uint32_t spins;
	bool stop;
	cpu_pool_fn *fn;
	void *arg;
	pthread_mutex_t turn; /* held by the caller whose job runs */
	const struct zinc_host *host;
	uint32_t n_started;
	struct worker workers[];
};

static void gate_init(struct gate *g)
{
	atomic_init(&g->count, 0);
	atomic_init(&g->sleepers, 0);
	pthread_mutex_init(&g->lock, NULL);
	pthread_cond_init(&g->opened, NULL);
}

static void gate_finish(struct gate *g)
{
	pthread_cond_destroy(&g->opened);
	pthread_mutex_destroy(&g->lock);
}

/* Either this sees the sleeper, or the sleeper sees the new count: both write
 * before they read, in one total order. */
static void gate_open(struct gate *g)
{
	atomic_fetch_add(&g->count, 1);
	if (atomic_load(&g->sleepers) == 0)
		return;
	pthread_mutex_lock(&g->lock);
	pthread_cond_broadcast(&g->opened);
	pthread_mutex_unlock(&g->lock);
}

static void gate_wait(struct gate *g, uint32_t seen, uint32_t spins)
{
	for (uint32_t i = 0; i < spins; i++) {
		if (atomic_load_explicit(&g->count, memory_order_acquire) != seen)
			return;
		cpu_relax();
	}
	pthread_mutex_lock(&g->lock);
	atomic_fetch_add(&g->sleepers, 1);
	while (atomic_load(&g->count) == seen)
		pthread_cond_wait(&g->opened, &g->lock);
	atomic_fetch_sub(&g->sleepers, 1);
	pthread_mutex_unlock(&g->lock);
}

void cpu_pool_barrier(struct cpu_pool *p, bool reset)
{
	uint32_t seen;

	if (p->n == 1) {
		if (reset)
			atomic_store_explicit(&p->taken, 0, memory_order_relaxed);
		return;
	}
	seen = atomic_load(&p->barrier.count);
	if (atomic_fetch_add(&p->arrived, 1) + 1 < p->n) {
		gate_wait(&p->barrier, seen, p->spins);
		return;
	}
	atomic_store(&p->arrived, 0);
	if (reset)
		atomic_store(&p->taken, 0);
	gate_open(&p->barrier);
}

uint32_t cpu_pool_take(struct cpu_pool *p)
{
	return atomic_fetch_add_explicit(&p->taken, 1, memory_order_relaxed);
}

static void *worker_main(void *arg)
{
	struct worker *w = arg;
	struct cpu_pool *p = w->pool;

	for (uint32_t seen = 0;; seen++) {
		gate_wait(&p->start, seen, p->spins);
		if (p->stop)
			return NULL;
		p->fn(p->arg, w->ith);
		cpu_pool_barrier(p, true);
	}
}

void cpu_pool_run(struct cpu_pool *p, cpu_pool_fn *fn, void *arg)
{
	pthread_mutex_lock(&p->turn);
	p->fn = fn;
	p->arg = arg;
	atomic_store(&p->taken, 0);
	if (p->n > 1)
		gate_open(&p->start);
	fn(arg, 0);
	cpu_pool_barrier(p, true);
	pthread_mutex_unlock(&p->turn);
}

void cpu_pool_destroy(struct cpu_pool *p)
{
	if (!p)
		return;
	p->stop = true;
	gate_open(&p->start);
	for (uint32_t i = 0; i < p->n_started; i++)
		pthread_join(p->workers[i].thread, NULL);
	pthread_mutex_destroy(&p->turn);
	gate_finish(&p->barrier);
	gate_finish(&p->start);
	p->host->free(p->host->ctx, p);
}

/* The program's signals are not for these threads. */
static int start_worker(struct worker *w)
{
	sigset_t all, before;
	int rc;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	rc = pthread_create(&w->thread, NULL, worker_main, w);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (!rc) {
		char name[16];

		snprintf(name, sizeof(name), "zinc-cpu-%u", (unsigned)w->ith % 1000);
		pthread_setname_np(w->thread, name);
	}
	return rc;
}

int cpu_pool_create(const struct zinc_host *host, uint32_t n_threads, struct cpu_pool **out,
                    struct zinc_err *err)
{
	size_t bytes = sizeof(struct cpu_pool) + (n_threads - 1) * sizeof(struct worker);
	struct cpu_pool *p = host->alloc(host->ctx, bytes, CACHE_LINE);

	if (!p)
		return cpu_err(err, ZINC_E_NO_MEMORY, "out of memory for a pool of %u threads",
		               n_threads);
	gate_init(&p->start);
	gate_init(&p->barrier);
	atomic_init(&p->arrived, 0);
	atomic_init(&p->taken, 0);
	pthread_mutex_init(&p->turn, NULL);
	p->n = n_threads;
	/* More threads than CPUs: who spins keeps the one it waits for from
	 * running. */
	p->spins = n_threads > machine_cpus() ? 0 : SPINS;
	p->stop = false;
	p->host = host;
	p->n_started = 0;
	for (uint32_t i = 1; i < n_threads; i++) {
		struct worker *w = &p->workers[i - 1];
		int rc;

		w->pool = p;
		w->ith = i;
		rc = start_worker(w);
		if (rc) {
			cpu_pool_destroy(p);
			cpu_err(err, ZINC_E_NO_MEMORY,
			        "cannot start thread %u of %u; set the option \"threads\" lower",
			        i + 1, n_threads);
			if (err)
				err->native = rc;
			return ZINC_E_NO_MEMORY;
		}
		p->n_started++;
	}
	*out = p;
	return ZINC_OK;
}
