/* emu_fiber.cpp - fibers of one block: whose turn it is, warps, barriers. */
#include "emu.h"

#include <stdarg.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "emu_run.h"
#include "emu_switch.h"

void emu_die(const char *fmt, ...)
{
	const struct emu_block *b = emu_thread.block;
	char text[512], where[256] = "";
	va_list ap;
	int n;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (b) {
		const struct emu_fiber *f = b->running;

		snprintf(where, sizeof(where), "kernel %s, block (%u,%u,%u), thread (%u,%u,%u): ",
		         b->kernel->name, b->index.x, b->index.y, b->index.z, f->thread.x,
		         f->thread.y, f->thread.z);
	}
	n = dprintf(STDERR_FILENO, "cuda emulation: %s%s\n", where, text);
	(void)n;
	abort();
}

static uint32_t random_below(struct emu_block *b, uint32_t n)
{
	b->random ^= b->random << 13;
	b->random ^= b->random >> 7;
	b->random ^= b->random << 17;
	return static_cast<uint32_t>((b->random >> 32) * n >> 32);
}

/* The first bit that is set, from bit `turn` on and round. */
static uint32_t bit_from(uint32_t set, uint32_t turn)
{
	uint32_t turned = set >> turn | set << (32 - turn) % 32;

	return (static_cast<uint32_t>(__builtin_ctz(turned)) + turn) % 32;
}

static void set_ready(struct emu_block *b, uint32_t warp, uint32_t lanes)
{
	b->warps[warp].ready |= lanes;
	if (b->warps[warp].ready)
		b->ready |= 1u << warp;
}

static void set_waiting(struct emu_block *b, uint32_t warp, uint32_t lanes)
{
	b->warps[warp].ready &= ~lanes;
	if (!b->warps[warp].ready)
		b->ready &= ~(1u << warp);
}

[[noreturn]] static void die_deadlocked(struct emu_block *b)
{
	char text[400] = "";
	size_t n = 0;
	const char *last = nullptr;

	for (uint32_t i = 0; i < b->n_threads && n < sizeof(text) - 80; i++) {
		const struct emu_fiber *f = b->fibers[i];
		const char *what = b->warps[f->warp].exited >> f->lane & 1 ? "has returned"
		                                                           : f->waits_for;

		if (what != last)
			n += static_cast<size_t>(snprintf(text + n, sizeof(text) - n,
			                                  "; thread %u and on: %s", i, what));
		last = what;
	}
	emu_die("deadlock%s", text);
}

/* Somebody who can run: of the same warp as long as it has any, unless `any`. */
static struct emu_fiber *next_fiber(struct emu_block *b, uint32_t warp, bool any)
{
	if (!b->ready)
		die_deadlocked(b);
	if (any || !b->warps[warp].ready) {
		b->turn = random_below(b, 32);
		warp = bit_from(b->ready, random_below(b, 32));
	}
	return b->fibers[32 * warp + bit_from(b->warps[warp].ready, b->turn)];
}

static void go_on(struct emu_fiber *self, bool any)
{
	struct emu_fiber *next = next_fiber(self->block, self->warp, any);

	self->block->running = next;
	if (next != self)
		emu_switch(&self->stack_pointer, next->stack_pointer);
}

static struct emu_meeting *meeting_of(struct emu_warp *w, emu_together *what, uint32_t mask)
{
	struct emu_meeting *m;

	for (uint32_t i = 0; i < w->n_meetings; i++)
		if (w->meetings[i].what == what && w->meetings[i].mask == mask)
			return &w->meetings[i];
	m = &w->meetings[w->n_meetings++];
	*m = {what, mask, 0};
	return m;
}

void emu_meet(emu_together *what, const char *name, uint32_t mask, void *arg)
{
	struct emu_fiber *self = emu_self();
	struct emu_block *b = self->block;
	struct emu_warp *w = &b->warps[self->warp];
	struct emu_meeting *m;

	if (!(mask >> self->lane & 1))
		emu_die("%s: the mask 0x%08x lacks the calling lane", name, mask);
	if (mask & ~w->exists)
		emu_die("%s: the mask 0x%08x names lanes that the block does not have", name, mask);
	if (mask & w->exited)
		emu_die("%s: the mask 0x%08x names lanes that have returned", name, mask);
	w->args[self->lane] = arg;
	m = meeting_of(w, what, mask);
	m->arrived |= 1u << self->lane;
	if (m->arrived != mask) {
		self->waits_for = name;
		set_waiting(b, self->warp, 1u << self->lane);
		go_on(self, false);
		return;
	}
	*m = w->meetings[--w->n_meetings];
	what(w->args, mask);
	set_ready(b, self->warp, mask);
	b->turn = random_below(b, 32);
	/* Now and then another warp overtakes. */
	go_on(self, b->turn % 16 == 0);
}

static void release_barrier(struct emu_block *b, struct emu_barrier *bar)
{
	bar->result = bar->count;
	bar->count = 0;
	bar->arrived = 0;
	for (uint32_t w = 0; w < 32; w++) {
		set_ready(b, w, bar->waiting[w]);
		bar->waiting[w] = 0;
	}
}

