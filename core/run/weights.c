/* weights.c - a model's weights and constants on a device. */
#include "run/weights.h"

#include <stdlib.h>
#include <string.h>

#include "model/dtype.h"
#include "model/gguf.h"
#include "model/model.h"
#include "util/err.h"

/* Copied weights are gathered in blocks of about this size, so that no device
 * limit on one allocation is in the way. */
enum { BLOCK_BYTES = 512 << 20, MAPPED = -1, ABSENT = -2 };

static int make_lists(struct weights *w, const struct model *m)
{
	w->n = m->n_weights;
	w->n_consts = m->n_consts;
	w->n_maps = gguf_n_maps(m->gguf);
	w->views = calloc(w->n + 1, sizeof(*w->views));
	w->place = calloc(w->n + 1, sizeof(*w->place));
	w->consts = calloc(w->n_consts + 1, sizeof(*w->consts));
	w->const_mem = calloc(w->n_consts + 1, sizeof(*w->const_mem));
	w->const_off = calloc(w->n_consts + 1, sizeof(*w->const_off));
	w->maps = calloc(w->n_maps + 1, sizeof(*w->maps));
	w->blocks = calloc(w->n + 1, sizeof(*w->blocks));
	w->block_bytes = calloc(w->n + 1, sizeof(*w->block_bytes));
	w->block_kind = calloc(w->n + 1, sizeof(*w->block_kind));
	return w->views && w->place && w->consts && w->const_mem && w->const_off && w->maps &&
	       w->blocks && w->block_bytes && w->block_kind;
}

static int import_maps(struct weights *w, const struct model *m, const struct memory *mem,
                       struct zinc_err *err)
{
	if (!mem->backend->buf_import)
		return ZINC_OK;
	for (uint32_t i = 0; i < w->n_maps; i++) {
		const struct gguf_map *map = gguf_map_at(m->gguf, i);
		int rc = mem->backend->buf_import(mem->dev, map->base, map->bytes, &w->maps[i], err);

		if (rc && rc != ZINC_E_UNSUPPORTED)
			return err_prefix(err, "%s", map->path);
		if (rc)
			w->maps[i] = NULL;
	}
	return ZINC_OK;
}

struct zinc_weight_use weights_use(const struct zinc_weight_decl *d, const struct zinc_view *v)
{
	struct zinc_weight_use use = {.struct_size = sizeof(use), .roles = d->roles, .view = *v};

	use.view.buf = NULL;
	use.view.off = 0;
	return use;
}

static void set_layout(struct zinc_view *v, uint32_t layout, uint64_t row_bytes)
{
	v->layout = layout;
	v->nb[1] = row_bytes;
	for (int k = 2; k < ZINC_MAX_DIMS; k++)
		v->nb[k] = v->nb[k - 1] * v->ne[k - 1];
}

/* Room in the last block of this kind, or in a new one. */
static void put_in_block(struct weights *w, struct weight_place *p, uint32_t kind)
{
	int32_t b = -1;

	for (int32_t i = (int32_t)w->n_blocks - 1; i >= 0 && b < 0; i--)
		if (w->block_kind[i] == kind)
			b = i;
	if (b < 0 || w->block_bytes[b] + p->bytes > BLOCK_BYTES) {
		b = (int32_t)w->n_blocks++;
		w->block_kind[b] = kind;
	}
	p->block = b;
	p->off = w->block_bytes[b];
	w->block_bytes[b] += memory_align(p->bytes);
}

