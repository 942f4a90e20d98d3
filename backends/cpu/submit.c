/* submit.c - runs command lists in the calling thread and the pool's. */
#include "submit.h"

#include <string.h>

#include "cmd.h"
#include "pool.h"

/* A submit as a job of the pool: the stages of its lists, one after the other. */
struct lists {
	struct cpu_job job;
	struct cpu_ctx ctx; /* what is the same for all pieces */
	struct zinc_cmd *const *cmds;
	uint32_t n_cmds, at;
	bool running; /* list `at` */
	uint32_t params[ZINC_SLOT_COUNT];
};

static uint32_t next_stage(struct cpu_job *job)
{
	struct lists *l = (struct lists *)(void *)job;

	for (; l->at < l->n_cmds; l->at++) {
		uint32_t pieces;

		if (!l->running)
			cpu_cmd_rewind(l->cmds[l->at]);
		pieces = cpu_cmd_next(l->cmds[l->at], &l->ctx);
		l->running = pieces != 0;
		if (pieces)
			return pieces;
	}
	return 0;
}

static void run_piece(struct cpu_job *job, uint32_t piece, uint32_t ith)
{
	const struct lists *l = (const struct lists *)(const void *)job;
	struct cpu_ctx ctx = l->ctx;

	ctx.ith = ith;
	cpu_cmd_run_piece(l->cmds[l->at], &ctx, piece);
}

int cpu_submit(struct zinc_dev *dev, const struct zinc_submit *s, struct zinc_err *err)
{
	struct lists lists = {.job = {next_stage, run_piece}, .cmds = s->cmds,
	                      .n_cmds = s->n_cmds};

	if (s->queue != 0)
		return cpu_err(err, ZINC_E_INVALID, "queue %u, but the CPU has queue 0 only",
		               s->queue);
	for (uint32_t i = 0; i < s->n_cmds; i++)
		if (!cpu_cmd_is_ready(s->cmds[i]))
			return cpu_err(err, ZINC_E_INVALID,
			               "command list %u of the submit has not ended well", i);
	if (s->params)
		memcpy(lists.params, s->params, sizeof(lists.params));
	lists.ctx = (struct cpu_ctx){.nth = dev->n_threads, .params = lists.params, .dev = dev};
	for (uint32_t i = 0; i < s->n_wait; i++)
		cpu_tl_wait(s->wait[i].tl, s->wait[i].value, UINT64_MAX);
	cpu_pool_run(dev->pool, &lists.job);
	for (uint32_t i = 0; i < s->n_signal; i++)
		cpu_tl_signal(s->signal[i].tl, s->signal[i].value);
	return ZINC_OK;
}
