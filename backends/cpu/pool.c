/* pool.c - persistent threads and the ticket by which they take pieces. */
#include "pool.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>

#include "machine.h"
#include "tiny.h"

#if defined(__x86_64__)
#define cpu_relax() _mm_pause()
#else
#define cpu_relax() ((void)0)
#endif

enum {
	CACHE_LINE = 64,
	SPINS = 1500 /* some 40 us: longer than most pieces, and little to lose when the one
	              * who is waited for wants this very processor */
};

struct worker {
	pthread_t thread;
	struct cpu_pool *pool;
	uint32_t ith;
};

/* The ticket says which stage is open (a number that goes round), how many pieces it
 * has, and the next to be taken. A thread that slept through stages and jobs finds
 * that it has changed and takes nothing; the job is looked at by those only who hold
 * one of its pieces. */
struct cpu_pool {
	_Alignas(CACHE_LINE) _Atomic uint64_t ticket;
	_Alignas(CACHE_LINE) atomic_uint left; /* pieces of the open stage not done yet */
	_Alignas(CACHE_LINE) struct cpu_job *job;
	uint32_t n;
	uint32_t spins;
	atomic_bool stop;
	atomic_uint sleepers;
	pthread_mutex_t lock;
	pthread_cond_t changed; /* the ticket */
	pthread_mutex_t turn;   /* held by the caller whose job runs */
	const struct zinc_host *host;
	uint32_t n_started;
	struct worker workers[];
};

static uint32_t pieces_of(uint64_t ticket)
{
	return ticket >> 16 & UINT16_MAX;
}

static uint32_t next_of(uint64_t ticket)
{
	return ticket & UINT16_MAX;
}

/* A new stage, its first `taken` pieces taken. Either this sees a sleeper, or the
 * sleeper sees the new ticket: both write before they read, in one total order. */
static void publish(struct cpu_pool *p, uint32_t pieces, uint32_t taken)
{
	uint64_t stage = (atomic_load_explicit(&p->ticket, memory_order_relaxed) >> 32) + 1;

	atomic_store(&p->ticket, stage << 32 | (uint64_t)pieces << 16 | taken);
	if ((pieces && pieces == taken) || atomic_load(&p->sleepers) == 0)
		return;
	pthread_mutex_lock(&p->lock);
	pthread_cond_broadcast(&p->changed);
	pthread_mutex_unlock(&p->lock);
}

static void wait_for_change(struct cpu_pool *p, uint64_t seen)
{
	for (uint32_t i = 0; i < p->spins; i++) {
		if (atomic_load_explicit(&p->ticket, memory_order_relaxed) != seen)
			return;
		cpu_relax();
	}
	pthread_mutex_lock(&p->lock);
	atomic_fetch_add(&p->sleepers, 1);
	while (atomic_load(&p->ticket) == seen)
		pthread_cond_wait(&p->changed, &p->lock);
	atomic_fetch_sub(&p->sleepers, 1);
	pthread_mutex_unlock(&p->lock);
}

/* Opens the next stage and takes its first piece; false: the job is over. */
static bool open_stage(struct cpu_pool *p)
{
	uint32_t n = p->job->next(p->job);

	atomic_store_explicit(&p->left, n, memory_order_relaxed);
	publish(p, n, n ? 1 : 0);
	return n != 0;
}

/* Runs a piece that was taken, and where it was the last of its stage the first of
 * the next, and so on. */
static void run_piece(struct cpu_pool *p, uint32_t piece, uint32_t ith)
{
	bool go_on = true;

	for (; go_on; piece = 0) {
		p->job->run(p->job, piece, ith);
		go_on = atomic_fetch_sub_explicit(&p->left, 1, memory_order_acq_rel) == 1 &&
		        open_stage(p);
	}
}

/* Works until nothing is left to take; returns the ticket that said so. */
static uint64_t work(struct cpu_pool *p, uint32_t ith)
{
	uint64_t t = atomic_load_explicit(&p->ticket, memory_order_acquire);

	while (next_of(t) < pieces_of(t)) {
		if (!atomic_compare_exchange_weak_explicit(&p->ticket, &t, t + 1,
		                                           memory_order_acq_rel,
		                                           memory_order_acquire))
			continue;
		run_piece(p, next_of(t), ith);
		t = atomic_load_explicit(&p->ticket, memory_order_acquire);
	}
	return t;
}

static void *worker_main(void *arg)
{
	struct worker *w = arg;
	struct cpu_pool *p = w->pool;

	tiny_flush();
	for (;;) {
		uint64_t seen = work(p, w->ith);

		if (atomic_load(&p->stop))
			return NULL;
		wait_for_change(p, seen);
	}
}

void cpu_pool_run(struct cpu_pool *p, struct cpu_job *job)
{
	uint64_t seen, before;

	pthread_mutex_lock(&p->turn);
	before = tiny_flush();
	p->job = job;
	if (open_stage(p))
		run_piece(p, 0, 0);
	while (pieces_of(seen = work(p, 0)))
		wait_for_change(p, seen);
	tiny_restore(before);
	pthread_mutex_unlock(&p->turn);
}

void cpu_pool_destroy(struct cpu_pool *p)
{
	if (!p)
		return;
	atomic_store(&p->stop, true);
	publish(p, 0, 0);
	for (uint32_t i = 0; i < p->n_started; i++)
		pthread_join(p->workers[i].thread, NULL);
	pthread_mutex_destroy(&p->turn);
	pthread_cond_destroy(&p->changed);
	pthread_mutex_destroy(&p->lock);
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
	atomic_init(&p->ticket, 0);
	atomic_init(&p->left, 0);
	atomic_init(&p->stop, false);
	atomic_init(&p->sleepers, 0);
	pthread_mutex_init(&p->lock, NULL);
	pthread_cond_init(&p->changed, NULL);
	pthread_mutex_init(&p->turn, NULL);
	p->job = NULL;
	p->n = n_threads;
	/* More threads than CPUs: who spins keeps the one it waits for from
	 * running. */
	p->spins = n_threads > machine_cpus() ? 0 : SPINS;
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
