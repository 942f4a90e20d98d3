/* kernels_body.h - all kernel templates and their table. Included once per
 * instruction set, after its vec_*.h, with KERNELS the table's name. */
#include <math.h>

#include "kernels.h"
#include "quant.h"

#include "vec_math.h"

#include "k_act.h"
#include "k_attn.h"
#include "k_convert.h"
#include "k_delta.h"
#include "k_rows.h"

extern const struct cpu_kernels KERNELS;

const struct cpu_kernels KERNELS = {
	.rmsnorm = rmsnorm,
	.glu = {[ZINC_ACT_SILU] = glu_silu, [ZINC_ACT_GELU_TANH] = glu_gelu_tanh},
	.sigmoid_gate = sigmoid_gate,
	.softcap = softcap,
	.exp_sum = exp_sum,
	.sum_squares = sum_squares,
	.to_f32 = to_f32,
	.from_f32 = from_f32,
	.attn_page = attn_page,
	.delta_step = delta_step,
	.conv_token = conv_token,
	.gemm = gemm,
};
