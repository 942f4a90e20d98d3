/* dev.c - loading a plugin, its device, and buffers with guards. */
#include "dev.h"

#include <dlfcn.h>
#include <stdio.h>

enum { GUARD_BYTE = 0xa5, PAGE = 4096, GGUF_ALIGN = 32 };

#define FAIL(msg, ...) (snprintf(msg, KIT_MSG, __VA_ARGS__), false)

bool kit_load(struct kit_dev *d, const char *file, struct kit_host *host, char msg[KIT_MSG])
{
	*d = (struct kit_dev){.host = host};
	d->handle = dlopen(file, RTLD_NOW | RTLD_LOCAL);
	if (!d->handle)
		return FAIL(msg, "%s", dlerror());
	d->plugin = dlsym(d->handle, ZINC_PLUGIN_SYMBOL);
	if (!d->plugin)
		return FAIL(msg, "%s exports no %s: not a plugin for ABI %d", file,
		            ZINC_PLUGIN_SYMBOL, ZINC_ABI_MAJOR);
	if (d->plugin->magic != ZINC_PLUGIN_MAGIC)
		return FAIL(msg, "magic is %#x, not %#x", d->plugin->magic, ZINC_PLUGIN_MAGIC);
	return true;
}

void kit_unload(struct kit_dev *d)
{
	if (d->handle)
		dlclose(d->handle);
	d->handle = NULL;
}

/* Everything behind init(); what failed is in `what`. */
static int open_device(struct kit_dev *d, const char **what, struct zinc_err *err)
{
	uint32_t n = 0;
	int rc;

	*what = "dev_count()";
	rc = d->b->dev_count(d->self, &n, err);
	if (!rc && !n)
		rc = ZINC_E_NO_DEVICE;
	if (rc)
		return rc;
	*what = "dev_info()";
	d->info.struct_size = sizeof(d->info);
	rc = d->b->dev_info(d->self, 0, &d->info);
	if (rc)
		return rc;
	*what = "dev_open()";
	rc = d->b->dev_open(d->self, 0, &d->dev, err);
	if (rc)
		return rc;
	*what = "tl_create()";
	rc = d->b->tl_create(d->dev, 0, &d->tl);
	if (rc)
		d->b->dev_close(d->dev);
	return rc;
}

static bool can_import(const struct kit_dev *d)
{
	enum { BYTES = 65536 };
	struct zinc_buf *buf = NULL;
	void *host = NULL;
	bool ok = ZINC_HAS(d->b, buf_import) && !posix_memalign(&host, PAGE, BYTES) &&
	          d->b->buf_import(d->dev, host, BYTES, &buf, NULL) == ZINC_OK;

	if (ok)
		d->b->buf_free(buf);
	free(host);
	return ok;
}

bool kit_open(struct kit_dev *d, char msg[KIT_MSG])
{
	const char *what = "init()";
	struct zinc_err err = {0};

	if (d->plugin->kind != ZINC_KIND_BACKEND || !d->plugin->backend) {
		d->status = ZINC_E_INVALID;
		return FAIL(msg, "the plugin is no backend");
	}
	d->status = d->plugin->init(&d->host->table, &d->self, &err);
	if (!d->status) {
		d->b = d->plugin->backend;
		d->status = open_device(d, &what, &err);
		if (d->status)
			d->plugin->fini(d->self);
	}
	d->imports = !d->status && can_import(d);
	return !d->status || FAIL(msg, "%s gives %d: %s", what, d->status, err.msg);
}

void kit_close(struct kit_dev *d)
{
	for (int p = 0; p < KIT_PLACES; p++) {
		d->b->buf_free(d->arenas[p].buf);
		free(d->arenas[p].image);
		free(d->arenas[p].got);
		d->arenas[p] = (struct kit_arena){0};
	}
	d->b->tl_free(d->tl);
	d->b->dev_close(d->dev);
	d->plugin->fini(d->self);
	d->dev = NULL;
}

