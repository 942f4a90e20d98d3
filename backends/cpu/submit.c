/* submit.c - runs command lists in the calling thread and the pool's. */
#include "submit.h"

#include <string.h>

#include "cmd.h"
#include "pool.h"

struct job {
	struct zinc_dev *dev;
	const struct zinc_submit *submit;
	uint32_t params[ZINC_SLOT_COUNT];
};

static void run_lists(void *arg, uint32_t ith)
{
	const struct job *job = arg;
	struct cpu_ctx ctx = {
		.ith = ith,
		.nth = job->dev->n_threads,
		.params = job->params,
		.dev = job->dev,
		.pool = job->dev->pool,
	};

	for (uint32_t i = 0; i < job->submit->n_cmds; i++)
		cpu_cmd_run(job->submit->cmds[i], &ctx);
}

int cpu_submit(struct zinc_dev *dev, const struct zinc_submit *s, struct zinc_err *err)
{
	struct job job = {.dev = dev, .submit = s};

	if (s->queue != 0)
		return cpu_err(err, ZINC_E_INVALID, "queue %u, but the CPU has queue 0 only",
		               s->queue);
	for (uint32_t i = 0; i < s->n_cmds; i++)
		if (!cpu_cmd_is_ready(s->cmds[i]))
			return cpu_err(err, ZINC_E_INVALID,
			               "command list %u of the submit has not ended well", i);
	if (s->params)
		memcpy(job.params, s->params, sizeof(job.params));
	for (uint32_t i = 0; i < s->n_wait; i++)
		cpu_tl_wait(s->wait[i].tl, s->wait[i].value, UINT64_MAX);
	cpu_pool_run(dev->pool, run_lists, &job);
	for (uint32_t i = 0; i < s->n_signal; i++)
		cpu_tl_signal(s->signal[i].tl, s->signal[i].value);
	return ZINC_OK;
}

void cpu_barrier(const struct cpu_ctx *ctx)
{
	cpu_pool_barrier(ctx->pool, false);
}

uint32_t cpu_take(const struct cpu_ctx *ctx)
{
	return cpu_pool_take(ctx->pool);
}

void cpu_take_reset(const struct cpu_ctx *ctx)
{
	cpu_pool_barrier(ctx->pool, true);
}
