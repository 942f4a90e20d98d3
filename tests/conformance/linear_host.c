/* linear_host.c - the part of cpu.h that linear ops call, for tests: no pool, a
 * fresh set of threads for each op, which take its pieces. */
#include "linear_host.h"

#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "kernels.h"

#if defined(__aarch64__)
#include <asm/hwcap.h>
#include <sys/auxv.h>
#endif

#define MAX_THREADS 8

struct zinc_cmd {
	struct zinc_dev *dev;
	const struct cpu_work *work;
	atomic_uint taken;
	_Alignas(16) uint8_t desc[1024];
};

struct worker {
	struct cpu_ctx ctx;
	struct zinc_cmd *cmd;
	pthread_t thread;
};

int cpu_cmd_add(struct zinc_cmd *cmd, const struct zinc_op_impl *op, const void *desc,
                const struct cpu_work *work)
{
	if (op->desc_size > sizeof(cmd->desc))
		return ZINC_E_NO_MEMORY;
	cmd->work = work;
	memcpy(cmd->desc, desc, op->desc_size);
	return ZINC_OK;
}

struct zinc_dev *cpu_cmd_dev(struct zinc_cmd *cmd)
{
	return cmd->dev;
}

static void *work(void *arg)
{
	struct worker *w = arg;

	while ((w->ctx.piece = atomic_fetch_add(&w->cmd->taken, 1)) < w->ctx.n_pieces)
		w->cmd->work->first.run(&w->ctx, w->cmd->desc);
	return NULL;
}

static void silu(float *y, const float *gate, const float *up, float limit, uint32_t n)
{
	(void)limit;
	for (uint32_t i = 0; i < n; i++)
		y[i] = (float)(gate[i] / (1.0 + exp(-(double)gate[i]))) * up[i];
}

static void gelu_tanh(float *y, const float *gate, const float *up, float limit, uint32_t n)
{
	(void)limit;
	for (uint32_t i = 0; i < n; i++) {
		double g = gate[i], u = 0.79788456080286536 * (g + 0.044715 * g * g * g);

		y[i] = (float)(0.5 * g * (1.0 + tanh(u))) * up[i];
	}
}

/* What products take from the other kernels, which have tests of their own. */
static const struct cpu_kernels kernels = {
	.glu = {[ZINC_ACT_SILU] = silu, [ZINC_ACT_GELU_TANH] = gelu_tanh},
};

int linear_host_run(enum cpu_isa isa, uint32_t n_threads, const struct zinc_op_impl *op,
                    const void *desc, uint32_t variant, const uint32_t *params)
{
	struct zinc_dev dev = {.n_threads = n_threads, .isa = isa, .kernels = &kernels};
	struct zinc_cmd cmd = {.dev = &dev};
	struct cpu_ctx ctx = {.nth = n_threads, .params = params, .dev = &dev};
	struct worker workers[MAX_THREADS];
	uint64_t n;

	if (op->supports(&dev, desc, variant) || op->record(&cmd, desc, variant))
		return -1;
	atomic_init(&cmd.taken, 0);
	n = cmd.work->first.cut(&ctx, cmd.desc);
	ctx.n_pieces = n < CPU_MAX_PIECES ? (uint32_t)n : CPU_MAX_PIECES;
	for (uint32_t i = 0; i < n_threads; i++) {
		workers[i].ctx = ctx;
		workers[i].ctx.ith = i;
		workers[i].cmd = &cmd;
		if (i)
			pthread_create(&workers[i].thread, NULL, work, &workers[i]);
	}
	work(&workers[0]);
	for (uint32_t i = 1; i < n_threads; i++)
		pthread_join(workers[i].thread, NULL);
	return 0;
}

bool linear_host_has(enum cpu_isa isa)
{
#if defined(__x86_64__)
	bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");

	if (isa == CPU_ISA_AVX2)
		return avx2;
	if (isa == CPU_ISA_AVX512) {
#ifdef LIN_SIMDE
		return avx2;
#else
		return avx2 && __builtin_cpu_supports("avx512f") &&
		       __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
		       __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512vnni");
#endif
	}
#elif defined(__aarch64__)
	if (isa != CPU_ISA_PLAIN)
		return isa == CPU_ISA_NEON || getauxval(AT_HWCAP) & HWCAP_ASIMDDP;
#endif
	return isa == CPU_ISA_PLAIN;
}
