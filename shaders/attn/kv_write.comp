/* kv_write.comp - K and V rows into the paged cache; a workgroup per head of a
 * token, K heads first. */
#version 460
#extension GL_GOOGLE_include_directive : require
#include "../common/base.glsl"
#include "../common/kv.glsl"

layout(constant_id = 1) const uint K_TYPE = 1;
layout(constant_id = 2) const uint V_TYPE = 1;

ARGS_IN_MEMORY {
	uint64_t slots, tok_seq, tok_pos;
	rows k, v;
	cache k_cache, v_cache;
	block_table table;
	count n;
	uint k_heads, v_heads, k_lanes, v_lanes;
};
ARGS_POINTER;
#define args pushed.at

void write_row(uint dtype, f32_ref x, uint64_t y, uint lanes)
{
	uint first = gl_LocalInvocationID.x;

	if (dtype == Q8_0) {
		for (uint b = first; b < lanes / 32; b += GROUP) {
			float w[32];

			for (uint i = 0; i < 32; i++)
				w[i] = x.v[32 * b + i];
			q8_0_of_f32(w, u8_ref(y + uint64_t(b) * 34));
		}
		return;
	}
	for (uint i = first; i < lanes; i += GROUP) {
		if (dtype == F32)
			f32_ref(y).v[i] = x.v[i];
		else
			u16_ref(y).v[i] = uint16_t(dtype == F16 ? f16_of_f32(x.v[i])
			                                        : bf16_of_f32(x.v[i]));
	}
}

void main()
{
	uint heads = args.k_heads + args.v_heads, t = group_index() / heads;
	uint h = group_index() % heads;
	bool is_v = h >= args.k_heads;
	int pos, page;

	if (t >= live(args.slots, args.n))
		return;
	pos = i32_ref(args.tok_pos).v[t];
	if (pos < 0)
		return;
	page = kv_page(args.table, is_v ? args.v_cache.n_pages : args.k_cache.n_pages,
	               i32_ref(args.tok_seq).v[t], uint(pos) / KV_PAGE);
	if (page < 0)
		return;
	if (is_v)
		write_row(V_TYPE, row_of(args.v, t, h - args.k_heads),
		          kv_row(args.v_cache, page, h - args.k_heads, uint(pos) % KV_PAGE),
		          args.v_lanes);
	else
		write_row(K_TYPE, row_of(args.k, t, h),
		          kv_row(args.k_cache, page, h, uint(pos) % KV_PAGE), args.k_lanes);
}
