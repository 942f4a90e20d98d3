/* kv.c - the paged KV cache and the recurrent state slots. */
#include "run/kv.h"

#include <stdlib.h>
#include <string.h>

#include "model/dtype.h"
#include "model/model.h"
#include "util/err.h"

static uint32_t div_up(uint32_t a, uint32_t b)
{
	return a / b + (a % b != 0);
}

/* The pages one sequence can hold at once: all of its context, or what a window
 * and one chunk can touch (either end may lie inside a page). */
static uint32_t pages_per_seq(const struct kv_config *c, uint32_t window)
{
	uint32_t all = div_up(c->n_ctx, ZINC_KV_PAGE);
	uint64_t span = (uint64_t)window + c->chunk;
	uint64_t some = span / ZINC_KV_PAGE + 2;

	return window && some < all ? (uint32_t)some : all;
}

static int find_group(struct kv *kv, uint32_t window, uint32_t *out)
{
	for (*out = 0; *out < kv->n_groups; (*out)++)
		if (kv->groups[*out].window == window)
			return ZINC_OK;
	if (kv->n_groups == KV_MAX_GROUPS)
		return ZINC_E_UNSUPPORTED;
	kv->groups[kv->n_groups++].window = window;
	return ZINC_OK;
}

static int init_group(struct kv_group *g, const struct kv_config *c)
{
	g->n_pages = c->max_seqs * pages_per_seq(c, g->window);
	g->max_blocks = div_up(c->n_ctx, ZINC_KV_PAGE);
	g->free_pages = calloc(g->n_pages, sizeof(*g->free_pages));
	g->table = malloc((size_t)c->max_seqs * g->max_blocks * sizeof(*g->table));
	g->first_block = calloc(c->max_seqs, sizeof(*g->first_block));
	g->end_block = calloc(c->max_seqs, sizeof(*g->end_block));
	if (!g->free_pages || !g->table || !g->first_block || !g->end_block)
		return ZINC_E_NO_MEMORY;
	for (size_t i = 0; i < (size_t)c->max_seqs * g->max_blocks; i++)
		g->table[i] = -1;
	while (g->n_free < g->n_pages) {
		g->free_pages[g->n_free] = g->n_pages - 1 - g->n_free;
		g->n_free++;
	}
	return ZINC_OK;
}

static struct zinc_view pool_view(const struct kv *kv, const struct zinc_state_decl *d,
                                  uint32_t head_dim, uint32_t n_pages)
{
	return dtype_view(kv->cfg.kv_type, head_dim, ZINC_KV_PAGE, d->n_head_kv, n_pages);
}

static int plan_kv_state(struct kv *kv, struct kv_state *s, const struct zinc_state_decl *d,
                         const struct memory *mem, struct zinc_err *err)
{
	const struct kv_group *g = &kv->groups[s->group];
	uint32_t dims[2] = {d->k_head_dim, d->v_head_dim};

	for (int part = 0; part < 2; part++) {
		if (!dtype_row_bytes(kv->cfg.kv_type, dims[part]))
			return err_set(err, ZINC_E_UNSUPPORTED,
			               "%s: head dim %u does not fit a %s cache; choose another "
			               "--kv-type", d->name, dims[part], dtype_name(kv->cfg.kv_type));
		s->view[part] = pool_view(kv, d, dims[part], g->n_pages);
		s->part_bytes[part] = memory_align(s->view[part].nb[3] * g->n_pages);
	}
	ledger_plan(mem->ledger, g->window ? LEDGER_KV_SLIDING : LEDGER_KV_FULL,
	            s->part_bytes[0] + s->part_bytes[1]);
	return ZINC_OK;
}

static int plan_groups(struct kv *kv, const struct model *m, struct zinc_err *err)
{
	for (uint32_t i = 0; i < kv->n_states; i++) {
		const struct zinc_state_decl *d = &m->states[i];

		kv->states[i].kind = d->kind;
		if (d->kind == ZINC_STATE_KV && find_group(kv, d->window, &kv->states[i].group))
			return err_set(err, ZINC_E_UNSUPPORTED,
			               "%s: the model has more than %d different windows", d->name,
			               KV_MAX_GROUPS);
	}
	for (uint32_t i = 0; i < kv->n_groups; i++)
		if (init_group(&kv->groups[i], &kv->cfg))
			return err_set(err, ZINC_E_NO_MEMORY, "out of memory for block tables");
	return ZINC_OK;
}

static int plan_state(struct kv *kv, uint32_t i, const struct model *m, const struct memory *mem,
                      struct zinc_err *err)
{
	const struct zinc_state_decl *d = &m->states[i];
	struct kv_state *s = &kv->states[i];
	int rc = ZINC_OK;

