/* kv_write.comp - K and V rows into the paged cache; a workgroup per head of a
 * token, K heads first. */
#version 460
#extension GL_GOOGLE_include_directive : require
#include "../common/base.glsl"
#include "../common/kv_put.glsl"

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

f32_ref source;

float kv_source(uint i)
{
	return source.v[i];
}

void main()
{
	uint heads = args.k_heads + args.v_heads, t = group_index() / heads;
	uint h = group_index() % heads;
	bool is_v = h >= args.k_heads;
	int seq, pos;
	uint64_t y;

	if (t >= live(args.slots, args.n))
		return;
	seq = i32_ref(args.tok_seq).v[t];
	pos = i32_ref(args.tok_pos).v[t];
	if (is_v) {
		h -= args.k_heads;
		source = row_of(args.v, t, h);
		y = kv_place(args.v_cache, args.table, seq, pos, h);
	} else {
		source = row_of(args.k, t, h);
		y = kv_place(args.k_cache, args.table, seq, pos, h);
	}
	if (y != 0)
		kv_put(is_v ? V_TYPE : K_TYPE, y, is_v ? args.v_lanes : args.k_lanes);
}
