/* emu_shared.cpp - shared memory of blocks, poisoned before each.
 *
 * __shared__ variables are thread-local ones without an initial value, which the
 * linker gathers behind those that have one; that range is poisoned. All kernels
 * have theirs there at once, so after the first launch of a kernel only the parts
 * that it is known to write are poisoned between blocks. */
#include "emu.h"

#include <link.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include <map>
#include <set>

#include "emu_run.h"

enum { DYN_ROOM = 256 << 10, CHUNK = 1024, MARGIN = 64, POISON = 0xff };

struct emu_shared {
	unsigned char *dyn_end; /* an inaccessible page follows */
	std::map<const struct emu_kernel *, std::set<size_t>> written; /* chunks */
	std::set<const struct emu_kernel *> seen;
};

__thread struct emu_thread emu_thread = {1, nullptr, nullptr, 0, nullptr, 0};

static int find_module(struct dl_phdr_info *info, size_t, void *)
{
	const uintptr_t here = reinterpret_cast<uintptr_t>(&find_module);
	bool ours = false;

	for (int i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *p = &info->dlpi_phdr[i];

		ours |= p->p_type == PT_LOAD && here - (info->dlpi_addr + p->p_vaddr) < p->p_memsz;
	}
	if (!ours)
		return 0;
	for (int i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *p = &info->dlpi_phdr[i];

		if (p->p_type != PT_TLS)
			continue;
		emu_thread.shared = static_cast<unsigned char *>(info->dlpi_tls_data) + p->p_filesz;
		emu_thread.shared_bytes = p->p_memsz - p->p_filesz;
	}
	return 1;
}

static void find_shared()
{
	if (emu_thread.shared)
		return;
	dl_iterate_phdr(find_module, nullptr);
	if (!emu_thread.shared)
		emu_die("no thread-local memory found");
	memset(emu_thread.shared, POISON, emu_thread.shared_bytes);
}

static bool is_poison(const unsigned char *p, size_t n)
{
	static const struct poison {
		unsigned char bytes[CHUNK];
		poison()
		{
			memset(bytes, POISON, CHUNK);
		}
	} poison;

	return !memcmp(p, poison.bytes, n);
}

static size_t chunk_bytes(size_t chunk)
{
	size_t left = emu_thread.shared_bytes - chunk * CHUNK;

	return left < CHUNK ? left : size_t(CHUNK);
}

struct emu_shared *emu_shared_create()
{
	size_t page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
	struct emu_shared *s = new emu_shared();
	void *p = mmap(nullptr, DYN_ROOM + page, PROT_READ | PROT_WRITE,
	               MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		emu_die("no memory for shared memory");
	s->dyn_end = static_cast<unsigned char *>(p) + DYN_ROOM;
	mprotect(s->dyn_end, page, PROT_NONE);
	return s;
}

void emu_shared_begin(struct emu_shared *s, struct emu_block *b)
{
	uint32_t room = (b->dyn_bytes + 15) / 16 * 16;

	find_shared();
	b->dyn_shared = s->dyn_end - room;
	memset(b->dyn_shared - MARGIN, POISON, room + MARGIN);
}

/* Poisons all that is not, and remembers where that was. */
static void learn(struct emu_shared *s, const struct emu_kernel *k)
{
	std::set<size_t> &written = s->written[k];

	for (size_t chunk = 0; chunk * CHUNK < emu_thread.shared_bytes; chunk++) {
		unsigned char *p = emu_thread.shared + chunk * CHUNK;

		if (is_poison(p, chunk_bytes(chunk)))
			continue;
		memset(p, POISON, chunk_bytes(chunk));
		written.insert(chunk);
	}
}

void emu_shared_end(struct emu_shared *s, struct emu_block *b)
{
	if (!is_poison(b->dyn_shared - MARGIN, MARGIN))
		emu_die("wrote below its dynamic shared memory");
	if (!s->seen.count(b->kernel)) {
		learn(s, b->kernel);
		return;
	}
	for (size_t chunk : s->written[b->kernel])
		memset(emu_thread.shared + chunk * CHUNK, POISON, chunk_bytes(chunk));
}

void emu_shared_leave(struct emu_shared *s, const struct emu_kernel *k)
{
	learn(s, k);
	s->seen.insert(k);
}

bool emu_is_shared(const void *at, size_t n)
{
	const struct emu_block *b = emu_self()->block;
	const unsigned char *p = static_cast<const unsigned char *>(at);
	size_t in_dyn = static_cast<size_t>(p - b->dyn_shared);
	size_t in_static = static_cast<size_t>(p - emu_thread.shared);

	return (in_dyn < b->dyn_bytes && n <= b->dyn_bytes - in_dyn) ||
	       (in_static < emu_thread.shared_bytes && n <= emu_thread.shared_bytes - in_static);
}