static int plan_one(struct weights *w, uint32_t i, const struct model *m, const struct memory *mem,
                    bool no_pack)
{
	const struct gguf_tensor *t = m->tensors[i];
	struct weight_place *p = &w->place[i];
	struct zinc_weight_layout lay = {.struct_size = sizeof(lay)};
	struct zinc_weight_use use;

	p->block = ABSENT;
	p->mem.temp = -1;
	if (!t)
		return ZINC_OK;
	w->views[i] = dtype_view(t->dtype, t->ne[0], t->ne[1], t->ne[2], t->ne[3]);
	use = weights_use(&m->weights[i], &w->views[i]);
	w->views[i].buf = (struct zinc_buf *)(void *)&p->mem;
	p->mem.name = t->name;
	p->bytes = t->bytes;
	if (!no_pack && mem->backend->weight_layout && mem->backend->weight_pack) {
		int rc = mem->backend->weight_layout(mem->dev, &use, &lay);

		if (rc)
			return rc;
	}
	if (lay.layout) {
		p->layout = lay.layout;
		p->bytes = lay.bytes;
		p->row_bytes = lay.row_bytes;
		set_layout(&w->views[i], lay.layout, lay.row_bytes);
		put_in_block(w, p, LEDGER_WEIGHTS_PACKED);
	} else if (w->maps[t->shard]) {
		p->block = MAPPED;
		ledger_plan(mem->ledger, LEDGER_WEIGHTS_MAPPED, t->bytes);
	} else {
		put_in_block(w, p, LEDGER_WEIGHTS);
	}
	return ZINC_OK;
}

static void plan_consts(struct weights *w, const struct model *m)
{
	for (uint32_t i = 0; i < w->n_consts; i++) {
		const struct zinc_const_decl *d = &m->consts[i];

		w->consts[i] = dtype_view(d->dtype, d->n, 1, 1, 1);
		w->consts[i].buf = (struct zinc_buf *)(void *)&w->const_mem[i];
		w->const_mem[i].temp = -1;
		w->const_mem[i].name = d->name;
		w->const_off[i] = w->const_bytes;
		w->const_bytes += memory_align(w->consts[i].nb[1]);
	}
}

int weights_plan(struct weights *w, const struct model *m, const struct memory *mem, bool no_pack,
                 struct zinc_err *err)
{
	int rc;

	memset(w, 0, sizeof(*w));
	if (!make_lists(w, m))
		return err_set(err, ZINC_E_NO_MEMORY, "out of memory for the list of weights");
	rc = import_maps(w, m, mem, err);
	if (rc)
		return rc;
	for (uint32_t i = 0; i < w->n; i++) {
		rc = plan_one(w, i, m, mem, no_pack);
		if (rc)
			return err_set(err, rc, "%s: the backend has no layout for it",
			               m->weights[i].name);
	}
	w->n_shown = w->n;
	plan_consts(w, m);
	for (uint32_t b = 0; b < w->n_blocks; b++)
		ledger_plan(mem->ledger, w->block_kind[b], w->block_bytes[b]);
	ledger_plan(mem->ledger, LEDGER_CONSTS, w->const_bytes);
	return ZINC_OK;
}

static int pack_whole(const struct weights *w, uint32_t i, const struct model *m,
                      const struct memory *mem, struct zinc_err *err)
{
	const struct gguf_tensor *t = m->tensors[i];
	const struct weight_place *p = &w->place[i];
	struct zinc_view view = dtype_view(t->dtype, t->ne[0], t->ne[1], t->ne[2], t->ne[3]);
	struct zinc_weight_use use = weights_use(&m->weights[i], &view);
	int rc = mem->backend->weight_pack(mem->dev, &use, p->layout, t->data, p->mem.buf, p->off,
	                                   err);

	gguf_forget(t->data, t->bytes);
	return rc ? err_prefix(err, "%s", t->name) : ZINC_OK;
}

static int load_one(struct weights *w, uint32_t i, const struct model *m, const struct memory *mem,
                    struct zinc_err *err)
{
	const struct gguf_tensor *t = m->tensors[i];
	struct weight_place *p = &w->place[i];
	int rc;

	if (p->block == ABSENT || weights_from_map(w, m, i))
		return ZINC_OK;
	if (p->block == MAPPED) {
		p->mem.buf = w->maps[t->shard];
		p->mem.off = t->file_off;
		return ZINC_OK;
	}
	p->mem.buf = w->blocks[p->block].buf;
	p->mem.off = p->off;
	if (p->layout)
		return pack_whole(w, i, m, mem, err);
	rc = mem->backend->buf_write(p->mem.buf, p->off, t->data, t->bytes);
	gguf_forget(t->data, t->bytes);
	return rc ? err_set(err, rc, "%s: copying it to the device failed", t->name) : ZINC_OK;
}

