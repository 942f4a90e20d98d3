/* pack.c - unpacks the shaders that are embedded in the plugin. */
#include "pack.h"

#include <string.h>
#include <zstd.h>

#include "rdna4.h"

/* pack_data.S */
extern const unsigned char rdna4_pack_bytes[], rdna4_pack_end[];

struct rdna4_pack {
	const struct zinc_host *host;
	uint8_t *bytes;
	uint64_t n;
	uint64_t hash;
};

static const struct pack_entry *entries(const struct rdna4_pack *pack)
{
	return (const struct pack_entry *)(const void *)(pack->bytes + sizeof(struct pack_header));
}

static uint32_t n_entries(const struct rdna4_pack *pack)
{
	return ((const struct pack_header *)(const void *)pack->bytes)->n_entries;
}

static bool is_sound(const struct rdna4_pack *pack)
{
	const struct pack_header *h = (const void *)pack->bytes;

	if (pack->n < sizeof(*h) || h->magic != PACK_MAGIC ||
	    h->n_entries > (pack->n - sizeof(*h)) / sizeof(struct pack_entry))
		return false;
	for (uint32_t i = 0; i < h->n_entries; i++) {
		const struct pack_entry *e = &entries(pack)[i];

		if (e->offset > pack->n || e->bytes > pack->n - e->offset || e->offset % 4 ||
		    !memchr(e->name, 0, sizeof(e->name)))
			return false;
	}
	return true;
}

int rdna4_pack_open(struct zinc_dev *dev, struct rdna4_pack **out, struct zinc_err *err)
{
	size_t packed = (size_t)(rdna4_pack_end - rdna4_pack_bytes), n;
	unsigned long long whole = ZSTD_getFrameContentSize(rdna4_pack_bytes, packed);
	struct rdna4_pack *pack = rdna4_calloc(dev->host, 1, sizeof(*pack));

	if (!pack)
		return rdna4_err(err, ZINC_E_NO_MEMORY, "out of memory for the shaders");
	pack->host = dev->host;
	if (whole < ZSTD_CONTENTSIZE_ERROR)
		pack->bytes = rdna4_calloc(dev->host, (size_t)whole, 1);
	if (!pack->bytes) {
		rdna4_pack_close(pack);
		return rdna4_err(err, ZINC_E_NO_MEMORY, "out of memory for the shaders");
	}
	n = ZSTD_decompress(pack->bytes, (size_t)whole, rdna4_pack_bytes, packed);
	pack->n = ZSTD_isError(n) ? 0 : n;
	if (!is_sound(pack)) {
		rdna4_pack_close(pack);
		return rdna4_err(err, ZINC_E_INTERNAL,
		                 "the shaders in this plugin are damaged: install it again");
	}
	pack->hash = pack_fnv1a(PACK_FNV_START, pack->bytes, pack->n);
	*out = pack;
	return ZINC_OK;
}

void rdna4_pack_close(struct rdna4_pack *pack)
{
	if (!pack)
		return;
	rdna4_free(pack->host, pack->bytes);
	rdna4_free(pack->host, pack);
}

const struct pack_entry *rdna4_pack_find(const struct rdna4_pack *pack, const char *name)
{
	for (uint32_t i = 0; i < n_entries(pack); i++)
		if (!strcmp(entries(pack)[i].name, name))
			return &entries(pack)[i];
	return NULL;
}

const void *rdna4_pack_data(const struct rdna4_pack *pack, const struct pack_entry *entry)
{
	return pack->bytes + entry->offset;
}

uint64_t rdna4_pack_hash(const struct rdna4_pack *pack)
{
	return pack->hash;
}

bool rdna4_has_shader(const struct zinc_dev *dev, const char *name)
{
	return rdna4_pack_find(dev->pack, name) != NULL;
}
