/* validate.c - ZINC_BATCHED_PREFILL=validate: every prompt is also read one
 * token at a time by a shadow sequence, and the two must agree.
 *
 * Bounds: where all variants in use are of strict classes the bits must be
 * equal. With free classes among them, sums may be ordered differently, and the
 * largest difference must stay within 1e-3 of the largest logit. Where weights and
 * inputs are rounded to 16 bits, each by up to 2^-10 of itself, a product may be off
 * by 2^-9; about seven products a layer err independently, so that their number
 * counts with its root. (8-bit inputs are then off: see recording_plan().) */
#include <math.h>
#include <string.h>

#include "run/engine_priv.h"
#include "util/err.h"
#include "util/log.h"

static const float BOUND_FREE = 1e-3f, BOUND_16BIT = 0x1p-9f, PRODUCTS = 7;

struct difference {
	float max_abs, scale;
	double kl;
	bool top1;
};

static uint32_t argmax(const float *x, uint32_t n)
{
	uint32_t best = 0;

	for (uint32_t i = 1; i < n; i++)
		if (x[i] > x[best])
			best = i;
	return best;
}

static double log_sum_exp(const float *x, uint32_t n)
{
	float top = x[argmax(x, n)];
	double sum = 0;

	for (uint32_t i = 0; i < n; i++)
		sum += exp((double)x[i] - top);
	return top + log(sum);
}

/* NaN on either side counts as an infinite difference. */
static float distance(const float *a, const float *b, uint32_t n, float *scale)
{
	float worst = 0;

	*scale = 0;
	for (uint32_t i = 0; i < n; i++) {
		float d = fabsf(a[i] - b[i]);

		worst = d <= worst ? worst : isnan(d) ? INFINITY : d;
		if (fabsf(b[i]) > *scale)
			*scale = fabsf(b[i]);
	}
	return worst;
}

static struct difference compare(const float *a, const float *b, uint32_t n)
{
	struct difference d = {.kl = 0};
	double za = log_sum_exp(a, n), zb = log_sum_exp(b, n);

	d.max_abs = distance(a, b, n, &d.scale);
	d.top1 = argmax(a, n) == argmax(b, n);
	for (uint32_t i = 0; i < n; i++) {
		double pb = (double)b[i] - zb, pa = (double)a[i] - za;

		d.kl += exp(pb) * (pb - pa);
	}
	return d;
}

/* Names the first part whose output differs by more than the bound. */
static void first_place(const struct engine *e, const struct seq *s, float bound, char *name,
                        size_t room)
{
	uint32_t n_embd = e->model->info.n_embd;

	for (uint32_t l = 0; l <= e->model->info.n_layer; l++) {
		size_t off = (size_t)l * n_embd;
		float scale;
		float d = distance(s->hidden + off, s->shadow->hidden + off, n_embd, &scale);

		if (d <= bound * scale)
			continue;
		if (l)
			snprintf(name, room, "layer %u", l - 1);
		else
			snprintf(name, room, "the embedding");
		return;
	}
	snprintf(name, room, "the head");
}

static float relative_bound(const struct engine *e)
{
	if (recording_uses(e, 1u << ZINC_NUM_FREE16))
		return BOUND_16BIT * sqrtf(PRODUCTS * (float)e->model->info.n_layer);
	return recording_uses(e, RUN_FREE_CLASSES) ? BOUND_FREE : 0;
}

static int judge(const struct engine *e, const struct seq *s, struct zinc_err *err)
{
	float relative = relative_bound(e);
	struct difference d = compare(s->logits, s->shadow->logits, e->model->info.n_vocab);
	float bound = relative * d.scale;
	char place[32];

	log_msg(ZINC_LOG_INFO,
	        "validate: position %u: max_abs_diff %g (bound %g), top-1 %s, KL %.3g", s->pos,
	        (double)d.max_abs, (double)bound, d.top1 ? "equal" : "DIFFERS", d.kl);
	if (d.max_abs <= bound)
		return ZINC_OK;
	first_place(e, s, relative, place, sizeof(place));
	return err_set(err, ZINC_E_INTERNAL,
	               "validate: batched and per-token prefill differ at position %u: max_abs_diff "
	               "%g, bound %g, top-1 %s, KL %.3g; first in %s", s->pos, (double)d.max_abs,
	               (double)bound, d.top1 ? "equal" : "differs", d.kl, place);
}

/* Feeds the tokens that the sequence just processed to its shadow, singly. */
static int follow(struct engine *e, struct seq *s, uint32_t n, struct zinc_err *err)
{
	const int32_t *ids = s->waiting + s->head - n;
	int rc = engine_seq_push(e, s->shadow, ids, n, err);

	while (!rc && s->shadow->n_waiting) {
		e->items[0] = (struct step_item){.seq = s->shadow, .n = 1, .n_out = 1};
		e->n_items = 1;
		rc = step_run(e, err);
	}
	return rc;
}

int validate_step(struct engine *e, struct zinc_err *err)
{
	/* items[0] is needed for the shadows' own steps. */
	struct step_item *done = e->items + e->n_slots;
	uint32_t n = e->n_items;

	memcpy(done, e->items, n * sizeof(*done));
	for (uint32_t i = 0; i < n; i++) {
		struct seq *s = done[i].seq;
		int rc = follow(e, s, done[i].n, err);

		if (!rc && s->has_logits)
			rc = judge(e, s, err);
		if (rc)
			return rc;
	}
	return ZINC_OK;
}
