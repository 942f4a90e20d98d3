/* engine_pack.c - an engine that runs on the mapped file until its weights are packed.
 *
 * A background thread packs; between two steps the engine goes over to what is packed by
 * then, and the file's pages of it are dropped. So a model is in memory once, but for
 * what a step in between has read again. Recordings name the weights' addresses and
 * layouts, so they are made anew.
 *
 * Prompts lose little, so packing has what they leave of the CPUs. One token at a time is
 * several times slower: there packing gets most of the time. */
#include "run/engine_priv.h"
#include "util/clock.h"
#include "util/log.h"

/* Bytes for which recordings are made anew: a sixteenth of all, at most so many. */
enum { SHOW_PARTS = 16, SHOW_BYTES = 64 << 20 };

/* Of decoding, before each step: so many times what the last one took. */
enum { PAUSE = 3 };

/* Where a variant may order sums its own way, the answer would depend on when packing
 * ends. In validation every step is compared with the per-token path, and nothing should
 * change in between. */
void engine_pack_plan(struct engine *e)
{
	struct zinc_err err;
	bool ok;

	if (e->cfg.pack != RUN_PACK_BACKGROUND)
		return;
	ok = e->info.dev_class == ZINC_DEV_CPU && e->cfg.batched != RUN_BATCHED_VALIDATE &&
	     weights_all_from_map(&e->weights, e->model);
	if (ok) {
		weights_show(&e->weights, e->model, 0);
		ok = !recording_size(e, &err) && !recording_uses(e, RUN_FREE_CLASSES);
		weights_show(&e->weights, e->model, e->weights.n);
	}
	if (!ok)
		e->cfg.pack = RUN_PACK_WAIT;
}

/* Results of the last step lie where a graph says that is no more. */
static void show(struct engine *e, uint32_t n)
{
	weights_show(&e->weights, e->model, n);
	weights_forget(&e->weights, e->model, n);
	recording_forget(e);
	e->n_steps++;
}

/* As many threads as CPUs; one where the device does the work. */
static uint32_t n_threads(const struct engine *e)
{
	if (e->info.dev_class != ZINC_DEV_CPU)
		return 1;
	return e->cfg.pack_threads ? e->cfg.pack_threads : pack_cpus();
}

static int complete(struct engine *e, struct zinc_err *err)
{
	int rc = pack_complete(&e->pack, e->cfg.progress, e->cfg.progress_ctx, err);

	weights_forget(&e->weights, e->model, e->weights.n);
	return rc;
}

int engine_pack_start(struct engine *e, struct zinc_err *err)
{
	bool background = e->cfg.pack == RUN_PACK_BACKGROUND && !recording_uses(e, RUN_FREE_CLASSES);

	pack_init(&e->pack, &e->weights, e->model, &e->mem);
	if (background) {
		show(e, 0);
		e->packing = !pack_begin(&e->pack, n_threads(e), true);
		if (e->packing)
			return ZINC_OK;
		recording_forget(e);
	}
	weights_show(&e->weights, e->model, e->weights.n);
	if (!e->pack.bytes)
		return ZINC_OK;
	pack_begin(&e->pack, n_threads(e) - 1, false);
	return complete(e, err);
}

void engine_pack_step(struct engine *e)
{
	uint32_t shown = e->weights.n_shown, n;
	uint64_t bytes;
	bool over;

	if (!e->packing)
		return;
	pack_pause(&e->pack, e->pack_pause);
	over = pack_over(&e->pack);
	n = pack_done(&e->pack);
	bytes = weights_pack_bytes(&e->weights, e->model, shown, n);
	if (over && n == e->weights.n) {
		show(e, n);
	} else if (!e->pack_whole && bytes &&
	           (over || bytes >= SHOW_BYTES || bytes >= e->pack.bytes / SHOW_PARTS)) {
		show(e, n);
	}
	e->packing = !over;
}

void engine_pack_stepped(struct engine *e, double seconds)
{
	e->pack_pause = e->batch.n_out == e->batch.n_tokens ? PAUSE * seconds : 0;
}

bool engine_pack_retreat(struct engine *e)
{
	if (!e->weights.n_shown || e->weights.n_shown == e->weights.n)
		return false;
	e->pack_whole = true;
	show(e, 0);
	return true;
}

void engine_pack_wait(struct engine *e)
{
	struct zinc_err err;
	bool told;

	if (!e->packing)
		return;
	told = pack_over(&e->pack);
	if (complete(e, &err) && !told)
		log_once(ZINC_LOG_WARN, "%s: packing failed, the rest of the weights stay as the "
		                        "file has them, which is slower", err.msg);
	engine_pack_step(e);
}
