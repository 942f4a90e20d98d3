/* SPDX-License-Identifier: MIT */
/* op.h - the fixed op interface: ids, and what all descriptors share.
 *
 * An op is one struct, its descriptor. The descriptors stand, one family a
 * header, in op_basic.h, op_linear.h, op_attn.h, op_ssm.h, op_moe.h and
 * op_out.h; this header includes them all.
 *
 * Notation. Shapes are written [slowest, ..., fastest]; view.ne is the other
 * way round (ne[0] fastest). T is the number of live tokens of the step, S of
 * sequences, N of live rows of this op. A descriptor names N by a field `n`,
 * usually a slot, and views are sized for the largest N of the recording: rows
 * past N hold anything, must not be read into a result and may be overwritten.
 *
 * A shape given as "[N, D] or [N, H, D]" has exactly n.imm rows along N. With
 * n.imm == 1 both have ne[2] == 1, and all of ne[1] belongs to row 0.
 *
 * Activations are F32 with ne[0] contiguous; other strides are free unless a
 * field says "dense". Inputs and outputs of one op do not overlap, except where
 * a field says that it may alias, and then only exactly.
 *
 * Growth rule. A descriptor starts with struct_size and only grows at its end,
 * and zero in a new field always means "as before". A backend is built with
 * some size; when the core holds a longer descriptor it hands over a copy cut
 * to that size, and only if every byte past it is zero; otherwise the op counts
 * as declined. An old backend can be slower, never wrong.
 *
 * Fusions. Fields marked (fusion) are optional: zero means absent. A backend
 * may decline any combination of them (ZINC_E_UNSUPPORTED from supports()); the
 * core then peels them off one by one into the primitive named there. Every
 * op with all its fusions absent is a primitive. */
#ifndef ZINC_OP_H
#define ZINC_OP_H

#include <zinc/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Ids are only appended. */
enum zinc_op {
	ZINC_OP_NONE = 0,
	ZINC_OP_EMBED = 1,
	ZINC_OP_LINEAR = 2, /* recorded by architectures only; the core turns it
	                     * into dmmv or mmq and no backend ever sees it  */
	ZINC_OP_DMMV = 3,
	ZINC_OP_MMQ = 4,
	ZINC_OP_QUANT_ACT = 5, /* inserted by the core only */
	ZINC_OP_RMSNORM = 6,
	ZINC_OP_ROPE_DUAL = 7,
	ZINC_OP_KV_WRITE = 8,
	ZINC_OP_FLASH_ATTN = 9,
	ZINC_OP_GLU = 10,
	ZINC_OP_ADD = 11,
	ZINC_OP_MUL = 12,
	ZINC_OP_SCALE = 13,
	ZINC_OP_SOFTCAP = 14,
	ZINC_OP_SIGMOID_GATE = 15,
	ZINC_OP_COPY = 16,
	ZINC_OP_CAST = 17,
	ZINC_OP_MOE_ROUTE = 18,
	ZINC_OP_MOE_COMBINE = 19,
	ZINC_OP_CONV1D = 20,
	ZINC_OP_DELTA_NET = 21,
	ZINC_OP_ARGMAX = 22,
	ZINC_OP_TOP_LOGITS = 23,
	ZINC_OP_STATE_COPY = 24,
	ZINC_OP_ALL_REDUCE = 25, /* reserved: sum over ranks */
	ZINC_OP_COUNT = 26,
	ZINC_OP_VENDOR = 0x8000 /* private ids, matched by name */
};

/* Activation functions. gelu_tanh(a) = a/2 (1 + tanh(sqrt(2/pi) (a + 0.044715
 * a^3))), evaluated exactly (a 16-bit table costs 1e-2 of logits). */
enum zinc_act {
	ZINC_ACT_NONE = 0,
	ZINC_ACT_SILU = 1,
	ZINC_ACT_GELU_TANH = 2
};

/* What every descriptor starts with. */
struct zinc_op_head {
	uint32_t struct_size;
	uint32_t flags; /* per op; unknown bits make a backend decline */
};

#ifdef __cplusplus
}
#endif

#include <zinc/op_attn.h>
#include <zinc/op_basic.h>
#include <zinc/op_linear.h>
#include <zinc/op_moe.h>
#include <zinc/op_out.h>
#include <zinc/op_ssm.h>

#endif /* ZINC_OP_H */
