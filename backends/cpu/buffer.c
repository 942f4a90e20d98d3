/* buffer.c - allocation, import, and copies in and out. */
#include "buffer.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum {
	MAP_FROM = 1 << 20,      /* bytes from which a buffer is a mapping of its own:
	                          * zeroed by the kernel, page by page, when touched */
	HUGE_PAGES_FROM = 8 << 20,
	HUGE_PAGE = 2 << 20      /* what such a buffer begins at a multiple of */
};

static uint8_t *map(uint64_t bytes)
{
	void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return p == MAP_FAILED ? NULL : p;
}

/* A mapping that begins where a huge page can, so that all but its end lies in such:
 * what lies before it and behind it is given back. */
static uint8_t *map_aligned(uint64_t bytes)
{
	uint8_t *all = map(bytes + HUGE_PAGE), *p;
	uint64_t before;

	if (!all)
		return NULL;
	before = -(uintptr_t)all % HUGE_PAGE;
	p = all + before;
	if (before)
		munmap(all, before);
	munmap(p + bytes, HUGE_PAGE - before);
	return p;
}

static uint8_t *map_zeroed(uint64_t bytes)
{
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
	uint8_t *p;

	if (bytes < HUGE_PAGES_FROM)
		return map(bytes);
	p = map_aligned((bytes + page - 1) / page * page);
	/* Fewer TLB misses where weights and caches are streamed; a kernel that
	 * declines costs speed only. */
	if (p)
		madvise(p, bytes, MADV_HUGEPAGE);
	return p;
}

static uint8_t *alloc_zeroed(const struct zinc_host *host, uint64_t bytes)
{
	uint8_t *p;

	if (bytes >= MAP_FROM)
		return map_zeroed(bytes);
	p = host->alloc(host->ctx, bytes ? bytes : 1, CPU_BUF_ALIGN);
	if (p)
		memset(p, 0, bytes);
	return p;
}

int cpu_buf_alloc(struct zinc_dev *dev, uint64_t bytes, uint32_t kind, struct zinc_buf **out,
                  struct zinc_err *err)
{
	const struct zinc_host *host = dev->host;
	struct zinc_buf *b;

	if (kind > ZINC_MEM_READBACK || bytes > SIZE_MAX / 2)
		return cpu_err(err, ZINC_E_INVALID, "memory kind %u of %llu bytes does not exist",
		               kind, (unsigned long long)bytes);
	b = host->alloc(host->ctx, sizeof(*b), _Alignof(struct zinc_buf));
	if (!b)
		return cpu_err(err, ZINC_E_NO_MEMORY, "out of memory for a buffer");
	b->bytes = bytes;
	b->dev = dev;
	b->imported = false;
	b->base = alloc_zeroed(host, bytes);
	if (!b->base) {
		host->free(host->ctx, b);
		return cpu_err(err, ZINC_E_NO_MEMORY, "out of memory for a buffer of %llu bytes",
		               (unsigned long long)bytes);
	}
	*out = b;
	return ZINC_OK;
}

int cpu_buf_import(struct zinc_dev *dev, const void *host_mem, uint64_t bytes,
                   struct zinc_buf **out, struct zinc_err *err)
{
	const struct zinc_host *host = dev->host;
	struct zinc_buf *b;

	if (!host_mem)
		return cpu_err(err, ZINC_E_INVALID, "no memory to import");
	b = host->alloc(host->ctx, sizeof(*b), _Alignof(struct zinc_buf));
	if (!b)
		return cpu_err(err, ZINC_E_NO_MEMORY, "out of memory for a buffer");
	b->base = (uint8_t *)(uintptr_t)host_mem;
	b->bytes = bytes;
	b->dev = dev;
	b->imported = true;
	*out = b;
	return ZINC_OK;
}

void cpu_buf_free(struct zinc_buf *b)
{
	const struct zinc_host *host;

	if (!b)
		return;
	host = b->dev->host;
	if (!b->imported && b->bytes >= MAP_FROM)
		munmap(b->base, b->bytes);
	else if (!b->imported)
		host->free(host->ctx, b->base);
	host->free(host->ctx, b);
}

static bool in_range(const struct zinc_buf *b, uint64_t off, uint64_t n)
{
	return off <= b->bytes && n <= b->bytes - off;
}

/* Imported memory is the file's: it stays as it is. */
int cpu_buf_write(struct zinc_buf *b, uint64_t off, const void *src, uint64_t n)
{
	if (!in_range(b, off, n) || b->imported)
		return ZINC_E_INVALID;
	if (n)
		memcpy(b->base + off, src, n);
	return ZINC_OK;
}

int cpu_buf_read(struct zinc_buf *b, uint64_t off, void *dst, uint64_t n)
{
	if (!in_range(b, off, n))
		return ZINC_E_INVALID;
	if (n)
		memcpy(dst, b->base + off, n);
	return ZINC_OK;
}
