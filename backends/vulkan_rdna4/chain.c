/* chain.c - from barriers to numbers that workgroups wait for.
 *
 * Steps between two barriers are a level. Workgroups of a level add to the level's
 * counter, one of CHAIN_COUNTERS that levels take in turn, so that those who wait for
 * one level do not crowd those who wait for another; a counter is never set back, so
 * what a level waits for is all that was added to its counter by then. A shader that
 * was not compiled for this keeps its barriers, which start the counting anew. */
#include "chain.h"

#include <stdio.h>
#include <string.h>

#include "buffer.h"
#include "pack.h"

/* Drivers that start workgroups in the order of their dispatches, as measured. */
static bool is_wanted(const struct zinc_dev *dev)
{
	const char *wish = dev->host->option(dev->host->ctx, "chain");

	if (!dev->gpu->has_memory_model || (wish && !strcmp(wish, "off")))
		return false;
	return dev->gpu->starts_in_order || (wish && !strcmp(wish, "on"));
}

int rdna4_chain_open(struct zinc_dev *dev, struct zinc_err *err)
{
	if (!is_wanted(dev))
		return ZINC_OK;
	return rdna4_buf_alloc(dev, sizeof(uint32_t), ZINC_MEM_READBACK, &dev->alarm, err);
}

void rdna4_chain_close(struct zinc_dev *dev)
{
	rdna4_buf_free(dev->alarm);
}

int rdna4_chain_check(struct zinc_dev *dev)
{
	volatile uint32_t *alarm = dev->alarm ? (volatile uint32_t *)dev->alarm->map : NULL;

	if (!alarm || !*alarm)
		return ZINC_OK;
	*alarm = 0;
	if (!atomic_exchange(&dev->unchained, true))
		dev->host->log(dev->host->ctx, ZINC_LOG_WARN,
		               "Vulkan: this driver does not run workgroups in order, a step was "
		               "lost; --option vulkan_rdna4.chain=off avoids that");
	return ZINC_E_INTERNAL;
}

/* The step's shader as it was compiled for this; NULL: it was not. */
static struct rdna4_pipeline *chained(struct zinc_dev *dev, const struct rdna4_pipeline *p)
{
	const struct pack_entry *e;
	char name[PACK_NAME_MAX];

	snprintf(name, sizeof(name), "%s.chain", p->shader);
	e = rdna4_pack_find(dev->pack, name);
	return e ? rdna4_pipelines_get(dev->pipelines, e->name, p->spec, p->n_spec) : NULL;
}

/* Where the plan stands. */
struct plan {
	uint64_t added[RDNA4_CHAIN_COUNTERS]; /* by steps so far             */
	uint32_t level;
	uint32_t need;   /* of this level; 0: a barrier, or nothing, is before it */
	bool silent;     /* a step since the last barrier does not count          */
};

static void plan_step(struct plan *p, struct rdna4_step *s)
{
	uint64_t before = p->added[p->level % RDNA4_CHAIN_COUNTERS];
	bool fence = s->barrier && (!s->chained || p->silent || before > RDNA4_CHAIN_NEED_MAX);

	if (!s->chained && p->need)
		fence = true;
	if (s->barrier || fence) {
		p->need = fence ? 0 : (uint32_t)before;
		p->level++;
	}
	if (fence)
		p->silent = false;
	s->fence = fence;
	s->need = p->need << RDNA4_CHAIN_LEVEL_BITS | p->level % RDNA4_CHAIN_COUNTERS;
	if (s->chained)
		p->added[p->level % RDNA4_CHAIN_COUNTERS] +=
			s->signals ? s->signals
			           : (uint64_t)s->groups[0] * s->groups[1] * s->groups[2];
	else
		p->silent = true;
}

void rdna4_chain_plan(struct zinc_cmd *cmd)
{
	struct zinc_dev *dev = cmd->dev;
	struct plan p = {.level = 0};

	cmd->chained = dev->alarm && !atomic_load(&dev->unchained) &&
	               !(cmd->flags & ZINC_CMD_PROFILE) && cmd->n_parts == 1;
	for (uint64_t i = 0; i < cmd->n_steps && cmd->chained; i++) {
		cmd->steps[i].chained = chained(dev, cmd->steps[i].pipeline);
		plan_step(&p, &cmd->steps[i]);
	}
}
