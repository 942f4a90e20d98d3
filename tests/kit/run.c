/* run.c - recording and submitting a case; see run.h. */
#include "run.h"

#include <stdarg.h>
#include <stdio.h>

#include "optab.h"

__attribute__((format(printf, 2, 3))) static enum kit_answer fail(struct kit_run *r,
                                                                  const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(r->msg, sizeof(r->msg), format, args);
	va_end(args);
	return KIT_FAILED;
}

bool kit_choose_layouts(struct kit_dev *d, struct kit_case *c)
{
	const struct optab_op *o = optab_get(c->recipe->op);
	bool wanted = false, found = false;

	for (uint32_t i = 0; i < c->n_regions; i++) {
		struct kit_region *r = &c->regions[i];
		struct zinc_weight_layout lay = {.struct_size = sizeof(lay)};

		if (r->place == KIT_MAPPED && !d->imports)
			return false;
		if (!r->use.roles)
			continue;
		wanted = wanted || r->packed;
		if (!ZINC_HAS(d->b, weight_layout) || !ZINC_HAS(d->b, weight_pack) ||
		    d->b->weight_layout(d->dev, &r->use, &lay) || !lay.layout) {
			r->packed = false;
			continue;
		}
		found = true;
		/* GGUF order is then only for --no-pack. */
		c->optional = c->optional || !r->packed;
		if (!r->packed)
			continue;
		r->bytes = lay.bytes;
		r->layout = lay.layout;
		for (uint32_t k = 0; k < o->n_views; k++) {
			struct zinc_view *v = optab_view(o, c->desc, k);

			if ((void *)v->buf != r)
				continue;
			v->layout = lay.layout;
			v->off = v->nb[1] ? v->off / v->nb[1] * lay.row_bytes : 0;
			v->nb[1] = lay.row_bytes;
			v->nb[2] = v->nb[1] * r->use.view.ne[1];
			v->nb[3] = v->nb[2] * r->use.view.ne[2];
		}
	}
	return !wanted || found;
}

/* The descriptor with real buffers and offsets. */
static void bind(const struct kit_run *r, const struct optab_op *o, void *desc)
{
	for (uint32_t i = 0; i < o->n_views; i++) {
		struct zinc_view *v = optab_view(o, desc, i);
		const struct kit_region *region = (const struct kit_region *)(const void *)v->buf;

		if (!region)
			continue;
		v->buf = r->d->arenas[region->place].buf;
		v->off += region->at;
	}
}

/* As the core cuts a descriptor to what the plugin was compiled with. */
static bool fit(const struct zinc_op_impl *impl, void *desc, uint32_t size)
{
	const uint8_t *p = desc;
	uint32_t reader = impl->desc_size;

	for (uint32_t i = reader; i < size; i++)
		if (p[i])
			return false;
	memcpy(desc, &reader, sizeof(reader));
	return reader <= KIT_DESC_MAX;
}

static enum kit_answer supports(struct kit_run *r, void *desc)
{
	int rc;

	if (!fit(r->impl, desc, r->c->desc_size))
		return KIT_DECLINED;
	rc = r->impl->supports(r->d->dev, desc, r->variant);
	if (rc == ZINC_E_UNSUPPORTED)
		return KIT_DECLINED;
	if (rc)
		return fail(r, "supports() gives %d, which is neither ZINC_OK nor "
		            "ZINC_E_UNSUPPORTED", rc);
	return KIT_RAN;
}

/* quant_act before a product, where the variant wants its input in a layout. */
struct prelude {
	const struct zinc_op_impl *impl; /* NULL: none is needed */
	uint32_t variant;                /* the first that takes it, as the core does */
	_Alignas(16) uint8_t desc[KIT_DESC_MAX];
};

static struct zinc_view quantised(struct kit_case *c, const struct zinc_view *x,
                                  const struct zinc_act_layout *a)
{
	uint64_t rows = zinc_view_elems(x) / x->ne[0];
	struct zinc_view y = kit_tensor(c, KIT_DATA, ZINC_U8, (uint32_t)a->row_bytes,
	                                (uint32_t)rows, 1, 1);

	kit_may(c, &y);
	y.layout = a->layout;
	memcpy(y.ne, x->ne, sizeof(y.ne));
	for (int i = 2; i < ZINC_MAX_DIMS; i++)
		y.nb[i] = y.nb[i - 1] * y.ne[i - 1];
	return y;
}