const struct zinc_op_impl *kit_impl(const struct kit_dev *d, uint32_t op)
{
	for (uint32_t i = 0; i < d->b->n_ops; i++)
		if (d->b->ops[i]->op == op)
			return d->b->ops[i];
	return NULL;
}

/* Guards are as long as the alignment, so that regions keep it. */
static uint64_t guard_bytes(const struct kit_dev *d, enum kit_place p)
{
	if (p == KIT_MAPPED)
		return GGUF_ALIGN;
	return d->info.buf_align > 64 ? d->info.buf_align : 64;
}

static void place(struct kit_dev *d, struct kit_case *c)
{
	for (int p = 0; p < KIT_PLACES; p++)
		d->arenas[p].used = guard_bytes(d, (enum kit_place)p);
	for (uint32_t i = 0; i < c->n_regions; i++) {
		struct kit_region *r = &c->regions[i];
		struct kit_arena *a = &d->arenas[r->place];
		uint64_t guard = guard_bytes(d, r->place);

		r->at = a->used;
		a->used += (r->bytes + guard - 1) / guard * guard + guard;
	}
}

static bool make_room(struct kit_dev *d, enum kit_place p, char msg[KIT_MSG])
{
	/* The core keeps batch tables in upload memory, all else in the device's. */
	uint32_t kind = p == KIT_TABLES ? ZINC_MEM_UPLOAD : ZINC_MEM_DEVICE;
	struct kit_arena *a = &d->arenas[p];
	struct zinc_err err = {0};
	int rc;

	if (a->used <= a->room)
		return true;
	d->b->buf_free(a->buf);
	free(a->image);
	free(a->got);
	*a = (struct kit_arena){.used = a->used, .room = a->used + a->used / 4};
	a->got = must_calloc(a->room, 1);
	if (posix_memalign((void **)&a->image, PAGE, a->room))
		exit(2);
	if (p == KIT_MAPPED)
		return true;
	rc = d->b->buf_alloc(d->dev, a->room, kind, &a->buf, &err);
	if (rc) {
		a->room = 0;
		return FAIL(msg, "buf_alloc() of %llu bytes gives %d: %s",
		            (unsigned long long)a->used, rc, err.msg);
	}
	return true;
}

static bool write_images(struct kit_dev *d, char msg[KIT_MSG])
{
	for (int p = 0; p < KIT_MAPPED; p++) {
		const struct kit_arena *a = &d->arenas[p];
		int rc = d->b->buf_write(a->buf, 0, a->image, a->used);

		if (rc)
			return FAIL(msg, "buf_write() gives %d", rc);
	}
	return true;
}

/* Host memory that was imported stays as it is until the buffer is freed, and
 * that stays while a recording may name it: for as long as the case lasts. */
static bool map_weights(struct kit_dev *d, const struct kit_case *c, char msg[KIT_MSG])
{
	struct kit_arena *a = &d->arenas[KIT_MAPPED];
	int rc;

	if (!d->imports || a->mapped_for == c->serial)
		return true;
	d->b->buf_free(a->buf);
	a->buf = NULL;
	if (!make_room(d, KIT_MAPPED, msg))
		return false;
	a->mapped_for = c->serial;
	memset(a->image, GUARD_BYTE, a->room);
	for (uint32_t i = 0; i < c->n_regions; i++)
		if (c->regions[i].place == KIT_MAPPED)
			memcpy(a->image + c->regions[i].at, c->regions[i].image,
			       c->regions[i].bytes);
	rc = d->b->buf_import(d->dev, a->image, a->room, &a->buf, NULL);
	return !rc || FAIL(msg, "buf_import() gives %d", rc);
}

/* The layout's bytes are the backend's secret: what it wrote becomes the image,
 * as long as it wrote only there. */
