/* epilogue.cuh - what follows a product, in the order of op_linear.h; one
 * rounding per step, as the separate ops would have. */
#ifndef ADA_LINEAR_EPILOGUE_CUH
#define ADA_LINEAR_EPILOGUE_CUH

#include "linear/args.h"
#include "kernel.cuh"

#define ADA_LINEAR_SILU 1u
#define ADA_LINEAR_GELU_TANH 2u

/* What the logistic function of both activations is taken of; of GELU 2 u, for
 * a / (1 + exp(-2 u)) is a/2 (1 + tanh(u)), at the price of one exp. */
__device__ static __forceinline__ float ada_linear_logit(uint32_t act, float a)
{
	if (act == ADA_LINEAR_GELU_TANH)
		return 1.5957691216057308f * fmaf(0.044715f * a * a, a, a);
	return a;
}

__device__ static __forceinline__ float ada_linear_act(uint32_t act, float a)
{
	return __fdiv_rn(a, __fadd_rn(1.0f, expf(-ada_linear_logit(act, a))));
}

/* The same a few units in the last place off, for products that are rounded more. */
__device__ static __forceinline__ float ada_linear_act_near(uint32_t act, float a)
{
	return __fdividef(a, 1.0f + __expf(-ada_linear_logit(act, a)));
}

/* Element m of a column of the result at y, which has the strides of a.y: `v` is W
 * x there, `gate` is G x. */
__device__ static __forceinline__ void ada_linear_store(const struct ada_dmmv_args &a,
                                                        uint64_t y, uint32_t token,
                                                        uint32_t slot, uint32_t m, float v,
                                                        float gate)
{
	bool plain = !a.ids;
	uint32_t i1 = plain ? token : slot, i2 = plain ? 0 : token;

	v = __fmul_rn(v, a.scale);
	if (a.gate)
		v = __fmul_rn(ada_linear_act(a.act, gate), v);
	if (a.residual.p)
		v = __fadd_rn(v, *ada_at<const float>(a.residual, m, i1, i2));
	reinterpret_cast<float *>(y + i1 * a.y.nb1 + i2 * a.y.nb2)[m] = v;
}

#endif
