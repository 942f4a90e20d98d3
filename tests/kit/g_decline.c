/* g_decline.c - 100,000 descriptors, valid ones with some fields changed at
 * random: supports() survives each, says ZINC_OK or ZINC_E_UNSUPPORTED and the
 * same when asked again, allocates nothing; and what it accepts is recorded. */
#include "group.h"
#include "groups.h"
#include "templates.h"

enum { TRIES = 100000, LIST = 64, MAX_SCRATCH = 64 << 20 };

struct fuzz {
	struct kit_group_ctx *g;
	struct kit_dev *d;
	struct templates all;
	struct rnd rnd;
	struct zinc_buf *buf, *scratch;
	struct zinc_cmd *cmd; /* gathers what was accepted */
	uint32_t n_in_list;
	uint32_t n_accepted, n_recorded;
	char fault[KIT_MSG];
};

static uint64_t strange_number(struct rnd *r, uint64_t old)
{
	static const uint64_t some[] = {0, 1, 2, 3, 4, 8, 16, 31, 32, 33, 64, 255, 256, 257, 1023,
	                                4096, 65535, 65536, 0x7fffffff, 0x80000000, 0xffffffff,
	                                0x100000000, UINT64_MAX, UINT64_MAX / 2, 0xfffffffc};

	switch (rnd_below(r, 6)) {
	case 0: return rnd_u64(r);
	case 1: return old + 1;
	case 2: return old - 1;
	case 3: return old * 2;
	case 4: return old ^ UINT64_C(1) << rnd_below(r, 64);
	default: return some[rnd_below(r, sizeof(some) / sizeof(some[0]))];
	}
}

/* The field of 4 bytes at `at`; of 8 where a view has one there. */
static void change(struct fuzz *f, const struct template *t, uint8_t *desc)
{
	uint32_t at = rnd_below(&f->rnd, t->impl->desc_size / 4) * 4;
	bool wide = at % 8 == 0 && rnd_below(&f->rnd, 3) == 0 && at + 8 <= t->impl->desc_size;
	uint64_t old = 0;

	memcpy(&old, desc + at, wide ? 8 : 4);
	old = strange_number(&f->rnd, old);
	memcpy(desc + at, &old, wide ? 8 : 4);
}

/* struct_size is the core's own, and a view has a real buffer or none. */
static void repair(struct fuzz *f, const struct template *t, uint8_t *desc)
{
	memcpy(desc, &t->impl->desc_size, sizeof(t->impl->desc_size));
	for (uint32_t i = 0; i < t->layout->n_views; i++) {
		struct zinc_view *v = optab_view(t->layout, desc, i);

		if (rnd_below(&f->rnd, 40) == 0)
			v->buf = v->buf ? NULL : f->buf;
		else if (v->buf)
			v->buf = f->buf;
	}
}

static bool fault(struct fuzz *f, const char *name, const char *what, int rc)
{
	snprintf(f->fault, sizeof(f->fault), "%s: %s %d", name, what, rc);
	return false;
}

static bool end_list(struct fuzz *f)
{
	struct zinc_err err = {0};
	int rc;

	if (!f->cmd)
		return true;
	rc = f->d->b->cmd_end(f->cmd, &err);
	f->d->b->cmd_free(f->cmd);
	f->cmd = NULL;
	f->n_in_list = 0;
	return !rc || rc == ZINC_E_NO_MEMORY || fault(f, err.msg, "cmd_end() gives", rc);
}

/* A product reads what quant_act writes, where it asks for that. */
static void quantise(struct fuzz *f, const struct template *t, uint8_t *desc, uint32_t variant)
{
	struct zinc_op_linear *op = (struct zinc_op_linear *)(void *)desc;
	struct zinc_act_layout a = {.struct_size = sizeof(a)};

	if ((t->impl->op != ZINC_OP_DMMV && t->impl->op != ZINC_OP_MMQ) ||
	    !ZINC_HAS(f->d->b, act_layout) ||
	    f->d->b->act_layout(f->d->dev, t->impl->op, op, variant, &a) || !a.layout)
		return;
	op->x.dtype = ZINC_U8;
	op->x.layout = a.layout;
	op->x.nb[0] = 1;
	op->x.nb[1] = a.row_bytes;
	op->x.nb[2] = op->x.nb[1] * op->x.ne[1];
	op->x.nb[3] = op->x.nb[2] * op->x.ne[2];
}

