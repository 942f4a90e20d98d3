/* g_abi.c - hosts and callers that are older or newer than the plugin: tables
 * and structs of other lengths than it was compiled with. */
#include <sys/mman.h>
#include <unistd.h>

#include "adder.h"
#include "group.h"
#include "groups.h"
#include "templates.h"

enum { BEYOND = 64, BEYOND_BYTE = 0x5a };

static void init_with(struct kit_group_ctx *g, const struct zinc_host *host, bool may_refuse)
{
	struct zinc_err err = {0};
	struct kit_host unused;
	struct kit_dev d;
	char msg[KIT_MSG] = "";
	void *self = NULL;
	int rc;

	kit_group_host(g, &unused);
	if (!kit_load(&d, g->o->file, &unused, msg)) {
		kit_result(g, false, "%s", msg);
		return;
	}
	rc = d.plugin->init(host, &self, &err);
	if (rc == ZINC_OK)
		d.plugin->fini(self);
	kit_result(g, rc == ZINC_OK || rc == ZINC_E_NO_DEVICE ||
	           (may_refuse && rc == ZINC_E_VERSION),
	           "init() gives %d: %s", rc, err.msg);
	kit_unload(&d);
	kit_host_finish(&unused);
}

static void other_hosts(struct kit_group_ctx *g)
{
	struct {
		struct zinc_host table;
		uint8_t beyond[BEYOND];
	} newer;
	struct zinc_host older;
	struct kit_host h;

	kit_group_host(g, &h);
	memset(newer.beyond, BEYOND_BYTE, sizeof(newer.beyond));
	newer.table = h.table;
	newer.table.struct_size = sizeof(newer);
	newer.table.abi_minor = 99;
	kit_now(g, "abi: init() by a newer host with a longer table");
	init_with(g, &newer.table, false);
	older = h.table;
	older.abi_minor = 0;
	kit_now(g, "abi: init() by an older host");
	init_with(g, &older, true);
	kit_host_finish(&h);
}

/* A caller with a shorter struct gets what fits; of a longer one, what the
 * plugin knows. */
static void device_info(struct kit_group_ctx *g, struct kit_dev *d)
{
	union {
		struct zinc_dev_info info;
		uint8_t bytes[sizeof(struct zinc_dev_info) + BEYOND];
	} u;
	const size_t sizes[] = {offsetof(struct zinc_dev_info, driver), sizeof(u.info),
	                        sizeof(u.bytes)};

	for (size_t i = 0; i < 3; i++) {
		size_t first = i < 2 ? sizes[i] : sizeof(u.info), end = sizeof(u.bytes);
		bool ok;

		kit_now(g, "abi: dev_info() into %zu bytes", sizes[i]);
		memset(u.bytes, BEYOND_BYTE, sizeof(u.bytes));
		u.info.struct_size = (uint32_t)sizes[i];
		ok = d->b->dev_info(d->self, 0, &u.info) == ZINC_OK;
		for (size_t k = first; k < end && (i < 2 || d->plugin->abi_minor <= ZINC_ABI_MINOR);
		     k++)
			ok = ok && u.bytes[k] == BEYOND_BYTE;
		kit_result(g, ok && memchr(u.info.name, 0, sizeof(u.info.name)),
		           "it failed, wrote past struct_size, or left a name without an end");
	}
	kit_now(g, "abi: dev_info() of a device that is not there");
	u.info.struct_size = sizeof(u.info);
	kit_result(g, d->b->dev_info(d->self, 1000, &u.info) < 0, "it succeeds");
}

/* Errors: a caller may pass no struct zinc_err, and gets one sentence else. */
static void errors(struct kit_group_ctx *g, struct kit_dev *d)
{
	struct zinc_err err;
	struct zinc_dev *dev = NULL;
	int rc;

	kit_now(g, "abi: an error without a struct to put it in");
	rc = d->b->dev_open(d->self, 1000, &dev, NULL);
	kit_result(g, rc < 0, "dev_open() of device 1000 gives %d", rc);
	kit_now(g, "abi: an error is one line with an end");
	memset(&err, BEYOND_BYTE, sizeof(err));
	rc = d->b->dev_open(d->self, 1000, &dev, &err);
	kit_result(g, rc < 0 && err.code == rc && memchr(err.msg, 0, sizeof(err.msg)) &&
	           err.msg[0] && !strchr(err.msg, '\n'),
	           "dev_open() of device 1000 gives %d; code, or msg, is not filled in", rc);
}

