/* emu_run.cpp - the blocks of a launch, in a random order on a few threads. */
#include "emu.h"

#include <stdlib.h>
#include <unistd.h>

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "emu_run.h"

long emu_setting(const char *name, long otherwise)
{
	const char *text = getenv(name);

	return text && *text ? strtol(text, nullptr, 0) : otherwise;
}

/* Kernels register before main(), in any order. */
static std::vector<const struct emu_kernel *> &kernels()
{
	static std::vector<const struct emu_kernel *> *all =
	        new std::vector<const struct emu_kernel *>();

	return *all;
}

bool emu_kernel_add(const struct emu_kernel &k)
{
	kernels().push_back(&k);
	return true;
}

const struct emu_kernel *emu_kernel_find(const char *name)
{
	for (const struct emu_kernel *k : kernels())
		if (!strcmp(k->name, name))
			return k;
	return nullptr;
}

static uint64_t mix(uint64_t x)
{
	x ^= x >> 33;
	x *= 0xff51afd7ed558ccdull;
	x ^= x >> 33;
	x *= 0xc4ceb9fe1a85ec53ull;
	return x ^ x >> 33;
}

static uint64_t common_divisor(uint64_t a, uint64_t b)
{
	while (b) {
		uint64_t t = a % b;

		a = b;
		b = t;
	}
	return a;
}

/* A launch under way: block number i of the random order is i * step + first. */
struct job {
	struct emu_launch launch;
	uint64_t seed, n_blocks, step, first;
	std::atomic<uint64_t> next;
	std::atomic<bool> waited;
};

struct worker {
	struct emu_block block;
	struct emu_shared *shared;
};

/* Worker 0 is whoever launches. */
struct pool {
	std::mutex launch, lock;
	std::condition_variable wake, done;
	std::vector<struct worker *> workers;
	struct job *job = nullptr;
	uint64_t turn = 0, n_launches = 0;
	size_t n_busy = 0;
};

static void run_block(struct worker *w, struct job *j, uint64_t i)
{
	const dim3 &g = j->launch.grid;
	struct emu_block *b = &w->block;

	b->index = {static_cast<unsigned>(i % g.x), static_cast<unsigned>(i / g.x % g.y),
	            static_cast<unsigned>(i / g.x / g.y)};
	b->random = mix(j->seed + i) | 1;
	emu_shared_begin(w->shared, b);
	emu_block_run(b);
	emu_shared_end(w->shared, b);
}

static void work(struct worker *w, struct job *j)
{
	struct emu_block *b = &w->block;
	bool any = false;

	emu_fault_watch();
	b->grid = j->launch.grid;
	b->dim = j->launch.block;
	b->kernel = j->launch.kernel;
	b->args = j->launch.args;
	b->dyn_bytes = j->launch.dyn_bytes;
	b->waited = false;
	emu_thread.block = b;
	for (uint64_t i; (i = j->next++) < j->n_blocks; any = true)
		run_block(w, j, (i * j->step + j->first) % j->n_blocks);
	if (any)
		emu_shared_leave(w->shared, b->kernel);
	emu_thread.block = nullptr;
	if (b->waited)
		j->waited = true;
}

static void help(struct pool *p, struct worker *w)
{
	uint64_t seen = 0;
	std::unique_lock<std::mutex> hold(p->lock);

	for (;;) {
		p->wake.wait(hold, [&] { return p->turn != seen; });
		seen = p->turn;
		struct job *j = p->job;

		hold.unlock();
		work(w, j);
		hold.lock();
		if (!--p->n_busy)
			p->done.notify_one();
	}
}

static struct worker *worker_create()
{
	struct worker *w = static_cast<struct worker *>(calloc(1, sizeof(*w)));

	if (!w)
		emu_die("no memory for a worker");
	emu_block_create(&w->block);
	w->shared = emu_shared_create();
	return w;
}

/* Never destroyed: its threads may outlive main(). */
static struct pool *the_pool()
{
	static struct pool *p = [] {
		struct pool *q = new struct pool();
		long n = emu_setting("ZINC_EMU_THREADS", 2);

		q->workers.push_back(worker_create());
		for (long i = 1; i < n; i++) {
			q->workers.push_back(worker_create());
			std::thread(help, q, q->workers.back()).detach();
		}
		return q;
	}();

	return p;
}

static void share(struct pool *p, struct job *j)
{
	if (j->n_blocks > 1) {
		std::lock_guard<std::mutex> hold(p->lock);

		p->job = j;
		p->turn++;
		p->n_busy = p->workers.size() - 1;
		p->wake.notify_all();
	}
	work(p->workers[0], j);
	std::unique_lock<std::mutex> hold(p->lock);

	p->done.wait(hold, [&] { return !p->n_busy; });
}

void emu_run(const struct emu_launch &l)
{
	struct pool *p = the_pool();
	std::lock_guard<std::mutex> one(p->launch);
	struct job j = {};

	j.launch = l;
	j.n_blocks = static_cast<uint64_t>(l.grid.x) * l.grid.y * l.grid.z;
	j.seed = mix(mix(static_cast<uint64_t>(emu_setting("ZINC_EMU_SEED", 1))) + ++p->n_launches);
	j.first = j.seed % j.n_blocks;
	for (j.step = mix(j.seed) % j.n_blocks + 1; common_divisor(j.step, j.n_blocks) != 1;)
		j.step++;
	share(p, &j);
	if (!j.waited)
		emu_die("kernel %s: no thread called ada_wait_inputs()", l.kernel->name);
}
