/* g_life.c - opening and closing, over and over; buffers; what is freed twice or
 * not at all. */
#include <time.h>

#include "adder.h"
#include "group.h"
#include "groups.h"

enum { ROUNDS = 20, SECONDS = 60 };

static const uint64_t patience_ns = UINT64_C(20000000000);

/* Some work, whose result is right. */
static bool works(struct kit_dev *d, struct zinc_dev *dev, char msg[KIT_MSG])
{
	struct zinc_dev *saved = d->dev;
	struct zinc_timeline *tl = NULL;
	struct adder a;
	float got = 0;
	int rc;

	if (!adder_possible(d))
		return true;
	d->dev = dev;
	rc = d->b->tl_create(dev, 5, &tl);
	if (!rc)
		rc = adder_create(&a, d, 5000);
	if (!rc) {
		rc = adder_submit(&a, &a.cmd, 1, (struct zinc_point){0},
		                  (struct zinc_point){tl, 6});
		if (!rc)
			rc = d->b->tl_wait(tl, 6, patience_ns);
		if (!rc && !adder_holds(&a, 1, &got))
			rc = ZINC_E_INTERNAL;
		adder_destroy(&a);
	}
	d->b->tl_free(tl);
	d->dev = saved;
	snprintf(msg, KIT_MSG, "an add gives %d, and %g where 1 should be", rc, (double)got);
	return rc == ZINC_OK;
}

/* Everything from dlopen() to dlclose(), as often as there is time for. */
static void rounds(struct kit_group_ctx *g)
{
	time_t end = time(NULL) + SECONDS;
	char msg[KIT_MSG] = "";
	struct kit_host h;
	struct kit_dev d;
	bool ok = true;
	int i;

	for (i = 0; i < ROUNDS && ok && (i < 2 || time(NULL) < end); i++) {
		kit_now(g, "life: round %d of opening, working and closing", i + 1);
		if (!kit_group_open(g, &d, &h))
			return;
		adder_probe(&d);
		ok = works(&d, d.dev, msg);
		kit_close(&d);
		if (ok && h.n_live) {
			snprintf(msg, sizeof(msg),
			         "%lld allocations of the host's were never freed",
			         (long long)h.n_live);
			ok = false;
		}
		kit_unload(&d);
		kit_host_finish(&h);
	}
	kit_now(g, "life: opened, used and closed %d times", i);
	kit_result(g, ok, "%s", msg);
}

static void without_a_device(struct kit_group_ctx *g)
{
	struct zinc_err err = {0};
	char msg[KIT_MSG] = "";
	struct kit_host h;
	struct kit_dev d;
	int rc = 0;

	kit_now(g, "life: init() and fini() without a device");
	kit_group_host(g, &h);
	if (kit_load(&d, g->o->file, &h, msg)) {
		for (int i = 0; i < 3 && !rc; i++) {
			rc = d.plugin->init(&h.table, &d.self, &err);
			if (!rc)
				d.plugin->fini(d.self);
		}
		kit_result(g, (!rc || rc == ZINC_E_NO_DEVICE) && !h.n_live,
		           "init() gives %d, %lld allocations are left", rc, (long long)h.n_live);
	} else {
		kit_result(g, false, "%s", msg);
	}
	kit_unload(&d);
	kit_host_finish(&h);
}

static void two_devices(struct kit_group_ctx *g, struct kit_dev *d)
{
	struct zinc_dev *second = NULL;
	char msg[KIT_MSG] = "";
	struct zinc_err err = {0};
	int rc;

	kit_now(g, "life: the same device opened twice");
	rc = d->b->dev_open(d->self, 0, &second, &err);
	if (rc) {
		kit_result(g, false, "dev_open() gives %d: %s", rc, err.msg);
		return;
	}
	if (!works(d, second, msg) || !works(d, d->dev, msg)) {
		kit_result(g, false, "%s", msg);
		d->b->dev_close(second);
		return;
	}
	d->b->dev_close(second);
	kit_result(g, works(d, d->dev, msg), "after closing one of them %s", msg);
}

static void nothing_is_freed(struct kit_group_ctx *g, struct kit_dev *d)
{
	kit_now(g, "life: NULL is freed");
	d->b->dev_close(NULL);
	d->b->buf_free(NULL);
	d->b->cmd_free(NULL);
	d->b->tl_free(NULL);
	kit_result(g, true, "%s", "");
}

static void info(struct kit_group_ctx *g, const struct kit_dev *d)
{
	const struct zinc_dev_info *i = &d->info;

	kit_now(g, "life: dev_info() makes sense");
	kit_result(g, i->name[0] && i->n_queues && i->buf_align &&
	           !(i->buf_align & (i->buf_align - 1)) && i->mem_budget <= i->mem_total &&
	           i->mem_budget && i->dev_class <= ZINC_DEV_SOFT,
	           "name '%s', %u queues, buf_align %u, %llu of %llu bytes, class %u", i->name,
	           i->n_queues, i->buf_align, (unsigned long long)i->mem_budget,
	           (unsigned long long)i->mem_total, i->dev_class);
}