static int load_consts(struct weights *w, const struct model *m, const struct memory *mem,
                       struct zinc_err *err)
{
	int rc = memory_alloc(mem, LEDGER_CONSTS, ZINC_MEM_DEVICE, w->const_bytes, &w->const_block,
	                      err);

	for (uint32_t i = 0; i < w->n_consts && !rc; i++) {
		w->const_mem[i].buf = w->const_block.buf;
		w->const_mem[i].off = w->const_off[i];
		rc = mem->backend->buf_write(w->const_block.buf, w->const_off[i], m->consts[i].data,
		                             w->consts[i].nb[1]);
		if (rc)
			err_set(err, rc, "%s: copying it to the device failed", m->consts[i].name);
	}
	return rc;
}

int weights_alloc(struct weights *w, const struct memory *mem, struct zinc_err *err)
{
	int rc = ZINC_OK;

	for (uint32_t b = 0; b < w->n_blocks && !rc; b++)
		rc = memory_alloc(mem, w->block_kind[b], ZINC_MEM_DEVICE, w->block_bytes[b],
		                  &w->blocks[b], err);
	for (uint32_t b = 0; b < w->n_blocks && rc; b++)
		memory_free(mem, &w->blocks[b]);
	return rc;
}

int weights_load(struct weights *w, const struct model *m, const struct memory *mem,
                 void (*progress)(void *ctx, const char *what, double part), void *ctx,
                 struct zinc_err *err)
{
	int rc = load_consts(w, m, mem, err);

	for (uint32_t i = 0; i < w->n && !rc; i++) {
		rc = load_one(w, i, m, mem, err);
		if (progress && w->place[i].block >= 0)
			progress(ctx, "loading weights", (double)(i + 1) / w->n);
	}
	for (uint32_t i = 0; i < w->n && !rc; i++)
		if (w->place[i].block == MAPPED)
			ledger_take(mem->ledger, LEDGER_WEIGHTS_MAPPED, w->place[i].bytes, NULL);
	return rc;
}

bool weights_from_map(const struct weights *w, const struct model *m, uint32_t i)
{
	return w->place[i].layout && w->maps[m->tensors[i]->shard];
}

bool weights_all_from_map(const struct weights *w, const struct model *m)
{
	bool any = false;

	for (uint32_t i = 0; i < w->n; i++) {
		if (w->place[i].layout && !weights_from_map(w, m, i))
			return false;
		any |= w->place[i].layout != 0;
	}
	return any;
}

uint64_t weights_pack_bytes(const struct weights *w, const struct model *m, uint32_t first,
                            uint32_t end)
{
	uint64_t sum = 0;

	for (uint32_t i = first; i < end; i++)
		sum += weights_from_map(w, m, i) ? w->place[i].bytes : 0;
	return sum;
}

void weights_show(struct weights *w, const struct model *m, uint32_t n)
{
	for (uint32_t i = 0; i < w->n; i++) {
		const struct gguf_tensor *t = m->tensors[i];
		struct weight_place *p = &w->place[i];
		bool packed = i < n;

		if (!weights_from_map(w, m, i))
			continue;
		set_layout(&w->views[i], packed ? p->layout : 0,
		           packed ? p->row_bytes : dtype_row_bytes(t->dtype, t->ne[0]));
		p->mem.buf = packed ? w->blocks[p->block].buf : w->maps[t->shard];
		p->mem.off = packed ? p->off : t->file_off;
	}
	w->n_shown = n;
}

void weights_forget(const struct weights *w, const struct model *m, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		if (w->place[i].block >= 0)
			gguf_forget(m->tensors[i]->data, m->tensors[i]->bytes);
}

void weights_finish(struct weights *w, const struct memory *mem)
{
	for (uint32_t b = 0; b < w->n_blocks && w->blocks; b++)
		memory_free(mem, &w->blocks[b]);
	memory_free(mem, &w->const_block);
	for (uint32_t i = 0; i < w->n_maps && w->maps; i++)
		mem->backend->buf_free(w->maps[i]);
	free(w->views);
	free(w->consts);
	free(w->place);
	free(w->const_mem);
	free(w->const_off);
	free(w->maps);
	free(w->blocks);
	free(w->block_bytes);
	free(w->block_kind);
	memset(w, 0, sizeof(*w));
}
