/* cache.c - the file is named by device, driver and shaders, begins with a
 * checksum of the rest, and is replaced by rename(). */
#include "cache.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "pack.h"

enum { PATH_ROOM = 4096, CACHE_MAGIC = 0x435a4b56, BIGGEST = 256 << 20 };

struct head {
	uint32_t magic, pad0;
	uint64_t bytes, hash;
};

static uint64_t key_of(const struct zinc_dev *dev)
{
	const VkPhysicalDeviceProperties *p = &dev->gpu->props;
	uint64_t pack = rdna4_pack_hash(dev->pack);
	uint64_t h = pack_fnv1a(PACK_FNV_START, p->pipelineCacheUUID, VK_UUID_SIZE);

	h = pack_fnv1a(h, &p->vendorID, sizeof(p->vendorID));
	h = pack_fnv1a(h, &p->deviceID, sizeof(p->deviceID));
	h = pack_fnv1a(h, &p->driverVersion, sizeof(p->driverVersion));
	h = pack_fnv1a(h, dev->gpu->driver, strlen(dev->gpu->driver));
	return pack_fnv1a(h, &pack, sizeof(pack));
}

/* The folder, made if need be; false where there is no place for it. */
static bool find_folder(const struct zinc_dev *dev, char *dir)
{
	const char *own = dev->host->option(dev->host->ctx, "cache");
	const char *xdg = secure_getenv("XDG_CACHE_HOME"), *home = secure_getenv("HOME");
	int n = 0;

	if (own && !strcmp(own, "off"))
		return false;
	if (own)
		n = snprintf(dir, PATH_ROOM, "%s", own);
	else if (xdg && xdg[0] == '/')
		n = snprintf(dir, PATH_ROOM, "%s", xdg);
	else if (home && home[0] == '/')
		n = snprintf(dir, PATH_ROOM, "%s/.cache", home);
	if (n <= 0 || n > PATH_ROOM - 64)
		return false;
	mkdir(dir, 0700);
	if (!own) {
		snprintf(dir + n, (size_t)(PATH_ROOM - n), "/zinc");
		mkdir(dir, 0700);
	}
	return true;
}

static bool find_path(const struct zinc_dev *dev, char *path)
{
	size_t n;

	if (!find_folder(dev, path))
		return false;
	n = strlen(path);
	snprintf(path + n, PATH_ROOM - n, "/vulkan-%016llx.cache",
	         (unsigned long long)key_of(dev));
	return true;
}

/* The bytes behind a sound head; NULL otherwise. */
static void *read_file(const struct zinc_dev *dev, const char *path, uint64_t *n)
{
	struct head h = {0};
	FILE *f = fopen(path, "rbe");
	void *bytes = NULL;

	if (!f)
		return NULL;
	if (fread(&h, sizeof(h), 1, f) == 1 && h.magic == CACHE_MAGIC && h.bytes && h.bytes <= BIGGEST)
		bytes = rdna4_calloc(dev->host, 1, (size_t)h.bytes);
	if (bytes && (fread(bytes, (size_t)h.bytes, 1, f) != 1 ||
	              pack_fnv1a(PACK_FNV_START, bytes, h.bytes) != h.hash)) {
		rdna4_free(dev->host, bytes);
		bytes = NULL;
	}
	fclose(f);
	*n = h.bytes;
	return bytes;
}

int rdna4_cache_load(struct zinc_dev *dev, VkPipelineCache *out, struct zinc_err *err)
{
	VkPipelineCacheCreateInfo info = {.sType = VK_STRUCTURE_TYPE_PIPELINE_CACHE_CREATE_INFO};
	char path[PATH_ROOM];
	uint64_t n = 0;
	void *bytes = find_path(dev, path) ? read_file(dev, path, &n) : NULL;
	VkResult r;

	info.pInitialData = bytes;
	info.initialDataSize = bytes ? (size_t)n : 0;
	r = dev->vk.CreatePipelineCache(dev->device, &info, NULL, out);
	if (r && bytes) {
		info.initialDataSize = 0;
		r = dev->vk.CreatePipelineCache(dev->device, &info, NULL, out);
	}
	rdna4_free(dev->host, bytes);
	return rdna4_vk_err(dev, err, r, "creating the pipeline cache");
}

static bool write_file(const char *path, const struct head *h, const void *bytes)
{
	char next[PATH_ROOM + 16];
	FILE *f;
	bool ok;
	int fd;

	snprintf(next, sizeof(next), "%s.XXXXXX", path);
	fd = mkstemp(next);
	f = fd >= 0 ? fdopen(fd, "wb") : NULL;
	if (!f) {
		if (fd >= 0)
			close(fd);
		return false;
	}
	ok = fwrite(h, sizeof(*h), 1, f) == 1 && fwrite(bytes, (size_t)h->bytes, 1, f) == 1;
	ok = fclose(f) == 0 && ok && rename(next, path) == 0;
	if (!ok)
		unlink(next);
	return ok;
}

void rdna4_cache_save(struct zinc_dev *dev, VkPipelineCache cache)
{
	struct head h = {.magic = CACHE_MAGIC};
	char path[PATH_ROOM];
	void *bytes = NULL;
	size_t n = 0;

	if (!find_path(dev, path) ||
	    dev->vk.GetPipelineCacheData(dev->device, cache, &n, NULL) || !n)
		return;
	bytes = rdna4_calloc(dev->host, 1, n);
	if (bytes && !dev->vk.GetPipelineCacheData(dev->device, cache, &n, bytes)) {
		h.bytes = n;
		h.hash = pack_fnv1a(PACK_FNV_START, bytes, n);
		if (!write_file(path, &h, bytes))
			dev->host->log(dev->host->ctx, ZINC_LOG_INFO,
			               "Vulkan: compiled shaders were not saved: the cache folder "
			               "cannot be written");
	}
	rdna4_free(dev->host, bytes);
}
