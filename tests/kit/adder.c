/* adder.c - see adder.h. */
#include "adder.h"

#include <zinc/op.h>

bool adder_possible(const struct kit_dev *d)
{
	return kit_impl(d, ZINC_OP_ADD) != NULL;
}

static struct zinc_view row(struct zinc_buf *buf, uint64_t first, uint64_t n)
{
	struct zinc_view v = {.buf = buf, .off = first * 4, .ne = {(uint32_t)n, 1, 1, 1},
	                      .nb = {4, n * 4, n * 4, n * 4}};

	return v;
}

static int fill(struct adder *a)
{
	float *x = must_calloc(2 * (size_t)a->n, sizeof(*x));
	int rc;

	for (uint32_t i = 0; i < a->n; i++)
		x[a->n + i] = 1;
	rc = a->d->b->buf_write(a->buf, 0, x, 8 * (uint64_t)a->n);
	free(x);
	return rc;
}

int adder_create(struct adder *a, struct kit_dev *d, uint32_t n)
{
	struct zinc_op_binary op = {.n = zinc_imm(1)};
	uint64_t scratch;
	int rc;

	/* Whole multiples of any alignment. */
	n = (n + 1023) / 1024 * 1024;
	*a = (struct adder){.d = d, .impl = kit_impl(d, ZINC_OP_ADD), .n = n};
	rc = d->b->buf_alloc(d->dev, 8 * (uint64_t)a->n, ZINC_MEM_DEVICE, &a->buf, NULL);
	if (!rc)
		rc = fill(a);
	op.struct_size = a->impl->desc_size;
	op.a = op.y = row(a->buf, 0, a->n);
	op.b = row(a->buf, a->n, a->n);
	memcpy(a->desc, &op, sizeof(op));
	while (!rc && a->impl->supports(d->dev, a->desc, a->variant))
		rc = ++a->variant == a->impl->n_variants ? ZINC_E_UNSUPPORTED : ZINC_OK;
	if (!rc) {
		scratch = a->impl->scratch ? a->impl->scratch(d->dev, a->desc, a->variant) : 0;
		if (scratch)
			rc = d->b->buf_alloc(d->dev, scratch, ZINC_MEM_DEVICE, &a->scratch, NULL);
	}
	if (!rc)
		rc = adder_record(a, &a->cmd);
	if (rc)
		adder_destroy(a);
	return rc;
}

void adder_destroy(struct adder *a)
{
	a->d->b->cmd_free(a->cmd);
	a->d->b->buf_free(a->scratch);
	a->d->b->buf_free(a->buf);
	a->cmd = NULL;
	a->scratch = a->buf = NULL;
}

int adder_record(const struct adder *a, struct zinc_cmd **out)
{
	struct zinc_cmd *cmd = NULL;
	int rc = a->d->b->cmd_begin(a->d->dev, 0, a->scratch, &cmd, NULL), end;

	*out = NULL;
	if (rc)
		return rc;
	rc = a->impl->record(cmd, a->desc, a->variant);
	/* Errors stick to the list: the end has to repeat them. */
	end = a->d->b->cmd_end(cmd, NULL);
	if (rc && !end)
		end = ZINC_E_INTERNAL;
	if (end)
		a->d->b->cmd_free(cmd);
	else
		*out = cmd;
	return end;
}

int adder_submit(const struct adder *a, struct zinc_cmd *const *cmds, uint32_t n_cmds,
                 struct zinc_point wait, struct zinc_point signal)
{
	static const uint32_t params[ZINC_SLOT_COUNT] = {0};
	struct zinc_submit s = {.struct_size = sizeof(s), .cmds = cmds, .n_cmds = n_cmds,
	                        .wait = &wait, .n_wait = wait.tl != NULL, .signal = &signal,
	                        .n_signal = signal.tl != NULL, .params = params};

	return a->d->b->submit(a->d->dev, &s, NULL);
}

void adder_probe(struct kit_dev *d)
{
	struct zinc_point done = {d->tl, ++d->tick};
	struct adder a;
	float got = 0;

	d->idle = false;
	if (!adder_possible(d) || adder_create(&a, d, 1))
		return;
	if (!adder_submit(&a, &a.cmd, 1, (struct zinc_point){0}, done) &&
	    !d->b->tl_wait(d->tl, d->tick, UINT64_C(20000000000)))
		d->idle = !adder_holds(&a, 1, &got) && got == 0;
	adder_destroy(&a);
}

bool adder_holds(const struct adder *a, float want, float *got)
{
	float *x;
	bool ok;

	if (a->d->idle)
		return true;
	x = must_calloc(a->n, sizeof(*x));
	ok = a->d->b->buf_read(a->buf, 0, x, 4 * (uint64_t)a->n) == ZINC_OK;
	*got = NAN;
	for (uint32_t i = 0; i < a->n && ok; i++) {
		ok = x[i] == want;
		*got = x[i];
	}
	free(x);
	return ok;
}
