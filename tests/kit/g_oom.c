/* g_oom.c - the host's memory runs out at the k-th call, for every k: whatever
 * was asked for fails with ZINC_E_NO_MEMORY and leaves nothing behind. */
#include <time.h>

#include "adder.h"
#include "group.h"
#include "groups.h"

enum { MAX_CALLS = 2000, SECONDS = 90 };

static const uint64_t patience_ns = UINT64_C(20000000000);

/* A short life with some work in it; stops at the first error. */
static int on_device(struct kit_dev *d)
{
	struct zinc_point done;
	struct adder a;
	float got;
	int rc = d->b->tl_create(d->dev, 0, &d->tl);

	if (rc || !adder_possible(d))
		return rc;
	rc = adder_create(&a, d, 5000);
	if (rc)
		return rc;
	done = (struct zinc_point){d->tl, 1};
	rc = adder_submit(&a, &a.cmd, 1, (struct zinc_point){0}, done);
	if (!rc)
		rc = d->b->tl_wait(d->tl, 1, patience_ns);
	if (!rc && !adder_holds(&a, 1, &got))
		rc = ZINC_E_INTERNAL;
	adder_destroy(&a);
	return rc;
}

static int short_life(struct kit_dev *d, struct zinc_err *err)
{
	uint32_t n = 0;
	int rc = d->plugin->init(&d->host->table, &d->self, err);

	if (rc)
		return rc;
	d->b = d->plugin->backend;
	d->dev = NULL;
	d->tl = NULL;
	rc = d->b->dev_count(d->self, &n, err);
	if (!rc)
		rc = d->b->dev_open(d->self, 0, &d->dev, err);
	if (!rc) {
		err->msg[0] = '?'; /* adder's calls take no err */
		rc = on_device(d);
		d->b->tl_free(d->tl);
		d->b->dev_close(d->dev);
	}
	d->plugin->fini(d->self);
	return rc;
}

/* False: that was not right, or k is beyond the last call. */
static bool one_shortage(struct kit_group_ctx *g, struct kit_dev *d, int64_t k, bool *done)
{
	struct kit_host *h = d->host;
	struct zinc_err err = {0};
	int rc;

	h->n_calls = 0;
	h->fail_at = k;
	rc = short_life(d, &err);
	*done = h->n_calls < k;
	if (h->n_live) {
		kit_result(g, false, "%lld allocations are left", (long long)h->n_live);
		return false;
	}
	if (!rc || (rc == ZINC_E_NO_MEMORY && !*done && err.msg[0]))
		return true;
	kit_result(g, false, "status %d instead of %d, or no message: '%s'", rc, ZINC_E_NO_MEMORY,
	           err.msg);
	return false;
}

static void shortages(struct kit_group_ctx *g, struct kit_dev *d, bool from_then_on)
{
	time_t end = time(NULL) + SECONDS;
	bool done = false, ok = true;
	int64_t k = 1;

	d->host->fail_on = from_then_on;
	for (; k < MAX_CALLS && ok && !done && time(NULL) < end; k++) {
		kit_now(g, "oom: call %lld of alloc() fails%s", (long long)k,
		        from_then_on ? ", and all after it" : "");
		ok = one_shortage(g, d, k, &done);
	}
	if (!ok)
		return;
	kit_now(g, "oom: %s call of alloc() fails%s: %lld tried%s", "each",
	        from_then_on ? ", and all after it" : "", (long long)k - 1,
	        done ? ", which is all" : "");
	kit_result(g, true, "%s", "");
}

void group_oom(struct kit_group_ctx *g)
{
	struct kit_host h;
	struct kit_dev d;

	kit_now(g, "oom: open the device");
	if (!kit_group_open(g, &d, &h))
		return;
	adder_probe(&d);
	kit_close(&d);
	shortages(g, &d, false);
	shortages(g, &d, true);
	kit_unload(&d);
	kit_host_finish(&h);
}
