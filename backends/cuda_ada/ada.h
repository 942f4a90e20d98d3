/* ada.h - what the files of the CUDA backend share.
 *
 * A command list is an array of launches, captured into a CUDA graph when the
 * list ends and replayed by every submit. An op's record() describes itself with
 * ada_op_begin() and appends its kernels with ada_launch(); nothing runs then.
 *
 *	static int record(struct zinc_cmd *cmd, const void *desc, uint32_t variant)
 *	{
 *		const struct zinc_op_glu *d = desc;
 *		struct ada_glu_args a = {.gate = ada_arg(&d->gate), ...,
 *		                         .n = ada_count(d->n), .params = ada_params(cmd)};
 *		struct ada_launch l = {.kernel = "glu_f32", .grid = {...}, .block = {256, 1, 1},
 *		                       .args = &a, .args_size = sizeof(a)};
 *
 *		if (ada_op_begin(cmd, &ada_op_glu, desc, variant))
 *			return ada_cmd_status(cmd);
 *		return ada_launch(cmd, &l);
 *	}
 *
 * Grids are sized for the recorded maximum (n.imm); kernels read the live number
 * from the parameter slots and leave early. */
#ifndef ADA_ADA_H
#define ADA_ADA_H

#include <stdbool.h>
#include <string.h>
#include <zinc/plugin.h>
#include <zinc/shape.h>

#include "common/args.h"

struct ada_driver;
struct ada_blas;
struct ada_dense;

/* Read once when a device is opened. */
struct ada_limits {
	uint32_t cc;         /* compute capability, 89 for 8.9               */
	uint32_t n_sm;       /* multiprocessors                              */
	uint32_t smem_block; /* most dynamic shared memory of one block      */
	uint64_t l2_bytes;
};

struct zinc_buf {
	struct zinc_dev *dev;
	uint64_t address; /* on the device                                       */
	uint64_t bytes;
	uint32_t kind;    /* enum zinc_mem                                       */
	uint8_t *host;    /* UPLOAD: the pinned copy that buf_write() fills      */
	uint64_t dirty_from, dirty_to; /* UPLOAD: what the next submit copies    */
	struct zinc_buf *next_upload;  /* the device's list of UPLOAD buffers    */
};

/* device.c */
const struct ada_limits *ada_limits(const struct zinc_dev *dev);
const struct zinc_host *ada_host(const struct zinc_dev *dev);

/* A kernel launch; args are copied. */
struct ada_launch {
	const char *kernel; /* ADA_KERNEL's name; static                        */
	uint32_t grid[3], block[3];
	uint32_t smem;      /* bytes of dynamic shared memory                   */
	uint32_t args_size;
	const void *args;
};

/* c[m][n] = sum over k of a[m][k] b[n][k], rows lda, ldb, ldc elements apart: a
 * matrix product of the vendor's library (C = A B^T in row-major terms).
 * a and b are F16 or BF16 (`dtype`), c F32. beta 0 or 1. n_batch products with
 * strides between them (elements; 0: the same operand), 1 for one. */
struct ada_gemm {
	uint64_t a, b, c;
	uint32_t m, n, k;
	uint32_t lda, ldb, ldc;
	uint32_t dtype, n_batch;
	uint64_t stride_a, stride_b, stride_c;
	float alpha, beta;
	struct ada_dense *dense; /* not NULL: while it exists, b is dense_off bytes into it */
	uint64_t dense_off;
};

/* cmd.c: recording. The first error sticks to the list; every function returns
 * the list's status. */
int ada_op_begin(struct zinc_cmd *cmd, const struct zinc_op_impl *op, const void *desc,
                 uint32_t variant);
int ada_launch(struct zinc_cmd *cmd, const struct ada_launch *l);
/* Launches of neighbouring ops may become one: the last launch (back 1), or the one
 * before it (back 2), if they are of the ops just before the present one (NULL
 * otherwise; valid until the next call); and a launch that takes the place of the last
 * `count`, all launches of their ops, and does the present op's work as well. What an op
 * before reads may already be given to the present one's results: see that they are
 * apart. */