int emu_barrier_wait(uint32_t id, uint32_t threads, bool predicate)
{
	struct emu_fiber *self = emu_self();
	struct emu_block *b = self->block;
	struct emu_barrier *bar = &b->barriers[id];

	if (id >= EMU_BARRIERS || threads % 32 || threads > b->n_threads)
		emu_die("barrier %u for %u threads in a block of %u", id, threads, b->n_threads);
	if (bar->arrived && bar->wanted != threads)
		emu_die("barrier %u: for %u threads here, for %u elsewhere", id, threads, bar->wanted);
	bar->wanted = threads;
	bar->arrived++;
	bar->count += predicate;
	bar->waiting[self->warp] |= 1u << self->lane;
	self->waits_for = "waits at a barrier";
	set_waiting(b, self->warp, 1u << self->lane);
	if (bar->arrived == (threads ? threads : b->n_live))
		release_barrier(b, bar);
	go_on(self, true);
	return bar->result;
}

/* A thread has returned from the kernel. */
static void leave(struct emu_fiber *self)
{
	struct emu_block *b = self->block;
	struct emu_warp *w = &b->warps[self->warp];

	self->copies->clear();
	self->groups->clear();
	w->exited |= 1u << self->lane;
	set_waiting(b, self->warp, 1u << self->lane);
	for (uint32_t i = 0; i < w->n_meetings; i++)
		if (w->meetings[i].mask >> self->lane & 1)
			emu_die("returns while lanes 0x%08x wait for it in a warp function with "
			        "mask 0x%08x", w->meetings[i].arrived, w->meetings[i].mask);
	b->n_live--;
	for (struct emu_barrier &bar : b->barriers)
		if (bar.arrived && !bar.wanted && bar.arrived == b->n_live)
			release_barrier(b, &bar);
	if (!b->n_live)
		emu_switch(&self->stack_pointer, b->outside);
	else
		go_on(self, false);
}

static void fiber_main()
{
	for (;;) {
		struct emu_fiber *self = emu_self();

		self->block->kernel->run(self->block->args);
		leave(self);
	}
}

/* A stack whose lowest page may not be touched. */
static struct emu_fiber *fiber_create(struct emu_block *b, uint32_t index)
{
	unsigned char *stack = b->stacks + static_cast<size_t>(index) * EMU_STACK;
	void *top = stack + EMU_STACK - EMU_FIBER_ROOM;
	struct emu_fiber *f = new (top) emu_fiber();

	mprotect(stack, static_cast<size_t>(sysconf(_SC_PAGESIZE)), PROT_NONE);
	f->block = b;
	f->index = index;
	f->warp = index / 32;
	f->lane = index % 32;
	f->copies = new std::vector<struct emu_copy>();
	f->groups = new std::vector<uint32_t>(1, 0);
	f->stack_pointer = emu_new_stack(top, fiber_main);
	return f;
}

/* The stacks, at a multiple of their size. */
void emu_block_create(struct emu_block *b)
{
	const size_t bytes = static_cast<size_t>(EMU_MAX_THREADS + 1) * EMU_STACK;
	void *p = mmap(nullptr, bytes, PROT_READ | PROT_WRITE,
	               MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	uintptr_t at = reinterpret_cast<uintptr_t>(p);

	if (p == MAP_FAILED)
		emu_die("no memory for the stacks of %d threads", EMU_MAX_THREADS);
	at = (at + EMU_STACK - 1) / EMU_STACK * EMU_STACK;
	b->stacks = reinterpret_cast<unsigned char *>(at);
}

void emu_block_run(struct emu_block *b)
{
	b->n_threads = b->n_live = b->dim.x * b->dim.y * b->dim.z;
	b->ready = 0;
	memset(b->barriers, 0, sizeof(b->barriers));
	for (uint32_t i = 0; i < b->n_threads; i++) {
		if (!b->fibers[i])
			b->fibers[i] = fiber_create(b, i);
		b->fibers[i]->thread = {i % b->dim.x, i / b->dim.x % b->dim.y,
		                        i / b->dim.x / b->dim.y};
		b->fibers[i]->groups->assign(1, 0);
	}
	for (uint32_t w = 0; 32 * w < b->n_threads; w++) {
		uint32_t left = b->n_threads - 32 * w;

		b->warps[w].exists = left < 32 ? (1u << left) - 1 : 0xffffffffu;
		b->warps[w].exited = b->warps[w].ready = b->warps[w].n_meetings = 0;
		set_ready(b, w, b->warps[w].exists);
	}
	b->running = next_fiber(b, 0, true);
	emu_switch(&b->outside, b->running->stack_pointer);
}

void emu_copies_wait(uint32_t groups_left)
{
	struct emu_fiber *self = emu_self();
	std::vector<uint32_t> &groups = *self->groups;
	size_t n = 0, done = 0;

	/* The last one is still open. */
	for (; groups.size() - 1 - done > groups_left && done < groups.size() - 1; done++)
		n += groups[done];
	for (size_t i = 0; i < n; i++) {
		const struct emu_copy &c = (*self->copies)[i];

		memset(c.to, 0, c.bytes);
		memcpy(c.to, c.from, c.copied);
	}
	self->copies->erase(self->copies->begin(), self->copies->begin() + static_cast<long>(n));
	groups.erase(groups.begin(), groups.begin() + static_cast<long>(done));
}
