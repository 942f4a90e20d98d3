/* pack.h - the shaders, as the build packed them into the plugin.
 *
 * Unpacked, a pack is a struct pack_header, its entries, then SPIR-V and the
 * text of shaders/variants.ini under the name "variants.ini". Offsets count
 * from the start. pack_tool.c writes it, compressed with zstd. */
#ifndef RDNA4_PACK_H
#define RDNA4_PACK_H

#include <stdint.h>

#define PACK_MAGIC UINT32_C(0x50535a31)
#define PACK_NAME_MAX 48

struct pack_header {
	uint32_t magic;
	uint32_t n_entries;
};

struct pack_entry {
	char name[PACK_NAME_MAX]; /* "linear/dmmv" */
	uint32_t offset, bytes;   /* offset is a multiple of 4 */
};

struct zinc_dev;
struct zinc_err;
struct rdna4_pack;

int rdna4_pack_open(struct zinc_dev *dev, struct rdna4_pack **out, struct zinc_err *err);
void rdna4_pack_close(struct rdna4_pack *pack); /* NULL ok */
/* NULL: the pack has no such shader. */
const struct pack_entry *rdna4_pack_find(const struct rdna4_pack *pack, const char *name);
const void *rdna4_pack_data(const struct rdna4_pack *pack, const struct pack_entry *entry);
/* Part of the key of cached pipelines. */
uint64_t rdna4_pack_hash(const struct rdna4_pack *pack);

static inline uint64_t pack_fnv1a(uint64_t hash, const void *bytes, uint64_t n)
{
	const uint8_t *p = bytes;

	for (uint64_t i = 0; i < n; i++)
		hash = (hash ^ p[i]) * UINT64_C(0x100000001b3);
	return hash;
}

#define PACK_FNV_START UINT64_C(0xcbf29ce484222325)

#endif