static enum kit_answer prepare_input(struct kit_run *r, struct prelude *pre, uint8_t *desc)
{
	struct zinc_op_linear *op = (struct zinc_op_linear *)(void *)desc;
	struct zinc_op_quant_act *q = (struct zinc_op_quant_act *)(void *)pre->desc;
	struct zinc_act_layout a = {.struct_size = sizeof(a)};
	int rc;

	if ((r->impl->op != ZINC_OP_DMMV && r->impl->op != ZINC_OP_MMQ) ||
	    !ZINC_HAS(r->d->b, act_layout))
		return KIT_RAN;
	rc = r->d->b->act_layout(r->d->dev, r->impl->op, op, r->variant, &a);
	if (rc)
		return fail(r, "act_layout() gives %d for a product that supports() accepts", rc);
	if (!a.layout)
		return KIT_RAN;
	pre->impl = kit_impl(r->d, ZINC_OP_QUANT_ACT);
	if (!pre->impl)
		return fail(r, "act_layout() asks for layout %u, but there is no quant_act",
		            a.layout);
	memset(pre->desc, 0, sizeof(pre->desc));
	*q = (struct zinc_op_quant_act){.struct_size = sizeof(*q), .x = op->x, .n = op->n,
	                                .row_bytes = a.row_bytes};
	q->y = quantised(r->c, &op->x, &a);
	op->x = q->y;
	pre->variant = 0;
	while (pre->variant < pre->impl->n_variants &&
	       pre->impl->supports(r->d->dev, pre->desc, pre->variant))
		pre->variant++;
	if (pre->variant == pre->impl->n_variants)
		return fail(r, "quant_act declines what act_layout() asks for");
	return KIT_RAN;
}

struct recording {
	struct zinc_cmd *cmd;
	struct zinc_buf *scratch;
	uint64_t scratch_bytes;
	uint32_t n_ops;
	_Alignas(16) uint8_t desc[KIT_DESC_MAX]; /* bound */
	_Alignas(16) uint8_t first[KIT_DESC_MAX];
};

enum { SCRATCH_TAIL = 256 };

static bool create_scratch(struct kit_run *r, struct recording *rec)
{
	uint8_t *bytes = must_calloc(rec->scratch_bytes + SCRATCH_TAIL, 1);
	int rc;

	memset(bytes, 0xff, rec->scratch_bytes + SCRATCH_TAIL);
	rc = r->d->b->buf_alloc(r->d->dev, rec->scratch_bytes + SCRATCH_TAIL, ZINC_MEM_DEVICE,
	                        &rec->scratch, NULL);
	if (!rc)
		rc = r->d->b->buf_write(rec->scratch, 0, bytes, rec->scratch_bytes + SCRATCH_TAIL);
	free(bytes);
	if (rc)
		fail(r, "scratch memory of %llu bytes: %d", (unsigned long long)rec->scratch_bytes,
		     rc);
	return rc == ZINC_OK;
}

static bool check_scratch(struct kit_run *r, const struct recording *rec)
{
	uint8_t tail[SCRATCH_TAIL];

	if (!rec->scratch)
		return true;
	r->d->b->buf_read(rec->scratch, rec->scratch_bytes, tail, sizeof(tail));
	for (int i = 0; i < SCRATCH_TAIL; i++)
		if (tail[i] != 0xff) {
			fail(r, "wrote behind the %llu bytes that scratch() answered",
			     (unsigned long long)rec->scratch_bytes);
			return false;
		}
	return true;
}

static uint64_t scratch_of(const struct kit_run *r, const struct zinc_op_impl *impl,
                           const void *desc, uint32_t variant)
{
	return impl->scratch ? impl->scratch(r->d->dev, desc, variant) : 0;
}

static void destroy_recording(struct kit_run *r, struct recording *rec)
{
	r->d->b->cmd_free(rec->cmd);
	r->d->b->buf_free(rec->scratch);
	rec->cmd = NULL;
	rec->scratch = NULL;
}

