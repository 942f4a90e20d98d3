/* cpu.h - what the files of the CPU backend share.
 *
 * A command list is an array of calls. A call is cut into pieces when its turn
 * comes; threads take them in order, and call run(ctx, desc) with ctx->piece of
 * ctx->n_pieces. A call sees the results of all before it that it depends on;
 * calls that have nothing to do with each other run side by side. */
#ifndef CPU_CPU_H
#define CPU_CPU_H

#include <stdbool.h>
#include <zinc/plugin.h>
#include <zinc/view.h>

struct cpu_kernels;
struct cpu_pool;

/* Instruction sets of one kind of processor, each including the ones before it. */
enum cpu_isa {
	CPU_ISA_PLAIN = 0,   /* C only                                          */
	CPU_ISA_AVX2 = 1,    /* x86-64: AVX2, FMA, F16C                         */
	CPU_ISA_AVX512 = 2,  /* AVX-512 F, BW, DQ, VL and VNNI                  */
	CPU_ISA_NEON = 1,    /* AArch64: what all of them have                  */
	CPU_ISA_DOTPROD = 2, /* the dot products of ARMv8.2                     */
	CPU_ISA_COUNT = 3
};

struct zinc_buf {
	uint8_t *base;
	uint64_t bytes;
	struct zinc_dev *dev;
	bool imported; /* not ours to free */
};

struct zinc_dev {
	const struct zinc_host *host;
	struct cpu_pool *pool;
	uint32_t n_threads;
	enum cpu_isa isa; /* the best of this machine, or the option "isa" */
	const struct cpu_kernels *kernels; /* of that isa; kernels.h */
};

/* What a kernel sees while it runs. */
struct cpu_ctx {
	uint32_t piece, n_pieces;
	uint32_t ith, nth;      /* this thread, of all: who needs memory of its own */
	const uint32_t *params; /* ZINC_SLOT_COUNT values */
	uint8_t *scratch;       /* shared by all threads; size as asked by scratch() */
	struct zinc_dev *dev;
};

/* How many pieces, between 0 and CPU_MAX_PIECES (more count as that); results of
 * calls before this one are there to be looked at. piece and ith mean nothing. */
typedef uint64_t cpu_cut_fn(const struct cpu_ctx *ctx, const void *desc);
typedef void cpu_run_fn(const struct cpu_ctx *ctx, const void *desc);

enum { CPU_MAX_PIECES = 4096 };

struct cpu_phase {
	cpu_cut_fn *cut;
	cpu_run_fn *run;
};

/* How an op is carried out: the second phase, where there is one (run not NULL),
 * starts when the first is done. */
struct cpu_work {
	struct cpu_phase first, second;
};

/* The value of a recorded number for this submit. */
static inline uint32_t cpu_u32(const struct cpu_ctx *ctx, struct zinc_u32 v)
{
	return v.slot ? ctx->params[v.slot] : v.imm;
}

/* The same for a number of live rows: never more than was recorded. */
static inline uint32_t cpu_live(const struct cpu_ctx *ctx, struct zinc_u32 v)
{
	uint32_t n = cpu_u32(ctx, v);

	return n < v.imm ? n : v.imm;
}

static inline uint8_t *cpu_ptr(const struct zinc_view *v)
{
	return v->buf->base + v->off;
}

/* Row pointers of F32 and I32 views. */
static inline float *cpu_f32(const struct zinc_view *v, uint64_t i1, uint64_t i2)
{
	return (float *)(void *)(cpu_ptr(v) + i1 * v->nb[1] + i2 * v->nb[2]);
}

static inline int32_t *cpu_i32(const struct zinc_view *v, uint64_t i1)
{
	return (int32_t *)(void *)(cpu_ptr(v) + i1 * v->nb[1]);
}

/* Appends an op; its descriptor is copied. What a record() function ends with,
 * once. The work may be chosen by dev->isa. */
int cpu_cmd_add(struct zinc_cmd *cmd, const struct zinc_op_impl *op, const void *desc,
                const struct cpu_work *work);
struct zinc_dev *cpu_cmd_dev(struct zinc_cmd *cmd);
/* A whole record() function: asks supports() and scratch() first, and names the
 * op in the error that sticks. */
int cpu_record(struct zinc_cmd *cmd, const struct zinc_op_impl *op, const void *desc,
               uint32_t variant, const struct cpu_work *work);

/* Fills err (NULL ok) and returns code. */
__attribute__((format(printf, 3, 4))) int cpu_err(struct zinc_err *err, int code, const char *fmt,
                                                  ...);

/* The op table entries; each is defined in its op's file. */
extern const struct zinc_op_impl cpu_op_embed, cpu_op_dmmv, cpu_op_mmq, cpu_op_quant_act;
extern const struct zinc_op_impl cpu_op_rmsnorm, cpu_op_rope_dual, cpu_op_kv_write,
	cpu_op_flash_attn, cpu_op_glu, cpu_op_add, cpu_op_mul, cpu_op_scale, cpu_op_softcap,
	cpu_op_sigmoid_gate, cpu_op_copy, cpu_op_cast, cpu_op_moe_route, cpu_op_moe_combine,
	cpu_op_conv1d, cpu_op_delta_net, cpu_op_argmax, cpu_op_top_logits, cpu_op_state_copy;

/* How dmmv and mmq want their input; backend table entry, in linear.c. */
int cpu_act_layout(struct zinc_dev *dev, uint32_t op, const struct zinc_op_linear *desc,
                   uint32_t variant, struct zinc_act_layout *out);

/* quant.h holds the block formats and their row converters. */

#endif