static bool pack(struct kit_dev *d, const struct kit_region *r, char msg[KIT_MSG])
{
	struct kit_arena *a = &d->arenas[r->place];
	struct zinc_err err = {0};
	int rc = d->b->weight_pack(d->dev, &r->use, r->layout, r->image, a->buf, r->at, &err);

	if (rc)
		return FAIL(msg, "weight_pack() gives %d: %s", rc, err.msg);
	rc = d->b->buf_read(a->buf, 0, a->got, a->used);
	if (rc)
		return FAIL(msg, "buf_read() gives %d", rc);
	memcpy(a->image + r->at, a->got + r->at, r->bytes);
	if (memcmp(a->image, a->got, a->used))
		return FAIL(msg, "weight_pack() wrote outside the %llu bytes that weight_layout() "
		            "answered", (unsigned long long)r->bytes);
	return true;
}

bool kit_upload(struct kit_dev *d, struct kit_case *c, char msg[KIT_MSG])
{
	place(d, c);
	if (!map_weights(d, c, msg))
		return false;
	for (int p = 0; p < KIT_MAPPED; p++) {
		if (!make_room(d, (enum kit_place)p, msg))
			return false;
		memset(d->arenas[p].image, GUARD_BYTE, d->arenas[p].used);
	}
	for (uint32_t i = 0; i < c->n_regions; i++) {
		struct kit_region *r = &c->regions[i];

		if (!r->packed && r->place != KIT_MAPPED)
			memcpy(d->arenas[r->place].image + r->at, r->image, r->bytes);
		r->dirty = false;
	}
	if (!write_images(d, msg))
		return false;
	for (uint32_t i = 0; i < c->n_regions; i++)
		if (c->regions[i].packed && !pack(d, &c->regions[i], msg))
			return false;
	return true;
}

bool kit_refresh(struct kit_dev *d, struct kit_case *c, char msg[KIT_MSG])
{
	for (uint32_t i = 0; i < c->n_regions; i++) {
		struct kit_region *r = &c->regions[i];
		struct kit_arena *a = &d->arenas[r->place];
		int rc;

		if (!r->dirty)
			continue;
		memcpy(a->image + r->at, r->image, r->bytes);
		r->dirty = false;
		rc = d->b->buf_write(a->buf, r->at, r->image, r->bytes);
		if (rc)
			return FAIL(msg, "buf_write() gives %d", rc);
	}
	return true;
}

/* Which region byte `at` of a place is in or next to, for a reader. */
static void blame(const struct kit_case *c, enum kit_place p, uint64_t at, char msg[KIT_MSG])
{
	static const char *const places[KIT_PLACES] = {"weights", "data", "tables",
	                                                "mapped weights"};

	for (uint32_t i = 0; i < c->n_regions; i++) {
		const struct kit_region *r = &c->regions[i];

		if (r->place != p || at >= r->at + r->bytes + 64)
			continue;
		snprintf(msg, KIT_MSG,
		         "wrote where it may not: tensor %u of %s, byte %lld of %llu%s",
		         i, places[p], (long long)at - (long long)r->at,
		         (unsigned long long)r->bytes,
		         at < r->at ? " (before it)" :
		         at >= r->at + r->bytes ? " (behind it)" : "");
		return;
	}
	snprintf(msg, KIT_MSG, "wrote where it may not: far behind all %s", places[p]);
}

bool kit_fetch(struct kit_dev *d, const struct kit_case *c, char msg[KIT_MSG])
{
	for (int p = 0; p < KIT_PLACES; p++) {
		struct kit_arena *a = &d->arenas[p];
		int rc = a->buf ? d->b->buf_read(a->buf, 0, a->got, a->used) : 0;

		if (rc)
			return FAIL(msg, "buf_read() gives %d", rc);
	}
	for (uint32_t i = 0; i < c->n_regions; i++) {
		const struct kit_region *r = &c->regions[i];
		struct kit_arena *a = &d->arenas[r->place];

		for (uint64_t k = 0; r->may && k < r->bytes; k++)
			if (r->may[k])
				a->image[r->at + k] = a->got[r->at + k];
	}
	for (int p = 0; p < KIT_PLACES; p++) {
		const struct kit_arena *a = &d->arenas[p];
		uint64_t at = 0;

		if (!a->buf || !memcmp(a->image, a->got, a->used))
			continue;
		while (a->image[at] == a->got[at])
			at++;
		blame(c, (enum kit_place)p, at, msg);
		return false;
	}
	return true;
}