/* A page's end, behind which nothing may be read. */
struct edge {
	uint8_t *pages;
	size_t page;
};

static bool edge_init(struct edge *e)
{
	e->page = (size_t)sysconf(_SC_PAGESIZE);
	e->pages = mmap(NULL, 2 * e->page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
	                0);
	return e->pages != MAP_FAILED && mprotect(e->pages + e->page, e->page, PROT_NONE) == 0;
}

static bool is_on(const struct template *t, uint32_t v)
{
	const struct zinc_u32 *n = (const struct zinc_u32 *)(const void *)(t->desc +
	                                                                   t->layout->n_off);
	uint32_t max = t->impl->variants[v].max_cols;

	return !max || !t->layout->n_off || n->imm <= max;
}

/* Descriptors end where desc_size says; flags that nobody knows decline. */
static void descriptors(struct kit_group_ctx *g, struct kit_dev *d, const struct templates *all)
{
	struct edge e;
	bool flags_ok = true, variant_ok = true;
	const char *culprit = "";

	if (!edge_init(&e))
		return;
	for (uint32_t i = 0; i < all->n; i++) {
		const struct template *t = &all->t[i];
		uint32_t size = t->impl->desc_size;
		void *end = e.pages + e.page - size;
		struct zinc_op_head *head = end;

		kit_now(g, "abi: %s with a descriptor of %u bytes and nothing behind it",
		        t->impl->name, size);
		for (uint32_t v = 0; v < t->impl->n_variants; v++) {
			memcpy(head, t->desc, size);
			if (!is_on(t, v) || t->impl->supports(d->dev, head, v))
				continue;
			if (t->impl->scratch)
				t->impl->scratch(d->dev, head, v);
			head->flags |= UINT32_C(1) << 31;
			if (t->impl->supports(d->dev, head, v) == ZINC_OK) {
				flags_ok = false;
				culprit = t->impl->name;
			}
			head->flags &= ~(UINT32_C(1) << 31);
			if (t->impl->supports(d->dev, head, t->impl->n_variants) == ZINC_OK) {
				variant_ok = false;
				culprit = t->impl->name;
			}
		}
	}
	munmap(e.pages, 2 * e.page);
	kit_now(g, "abi: descriptors at the end of readable memory");
	kit_result(g, true, "%s", "");
	kit_now(g, "abi: unknown flags decline");
	kit_result(g, flags_ok, "%s accepts them", culprit);
	kit_now(g, "abi: a variant that is not there declines");
	kit_result(g, variant_ok, "%s accepts it", culprit);
}

/* A newer core's longer submit. */
static void longer_submit(struct kit_group_ctx *g, struct kit_dev *d)
{
	struct {
		struct zinc_submit s;
		uint8_t beyond[BEYOND];
	} u;
	static const uint32_t params[ZINC_SLOT_COUNT] = {0};
	struct zinc_point done = {d->tl, ++d->tick};
	struct adder a;
	float got = 0;
	int rc;

	if (!adder_possible(d))
		return;
	kit_now(g, "abi: submit() by a newer host with a longer struct");
	rc = adder_create(&a, d, 1000);
	if (rc) {
		kit_result(g, false, "recording an add gives %d", rc);
		return;
	}
	memset(&u, BEYOND_BYTE, sizeof(u));
	u.s = (struct zinc_submit){.struct_size = sizeof(u), .cmds = &a.cmd, .n_cmds = 1,
	                           .signal = &done, .n_signal = 1, .params = params};
	rc = d->b->submit(d->dev, &u.s, NULL);
	if (!rc)
		rc = d->b->tl_wait(d->tl, d->tick, UINT64_C(20000000000));
	kit_result(g, !rc && adder_holds(&a, 1, &got), "it gives %d, and %g where 1 should be", rc,
	           (double)got);
	adder_destroy(&a);
}

void group_abi(struct kit_group_ctx *g)
{
	struct templates all;
	struct zinc_buf *buf = NULL;
	struct kit_host h;
	struct kit_dev d;

	other_hosts(g);
	kit_now(g, "abi: open the device");
	if (!kit_group_open(g, &d, &h))
		return;
	adder_probe(&d);
	device_info(g, &d);
	errors(g, &d);
	longer_submit(g, &d);
	if (d.b->buf_alloc(d.dev, 1 << 20, ZINC_MEM_DEVICE, &buf, NULL) == ZINC_OK) {
		templates_create(&all, &d, buf);
		descriptors(g, &d, &all);
		templates_destroy(&all);
	}
	d.b->buf_free(buf);
	kit_group_close(g, &d);
}