static bool record(struct kit_run *r, struct recording *rec, const struct prelude *pre,
                   uint32_t flags)
{
	struct zinc_err err = {0};
	uint64_t more;
	int rc;

	rec->scratch_bytes = scratch_of(r, r->impl, rec->desc, r->variant);
	more = pre->impl ? scratch_of(r, pre->impl, rec->first, pre->variant) : 0;
	if (more > rec->scratch_bytes)
		rec->scratch_bytes = more;
	if (rec->scratch_bytes && !create_scratch(r, rec))
		return false;
	rc = r->d->b->cmd_begin(r->d->dev, flags, rec->scratch, &rec->cmd, &err);
	if (rc) {
		fail(r, "cmd_begin() gives %d: %s", rc, err.msg);
		return false;
	}
	if (pre->impl)
		pre->impl->record(rec->cmd, rec->first, pre->variant);
	rc = r->impl->record(rec->cmd, rec->desc, r->variant);
	/* The descriptor is copied: what becomes of ours must not matter. */
	memset(rec->desc, 0x5a, sizeof(rec->desc));
	rec->n_ops = pre->impl ? 2 : 1;
	if (!rc)
		rc = r->d->b->cmd_end(rec->cmd, &err);
	if (rc)
		fail(r, "recording what supports() accepts gives %d: %s", rc, err.msg);
	return rc == ZINC_OK;
}

/* Nothing that work in progress uses may be freed, so only the group's deadline ends the
 * wait, and the process with it. */
static bool submit(struct kit_run *r, const struct recording *rec)
{
	struct zinc_point done = {r->d->tl, ++r->d->tick};
	uint32_t params[ZINC_SLOT_COUNT];
	struct zinc_submit s = {.struct_size = sizeof(s), .cmds = &rec->cmd, .n_cmds = 1,
	                        .signal = &done, .n_signal = 1, .params = params};
	struct zinc_err err = {0};
	int rc;

	memcpy(params, r->c->params, sizeof(params));
	rc = r->d->b->submit(r->d->dev, &s, &err);
	/* "copied before return" */
	memset(params, 0x7f, sizeof(params));
	if (rc)
		fail(r, "submit() gives %d: %s", rc, err.msg);
	else if ((rc = r->d->b->tl_wait(r->d->tl, r->d->tick, UINT64_MAX)) != 0)
		fail(r, "tl_wait() gives %d", rc);
	return rc == ZINC_OK;
}

/* Copies the live rows of every result to their places. */
static void collect(struct kit_run *r, struct kit_results *out)
{
	for (uint32_t i = 0; i < r->c->n_outs; i++) {
		const struct kit_out *o = &r->c->outs[i];
		const struct kit_region *region = (const struct kit_region *)(void *)o->view.buf;
		const uint8_t *from = r->d->arenas[region->place].got + region->at + o->view.off;
		struct zinc_view v = o->view;
		uint32_t live = v.ne[o->row_dim];
		uint64_t part;

		v.ne[o->row_dim] = 1;
		part = num_row_bytes(v.dtype, v.ne[0]);
		for (uint32_t n = 0; n < live; n++) {
			uint32_t row = o->rows ? o->rows[n] : o->first + n;
			uint8_t *to = out->rows[i] + row * out->row_bytes[i];

			out->seen[i][row] = 1;
			for (uint64_t k = 0; k < (uint64_t)v.ne[1] * v.ne[2] * v.ne[3]; k++)
				memcpy(to + k * part, from + n * v.nb[o->row_dim] +
				       k % v.ne[1] * v.nb[1] + k / v.ne[1] % v.ne[2] * v.nb[2] +
				       k / v.ne[1] / v.ne[2] * v.nb[3], part);
		}
	}
}

static void create_results(const struct kit_case *c, struct kit_results *out)
{
	for (uint32_t i = 0; i < KIT_OUTS && c->wants[i].want; i++) {
		out->row_bytes[i] = num_row_bytes(c->wants[i].dtype, c->wants[i].row_elems);
		out->bytes[i] = out->row_bytes[i] * c->wants[i].n_rows;
		out->rows[i] = must_calloc(out->bytes[i], 1);
		out->seen[i] = must_calloc(c->wants[i].n_rows, 1);
	}
}

