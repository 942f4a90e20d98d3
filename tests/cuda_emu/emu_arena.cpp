/* emu_arena.cpp - see emu_arena.h: one reserved range of addresses per kind. */
#include "emu_arena.h"

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <map>
#include <mutex>

#include "emu.h"
#include "emu_run.h"

static const size_t RESERVED = size_t(64) << 30, FILLED_MAX = size_t(256) << 20;
enum { ALIGN = 256 };

struct extent {
	uintptr_t begin; /* pages, the guard page not counted */
	size_t pages_bytes, bytes;
	bool live;
};

struct arena {
	std::mutex lock;
	uintptr_t base = 0, next = 0;
	size_t used = 0;
	std::map<uintptr_t, struct extent> extents; /* by address given out; the freed too */
};

static struct arena &arena_of(int kind)
{
	static struct arena *arenas = [] {
		struct arena *a = new struct arena[2];

		for (int i = 0; i < 2; i++) {
			void *p = mmap(nullptr, RESERVED, PROT_NONE,
			               MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

			if (p == MAP_FAILED)
				emu_die("cannot reserve %zu bytes of addresses", RESERVED);
			a[i].base = a[i].next = reinterpret_cast<uintptr_t>(p);
		}
		return a;
	}();

	return arenas[kind];
}

static size_t page_bytes()
{
	return static_cast<size_t>(sysconf(_SC_PAGESIZE));
}

size_t emu_arena_total()
{
	return static_cast<size_t>(emu_setting("ZINC_EMU_MEMORY", 8192)) << 20;
}

size_t emu_arena_used()
{
	struct arena &a = arena_of(EMU_DEVICE);
	std::lock_guard<std::mutex> hold(a.lock);

	return a.used;
}

/* The first live extent that begins in [begin, end); end() if none. */
static std::map<uintptr_t, struct extent>::iterator live_in(struct arena &a, uintptr_t begin,
                                                            uintptr_t end)
{
	auto it = a.extents.lower_bound(begin);

	if (it != a.extents.begin()) {
		auto before = std::prev(it);

		if (before->second.begin + before->second.pages_bytes > begin)
			it = before;
	}
	while (it != a.extents.end() && it->second.begin < end && !it->second.live)
		++it;
	return it != a.extents.end() && it->second.begin < end ? it : a.extents.end();
}

/* Room for n bytes from `next` on, or from the start again; 0: none. */
static uintptr_t find_room(struct arena &a, size_t n)
{
	uintptr_t at = a.next;

	for (int round = 0; round < 2; round++, at = a.base)
		while (at + n <= a.base + RESERVED) {
			auto it = live_in(a, at, at + n);

			if (it == a.extents.end())
				return at;
			at = it->second.begin + it->second.pages_bytes + page_bytes();
		}
	return 0;
}

static void forget_freed(struct arena &a, uintptr_t begin, uintptr_t end)
{
	auto it = a.extents.lower_bound(begin);

	while (it != a.extents.end() && it->second.begin < end)
		it = a.extents.erase(it);
}

uintptr_t emu_arena_alloc(enum emu_memory kind, size_t bytes)
{
	struct arena &a = arena_of(kind);
	const size_t page = page_bytes(), room = (bytes + page + ALIGN - 1) / page * page;
	std::lock_guard<std::mutex> hold(a.lock);
	uintptr_t begin, at;

	if (!bytes || bytes > RESERVED || (kind == EMU_DEVICE && a.used + bytes > emu_arena_total()))
		return 0;
	begin = find_room(a, room + page);
	if (!begin || mprotect(reinterpret_cast<void *>(begin), room, PROT_READ | PROT_WRITE))
		return 0;
	forget_freed(a, begin, begin + room + page);
	at = begin + room - (bytes + ALIGN - 1) / ALIGN * ALIGN;
	a.extents[at] = {begin, room, bytes, true};
	a.next = begin + room + page;
	a.used += bytes;
	if (bytes <= FILLED_MAX)
		memset(reinterpret_cast<void *>(at), 0xff, bytes);
	return at;
}

static void release(struct arena &a, struct extent &e)
{
	void *p = reinterpret_cast<void *>(e.begin);

	a.used -= e.bytes;
	e.live = false;
	madvise(p, e.pages_bytes, MADV_DONTNEED);
	mprotect(p, e.pages_bytes, PROT_NONE);
}

bool emu_arena_free(enum emu_memory kind, uintptr_t at)
{
	struct arena &a = arena_of(kind);
	std::lock_guard<std::mutex> hold(a.lock);
	auto it = a.extents.find(at);

	if (it == a.extents.end() || !it->second.live)
		return false;
	release(a, it->second);
	return true;
}

/* The extent, live or not, whose address is the last at or below. */
static const struct extent *extent_below(struct arena &a, uintptr_t at, uintptr_t *begin)
{
	auto it = a.extents.upper_bound(at);

	if (it == a.extents.begin())
		return nullptr;
	--it;
	*begin = it->first;
	return &it->second;
}

bool emu_arena_has(enum emu_memory kind, uintptr_t at, size_t n)
{
	struct arena &a = arena_of(kind);
	std::lock_guard<std::mutex> hold(a.lock);
	uintptr_t begin;
	const struct extent *e = extent_below(a, at, &begin);

	return e && e->live && at - begin <= e->bytes && n <= e->bytes - (at - begin);
}

size_t emu_arena_clear()
{
	size_t n = 0;

	for (int kind = 0; kind < 2; kind++) {
		struct arena &a = arena_of(kind);
		std::lock_guard<std::mutex> hold(a.lock);

		for (auto &e : a.extents) {
			n += e.second.live;
			if (e.second.live)
				release(a, e.second);
		}
	}
	return n;
}

/* Called from a signal handler: takes no lock. The process ends next. */
void emu_describe_address(uintptr_t at, char *text, size_t room)
{
	for (int kind = 0; kind < 2; kind++) {
		struct arena &a = arena_of(kind);
		const char *of = kind == EMU_DEVICE ? "device" : "pinned";
		uintptr_t begin;
		const struct extent *e;

		if (at - a.base >= RESERVED)
			continue;
		e = extent_below(a, at, &begin);
		if (!e)
			snprintf(text, room, ", %s memory that was never allocated", of);
		else if (!e->live)
			snprintf(text, room, ", %zu bytes into freed %s memory of %zu bytes",
			         static_cast<size_t>(at - begin), of, e->bytes);
		else
			snprintf(text, room, ", %zu bytes past the start of %s memory of %zu bytes",
			         static_cast<size_t>(at - begin), of, e->bytes);
		return;
	}
}
