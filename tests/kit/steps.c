/* steps.c - see steps.h. */
#include "steps.h"

static const int32_t slots[STEPS_SEQS] = {2, 0, 4};

void steps_init(struct kit_case *c, struct steps *s, const uint32_t *n, const uint32_t *chunks)
{
	memcpy(s->n, n, sizeof(s->n));
	s->total = n[0] + n[1] + n[2];
	s->chunk = s->total;
	while (chunks[c->n_variations] && chunks[c->n_variations] < s->total)
		c->n_variations++;
	if (c->variation)
		s->chunk = chunks[c->variation - 1];
	s->rows = kit_alloc(c, s->total, sizeof(*s->rows));
	s->seq_first = kit_tensor(c, KIT_TABLES, ZINC_I32, STEPS_SEQS + 1, 1, 1, 1);
	s->state_slot = kit_tensor(c, KIT_TABLES, ZINC_I32, STEPS_SEQS, 1, 1, 1);
	c->cols = steps_max_tokens(s);
}

uint32_t steps_max_tokens(const struct steps *s)
{
	uint32_t n = 0;

	for (int q = 0; q < STEPS_SEQS; q++)
		n += s->n[q] < s->chunk ? s->n[q] : s->chunk;
	return n;
}

uint32_t steps_take(struct kit_case *c, struct steps *s, uint32_t step)
{
	int32_t first[STEPS_SEQS + 1] = {0}, slot[STEPS_SEQS];
	uint32_t from = step * s->chunk, live = 0, n_seqs = 0, start = 0;
	struct zinc_view part;

	for (int q = 0; q < STEPS_SEQS; start += s->n[q++]) {
		if (from >= s->n[q])
			continue;
		for (uint32_t i = from; i < s->n[q] && i < from + s->chunk; i++)
			s->rows[live++] = start + i;
		slot[n_seqs++] = slots[q];
		first[n_seqs] = (int32_t)live;
	}
	kit_poison(&s->seq_first);
	kit_poison(&s->state_slot);
	part = kit_first_rows(s->seq_first, 0, n_seqs + 1);
	kit_put(&part, first);
	part = kit_first_rows(s->state_slot, 0, n_seqs);
	kit_put(&part, slot);
	c->params[ZINC_SLOT_N_TOKENS] = live;
	c->params[ZINC_SLOT_N_SEQS] = n_seqs;
	return live;
}

struct zinc_view steps_state(struct kit_case *c, const struct steps *s, uint32_t elems)
{
	struct zinc_view v = kit_tensor(c, KIT_DATA, ZINC_F32, elems, STEPS_SLOTS, 1, 1);
	float *zeros = kit_alloc(c, elems, sizeof(*zeros));

	for (int q = 0; q < STEPS_SEQS; q++) {
		struct zinc_view one = zinc_view_rows(v, (uint32_t)slots[q], 1);

		if (!s->n[q])
			continue;
		kit_put(&one, zeros);
		kit_may(c, &one);
	}
	return v;
}

void steps_put(const struct steps *s, const struct zinc_view *v, uint32_t row_dim, uint32_t n,
               const float *all)
{
	struct zinc_view row = *v;
	size_t elems = zinc_view_elems(v) / v->ne[row_dim];

	kit_poison(v);
	row.ne[row_dim] = 1;
	for (uint32_t i = 0; i < n; i++, row.off += v->nb[row_dim])
		kit_put(&row, all + s->rows[i] * elems);
}