void kit_results_free(struct kit_results *r)
{
	for (int i = 0; i < KIT_OUTS; i++) {
		free(r->rows[i]);
		free(r->seen[i]);
	}
	memset(r, 0, sizeof(*r));
}

/* All submits of the case, from fresh memory on. */
static bool run_steps(struct kit_run *r, const struct recording *rec, struct kit_results *out)
{
	create_results(r->c, out);
	for (uint32_t i = 0;; i++) {
		if (r->c->recipe->step && !r->c->recipe->step(r->c, r->c->shape, i))
			break;
		if (!kit_refresh(r->d, r->c, r->msg) || !submit(r, rec) ||
		    !kit_fetch(r->d, r->c, r->msg))
			return false;
		collect(r, out);
		if (!r->c->recipe->step)
			break;
	}
	return check_scratch(r, rec);
}

static bool check_times(struct kit_run *r, const struct recording *rec)
{
	uint64_t ns[4] = {0};
	uint32_t n = 4;
	int rc = r->d->b->cmd_times(rec->cmd, ns, &n);

	if (rc || n != rec->n_ops)
		fail(r, "cmd_times() gives %d and %u ops, not 0 and %u", rc, n, rec->n_ops);
	return rc == 0 && n == rec->n_ops;
}

/* Once more with fresh memory; strict classes repeat their bits. */
static bool run_again(struct kit_run *r, const struct recording *rec,
                      const struct kit_results *first, const char *what)
{
	struct kit_results again = {0};
	bool ok = kit_upload(r->d, r->c, r->msg) && run_steps(r, rec, &again);

	if (ok && !kit_is_strict(r->impl->variants[r->variant].numerics))
		ok = kit_check_values(r, &again);
	else if (ok)
		ok = kit_check_bits(r, first, &again, what);
	kit_results_free(&again);
	return ok;
}

static bool run_profiled(struct kit_run *r, const struct prelude *pre, const uint8_t *desc,
                         const struct kit_results *first)
{
	struct recording rec = {0};
	bool ok;

	memcpy(rec.desc, desc, sizeof(rec.desc));
	memcpy(rec.first, pre->desc, sizeof(rec.first));
	ok = record(r, &rec, pre, ZINC_CMD_PROFILE) &&
	     run_again(r, &rec, first, "recorded with ZINC_CMD_PROFILE") && check_times(r, &rec);
	destroy_recording(r, &rec);
	return ok;
}

static bool run_all(struct kit_run *r, struct prelude *pre, uint8_t *desc,
                    struct kit_results *out)
{
	struct recording rec = {0};
	bool ok = kit_upload(r->d, r->c, r->msg);

	if (!ok)
		return false;
	bind(r, optab_get(r->c->recipe->op), desc);
	bind(r, optab_get(ZINC_OP_QUANT_ACT), pre->desc);
	memcpy(rec.desc, desc, sizeof(rec.desc));
	memcpy(rec.first, pre->desc, sizeof(rec.first));
	ok = record(r, &rec, pre, 0) && run_steps(r, &rec, out) &&
	     run_again(r, &rec, out, "the same recording, submitted again");
	if (ok && ZINC_HAS(r->d->b, cmd_times))
		ok = run_profiled(r, pre, desc, out);
	destroy_recording(r, &rec);
	return ok;
}

enum kit_answer kit_run(struct kit_run *r, struct kit_results *out)
{
	const struct zinc_variant *v = &r->impl->variants[r->variant];
	_Alignas(16) uint8_t desc[KIT_DESC_MAX];
	uint32_t n_regions = r->c->n_regions;
	struct prelude *pre = must_calloc(1, sizeof(*pre));
	enum kit_answer answer = KIT_NOT_FOR_IT;

	if (!v->max_cols || v->max_cols >= r->c->cols) {
		memcpy(desc, r->c->desc, sizeof(desc));
		answer = supports(r, desc);
		if (answer == KIT_RAN)
			answer = prepare_input(r, pre, desc);
		if (answer == KIT_RAN && !run_all(r, pre, desc, out))
			answer = KIT_FAILED;
	}
	/* The quantised input was for this variant only. */
	r->c->n_regions = n_regions;
	free(pre);
	return answer;
}