const struct ada_launch *ada_launch_before(struct zinc_cmd *cmd, uint32_t back);
int ada_launch_instead(struct zinc_cmd *cmd, uint32_t count, const struct ada_launch *l);
int ada_gemm(struct zinc_cmd *cmd, const struct ada_gemm *g);
/* A launch that is left out while this copy (dense.h) exists; NULL: never. */
int ada_launch_unless(struct zinc_cmd *cmd, struct ada_dense *d, const struct ada_launch *l);
/* This list reads rows of the table at `place` (table.h) by these ids. */
void ada_cmd_note_ids(struct zinc_cmd *cmd, uint64_t place, const struct zinc_view *ids,
                      struct zinc_u32 n);
/* Fails the list. */
int ada_cmd_fail(struct zinc_cmd *cmd, int code, const char *why);
int ada_fill_zero(struct zinc_cmd *cmd, uint64_t address, uint64_t bytes);
int ada_cmd_status(const struct zinc_cmd *cmd);
struct zinc_dev *ada_cmd_dev(struct zinc_cmd *cmd);
uint64_t ada_params(const struct zinc_cmd *cmd);  /* device address of ZINC_SLOT_COUNT uint32 */
uint64_t ada_scratch(const struct zinc_cmd *cmd); /* device address, or 0 */
uint64_t ada_scratch_bytes(const struct zinc_cmd *cmd);

/* One launch outside any list, complete on return: packing weights at load. */
int ada_run_now(struct zinc_dev *dev, const struct ada_launch *l, struct zinc_err *err);
/* Device memory for that: staging of at least `bytes`, filled from src, valid
 * until the matching give. Several threads may hold one each. */
int ada_stage(struct zinc_dev *dev, const void *src, uint64_t bytes, uint64_t *address,
              struct zinc_err *err);
void ada_unstage(struct zinc_dev *dev, uint64_t address);

/* From descriptors to arguments. */
static inline uint64_t ada_address(const struct zinc_view *v)
{
	return v->buf ? v->buf->address + v->off : 0;
}

static inline struct ada_view ada_arg(const struct zinc_view *v)
{
	struct ada_view a = {.p = ada_address(v), .nb1 = v->nb[1], .nb2 = v->nb[2],
	                     .nb3 = v->nb[3], .ne0 = v->ne[0], .ne1 = v->ne[1],
	                     .ne2 = v->ne[2], .ne3 = v->ne[3]};

	return a;
}

/* The same elements in the same shape? */
static inline bool ada_same_view(const struct ada_view *a, const struct ada_view *b)
{
	return !memcmp(a, b, sizeof(*a));
}

static inline struct ada_count ada_count(struct zinc_u32 n)
{
	struct ada_count c = {n.imm, n.slot};

	return c;
}

static inline uint32_t ada_div_up(uint64_t a, uint32_t b)
{
	return (uint32_t)((a + b - 1) / b);
}

/* Fills err (NULL ok) and returns code. */
__attribute__((format(printf, 3, 4))) int ada_err(struct zinc_err *err, int code, const char *fmt,
                                                  ...);

/* The op table entries, each in its op's file. */
extern const struct zinc_op_impl ada_op_embed, ada_op_dmmv, ada_op_mmq, ada_op_quant_act,
	ada_op_rmsnorm, ada_op_rope_dual, ada_op_kv_write, ada_op_flash_attn, ada_op_glu, ada_op_add,
	ada_op_mul, ada_op_scale, ada_op_softcap, ada_op_sigmoid_gate, ada_op_copy, ada_op_cast,
	ada_op_moe_route, ada_op_moe_combine, ada_op_conv1d, ada_op_delta_net, ada_op_argmax,
	ada_op_top_logits, ada_op_state_copy;

/* Entries of struct zinc_backend that belong to the linear ops. */
int ada_act_layout(struct zinc_dev *dev, uint32_t op, const struct zinc_op_linear *desc,
                   uint32_t variant, struct zinc_act_layout *out);
int ada_weight_layout(struct zinc_dev *dev, const struct zinc_weight_use *use,
                      struct zinc_weight_layout *out);
int ada_weight_pack(struct zinc_dev *dev, const struct zinc_weight_use *use, uint32_t layout,
                    const void *src, struct zinc_buf *dst, uint64_t off, struct zinc_err *err);

#endif