/* A buffer is zeroed, also where another was freed just before. */
static bool is_zeroed(struct kit_dev *d, uint32_t kind, uint64_t n)
{
	uint8_t *bytes = must_calloc(n, 1);
	struct zinc_buf *buf;
	bool ok = true;

	for (int round = 0; round < 3 && ok; round++) {
		buf = NULL;
		ok = d->b->buf_alloc(d->dev, n, kind, &buf, NULL) == ZINC_OK &&
		     d->b->buf_read(buf, 0, bytes, n) == ZINC_OK;
		for (uint64_t i = 0; i < n && ok; i++)
			ok = bytes[i] == 0;
		memset(bytes, 0xff, n);
		ok = ok && d->b->buf_write(buf, 0, bytes, n) == ZINC_OK;
		d->b->buf_free(buf);
	}
	free(bytes);
	return ok;
}

static void zeroed(struct kit_group_ctx *g, struct kit_dev *d)
{
	static const uint64_t sizes[] = {1, 100, 4096, 1000003};

	for (uint32_t kind = ZINC_MEM_DEVICE; kind <= ZINC_MEM_READBACK; kind++)
		for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
			kit_now(g, "life: a buffer of kind %u and %llu bytes is zeroed", kind,
			        (unsigned long long)sizes[i]);
			kit_result(g, is_zeroed(d, kind, sizes[i]), "it is not, or a call failed");
		}
}

static void out_of_range(struct kit_group_ctx *g, struct kit_dev *d)
{
	static const uint64_t ranges[][2] = {{1000, 1}, {999, 2}, {0, 1001}, {UINT64_MAX, 2},
	                                     {UINT64_MAX - 1, UINT64_MAX}, {1, UINT64_MAX}};
	uint8_t bytes[1001] = {1, 2, 3, 4}, got[4] = {0};
	struct zinc_buf *buf = NULL;
	bool ok;

	kit_now(g, "life: buf_write() and buf_read() stay inside the buffer");
	ok = d->b->buf_alloc(d->dev, 1000, ZINC_MEM_DEVICE, &buf, NULL) == ZINC_OK;
	for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]) && ok; i++)
		ok = d->b->buf_write(buf, ranges[i][0], bytes, ranges[i][1]) == ZINC_E_INVALID &&
		     d->b->buf_read(buf, ranges[i][0], bytes, ranges[i][1]) == ZINC_E_INVALID;
	ok = ok && d->b->buf_write(buf, 996, bytes, 4) == ZINC_OK &&
	     d->b->buf_read(buf, 996, got, 4) == ZINC_OK && !memcmp(got, bytes, 4) &&
	     d->b->buf_write(buf, 1000, bytes, 0) == ZINC_OK;
	kit_result(g, ok, "a range past the end is not ZINC_E_INVALID, or one inside it fails");
	d->b->buf_free(buf);
}

static void impossible(struct kit_group_ctx *g, struct kit_dev *d)
{
	struct zinc_err err = {0};
	struct zinc_buf *buf = NULL;
	char msg[KIT_MSG] = "";
	int rc;

	kit_now(g, "life: a buffer larger than any memory");
	rc = d->b->buf_alloc(d->dev, UINT64_C(1) << 60, ZINC_MEM_DEVICE, &buf, &err);
	if (rc != ZINC_E_NO_MEMORY || err.code != rc || !err.msg[0])
		kit_result(g, false, "buf_alloc() gives %d, code %d and message '%s'; not %d", rc,
		           err.code, err.msg, ZINC_E_NO_MEMORY);
	else
		kit_result(g, works(d, d->dev, msg), "afterwards %s", msg);
}

/* Pages of a file, and an odd part of one. */
static void import(struct kit_group_ctx *g, struct kit_dev *d)
{
	enum { BYTES = 1 << 16, SKIP = 100 };
	uint8_t *host = NULL, got[64];
	bool ok = true;

	if (!ZINC_HAS(d->b, buf_import) || posix_memalign((void **)&host, 4096, BYTES))
		return;
	for (int i = 0; i < BYTES; i++)
		host[i] = (uint8_t)(i * 7 + i / 256);
	kit_now(g, "life: buf_import() shows the host's bytes");
	for (uint64_t skip = 0; skip <= SKIP && ok; skip += SKIP) {
		struct zinc_buf *buf = NULL;
		int rc = d->b->buf_import(d->dev, host + skip, BYTES - skip, &buf, NULL);

		if (rc == ZINC_E_UNSUPPORTED)
			continue;
		ok = rc == ZINC_OK && d->b->buf_read(buf, 5000, got, sizeof(got)) == ZINC_OK &&
		     !memcmp(got, host + skip + 5000, sizeof(got)) &&
		     d->b->buf_read(buf, BYTES - skip, got, 1) == ZINC_E_INVALID;
		d->b->buf_free(buf);
	}
	kit_result(g, ok, "it fails, or shows other bytes");
	free(host);
}

void group_life(struct kit_group_ctx *g)
{
	struct kit_host h;
	struct kit_dev d;

	without_a_device(g);
	rounds(g);
	kit_now(g, "life: open the device");
	if (!kit_group_open(g, &d, &h))
		return;
	adder_probe(&d);
	info(g, &d);
	nothing_is_freed(g, &d);
	two_devices(g, &d);
	zeroed(g, &d);
	out_of_range(g, &d);
	impossible(g, &d);
	import(g, &d);
	kit_group_close(g, &d);
}