static bool record(struct fuzz *f, const struct template *t, uint8_t *desc, uint32_t variant)
{
	uint64_t scratch;
	int rc;

	f->n_accepted++;
	quantise(f, t, desc, variant);
	scratch = t->impl->scratch ? t->impl->scratch(f->d->dev, desc, variant) : 0;
	if (scratch > MAX_SCRATCH)
		return true;
	if (!f->cmd) {
		rc = f->d->b->cmd_begin(f->d->dev, 0, f->scratch, &f->cmd, NULL);
		if (rc)
			return fault(f, "an empty list", "cmd_begin() gives", rc);
	}
	rc = t->impl->record(f->cmd, desc, variant);
	if (rc && rc != ZINC_E_NO_MEMORY)
		return fault(f, t->impl->name, "record() of what supports() accepts gives", rc);
	f->n_recorded++;
	return ++f->n_in_list < LIST || end_list(f);
}

static bool try_one(struct fuzz *f, uint32_t i)
{
	const struct template *t = &f->all.t[rnd_below(&f->rnd, f->all.n)];
	uint32_t variant = rnd_below(&f->rnd, t->impl->n_variants);
	int64_t calls = f->d->host->n_calls;
	uint8_t *desc = must_calloc(KIT_DESC_MAX, 1);
	int first, second;
	bool ok;

	memcpy(desc, t->desc, KIT_DESC_MAX);
	for (uint32_t n = 1 + rnd_below(&f->rnd, 4); n; n--)
		change(f, t, desc);
	repair(f, t, desc);
	kit_now(f->g, "decline: try %u, %s %s", i, t->impl->name, t->impl->variants[variant].name);
	first = t->impl->supports(f->d->dev, desc, variant);
	second = t->impl->supports(f->d->dev, desc, variant);
	if (first && first != ZINC_E_UNSUPPORTED)
		ok = fault(f, t->impl->name, "supports() gives", first);
	else if (first != second)
		ok = fault(f, t->impl->name, "supports() changes its mind to", second);
	else if (f->d->host->n_calls != calls)
		ok = fault(f, t->impl->name, "supports() allocates; status", first);
	else
		ok = first || record(f, t, desc, variant);
	free(desc);
	return ok;
}

void group_decline(struct kit_group_ctx *g)
{
	struct fuzz f = {.g = g, .rnd = {2024}};
	struct kit_host h;
	struct kit_dev d;
	bool ok;

	kit_now(g, "decline: open the device");
	if (!kit_group_open(g, &d, &h))
		return;
	f.d = &d;
	ok = d.b->buf_alloc(d.dev, 8 << 20, ZINC_MEM_DEVICE, &f.buf, NULL) == ZINC_OK &&
	     d.b->buf_alloc(d.dev, MAX_SCRATCH, ZINC_MEM_DEVICE, &f.scratch, NULL) == ZINC_OK;
	if (ok) {
		templates_create(&f.all, &d, f.buf);
		for (uint32_t i = 0; i < TRIES && ok && f.all.n; i++)
			ok = try_one(&f, i);
		ok = end_list(&f) && ok;
		templates_destroy(&f.all);
	}
	kit_now(g, "decline: %d random descriptors, %u accepted, %u of them recorded", TRIES,
	        f.n_accepted, f.n_recorded);
	kit_result(g, ok, "%s", f.fault);
	d.b->buf_free(f.buf);
	d.b->buf_free(f.scratch);
	kit_group_close(g, &d);
}