	if (d->kind == ZINC_STATE_KV) {
		rc = plan_kv_state(kv, s, d, mem, err);
	} else {
		s->view[0] = dtype_view(ZINC_F32, d->n_elem, kv->cfg.max_seqs, 1, 1);
		s->part_bytes[0] = memory_align(s->view[0].nb[2]);
		ledger_plan(mem->ledger, LEDGER_STATE, s->part_bytes[0]);
	}
	for (int part = 0; part < 2; part++) {
		s->mem[part].temp = -1;
		s->mem[part].name = d->name;
		if (s->part_bytes[part])
			s->view[part].buf = (struct zinc_buf *)(void *)&s->mem[part];
	}
	return rc;
}

int kv_plan(struct kv *kv, const struct kv_config *cfg, const struct model *m,
            const struct memory *mem, struct zinc_err *err)
{
	struct zinc_view(*views)[2];
	int rc;

	memset(kv, 0, sizeof(*kv));
	kv->cfg = *cfg;
	kv->n_states = m->n_states;
	kv->states = calloc(kv->n_states + 1, sizeof(*kv->states));
	views = calloc(kv->n_states + 1, sizeof(*views));
	kv->views = (const struct zinc_view(*)[2])views;
	if (!kv->states || !views)
		return err_set(err, ZINC_E_NO_MEMORY, "out of memory for the list of states");
	rc = plan_groups(kv, m, err);
	for (uint32_t i = 0; i < kv->n_states && !rc; i++) {
		rc = plan_state(kv, i, m, mem, err);
		memcpy(views[i], kv->states[i].view, sizeof(views[i]));
	}
	return rc;
}

static enum ledger_kind ledger_kind_of(const struct kv *kv, const struct kv_state *s)
{
	if (s->kind != ZINC_STATE_KV)
		return LEDGER_STATE;
	return kv->groups[s->group].window ? LEDGER_KV_SLIDING : LEDGER_KV_FULL;
}

int kv_load(struct kv *kv, const struct memory *mem, struct zinc_err *err)
{
	for (uint32_t i = 0; i < kv->n_states; i++) {
		struct kv_state *s = &kv->states[i];
		int rc = memory_alloc(mem, ledger_kind_of(kv, s), ZINC_MEM_DEVICE,
		                      s->part_bytes[0] + s->part_bytes[1], &s->block, err);

		if (rc)
			return rc;
		s->mem[0].buf = s->mem[1].buf = s->block.buf;
		s->mem[1].off = s->part_bytes[0];
	}
	return ZINC_OK;
}

void kv_finish(struct kv *kv, const struct memory *mem)
{
	for (uint32_t i = 0; i < kv->n_states && kv->states; i++)
		memory_free(mem, &kv->states[i].block);
	for (uint32_t i = 0; i < kv->n_groups; i++) {
		free(kv->groups[i].free_pages);
		free(kv->groups[i].table);
		free(kv->groups[i].first_block);
		free(kv->groups[i].end_block);
	}
	free(kv->states);
	free((void *)kv->views);
	memset(kv, 0, sizeof(*kv));
}

static int32_t *cell(struct kv_group *g, uint32_t seq, uint32_t block)
{
	return &g->table[(size_t)seq * g->max_blocks + block];
}

static void give_back(struct kv_group *g, uint32_t seq, uint32_t end)
{
	for (; g->first_block[seq] < end; g->first_block[seq]++) {
		int32_t *c = cell(g, seq, g->first_block[seq]);

		if (*c >= 0)
			g->free_pages[g->n_free++] = (uint32_t)*c;
		*c = -1;
	}
}

int kv_extend(struct kv *kv, uint32_t seq, uint32_t pos, uint32_t n, struct zinc_err *err)
{
	for (uint32_t i = 0; i < kv->n_groups; i++) {
		struct kv_group *g = &kv->groups[i];
		uint32_t end = div_up(pos + n, ZINC_KV_PAGE);

		/* The query at pos sees keys from pos - window + 1 on. */
		if (g->window && pos + 1 > g->window)
			give_back(g, seq, (pos + 1 - g->window) / ZINC_KV_PAGE);
		if (g->end_block[seq] < g->first_block[seq])
			g->end_block[seq] = g->first_block[seq];
		for (; g->end_block[seq] < end; g->end_block[seq]++) {
			if (!g->n_free || g->end_block[seq] >= g->max_blocks)
				return err_set(err, ZINC_E_INTERNAL,
				               "no KV page left at position %u: a bug in the plan", pos);
			*cell(g, seq, g->end_block[seq]) = (int32_t)g->free_pages[--g->n_free];
		}
	}
	return ZINC_OK;
}

void kv_release(struct kv *kv, uint32_t seq)
{
	for (uint32_t i = 0; i < kv->n_groups; i++) {
		struct kv_group *g = &kv->groups[i];

		give_back(g, seq, g->end_block[seq]);
		g->first_block[seq] = g->end_block[seq] = 0;
	}
}
