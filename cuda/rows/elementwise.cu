/* elementwise.cu - glu, add, mul, scale, softcap and sigmoid_gate. */
#include "rows/args.h"
#include "rows/rows.cuh"

/* f of each element of one, two or three quads. */
template <typename F> __device__ static __forceinline__ float4 each(float4 a, F f)
{
	return make_float4(f(a.x), f(a.y), f(a.z), f(a.w));
}

template <typename F> __device__ static __forceinline__ float4 each(float4 a, float4 b, F f)
{
	return make_float4(f(a.x, b.x), f(a.y, b.y), f(a.z, b.z), f(a.w, b.w));
}

/* As ada_get_quad(), or one element of the row four times. */
__device__ static __forceinline__ float4 quad_or_one(const struct ada_rows &rows,
                                                     const struct ada_view &v, uint32_t lanes,
                                                     struct ada_quad q)
{
	if (lanes == rows.ne0)
		return ada_get_quad(rows, v, q);
	float one = *ada_row(rows, v, q.row);
	return make_float4(one, one, one, one);
}

template <typename Act> __device__ static __forceinline__ void glu(const struct ada_glu_args &a,
                                                                   Act act)
{
	const float limit = a.limit;

	ada_wait_inputs();
	ada_release_next();
	ada_each_quad(a.rows, [&](struct ada_quad q) {
		float4 gate = ada_get_quad(a.rows, a.gate, q);
		float4 up = ada_get_quad(a.rows, a.up, q);

		ada_put_quad(a.rows, a.y, q, each(gate, up, [&](float g, float u) {
			g = g > limit ? limit : g;
			u = u > limit ? limit : u < -limit ? -limit : u;
			return act(g) * u;
		}));
	});
}

ADA_KERNEL(glu_silu, struct ada_glu_args, 256, 4)
{
	glu(a, [](float x) { return ada_silu(x); });
}

ADA_KERNEL(glu_gelu_tanh, struct ada_glu_args, 256, 4)
{
	glu(a, [](float x) { return ada_gelu_tanh(x); });
}

template <typename F>
__device__ static __forceinline__ void binary(const struct ada_binary_args &a, F f)
{
	ada_wait_inputs();
	ada_release_next();
	ada_each_quad(a.rows, [&](struct ada_quad q) {
		float4 x = ada_get_quad(a.rows, a.a, q);
		float4 b = quad_or_one(a.rows, a.b, a.b_lanes, q);

		ada_put_quad(a.rows, a.y, q, each(x, b, f));
	});
}

ADA_KERNEL(add_rows, struct ada_binary_args, 256, 4)
{
	binary(a, [](float x, float b) { return x + b; });
}

ADA_KERNEL(mul_rows, struct ada_binary_args, 256, 4)
{
	binary(a, [](float x, float b) { return x * b; });
}

template <typename F>
__device__ static __forceinline__ void unary(const struct ada_unary_args &a, F f)
{
	ada_wait_inputs();
	ada_release_next();
	ada_each_quad(a.rows, [&](struct ada_quad q) {
		ada_put_quad(a.rows, a.y, q, each(ada_get_quad(a.rows, a.x, q), f));
	});
}

ADA_KERNEL(scale_rows, struct ada_unary_args, 256, 4)
{
	const float value = a.value;

	unary(a, [=](float x) { return x * value; });
}

ADA_KERNEL(softcap_rows, struct ada_unary_args, 256, 4)
{
	const float cap = a.value;

	unary(a, [=](float x) { return cap * tanhf(x / cap); });
}

ADA_KERNEL(sigmoid_gate_rows, struct ada_gate_args, 256, 4)
{
	ada_wait_inputs();
	ada_release_next();
	ada_each_quad(a.rows, [&](struct ada_quad q) {
		float4 x = ada_get_quad(a.rows, a.x, q);
		float4 gate = quad_or_one(a.rows, a.gate, a.gate_lanes, q);

		ada_put_quad(a.rows, a.y, q,
		         each(x, gate, [](float v, float g) { return v * ada_sigmoid(g); }));
	});
}
