/* flash_attn.comp - attention of one query head of one token over the cache, page
 * by page, with a running maximum (Milakov and Gimelshein, 2018).
 *
 * The invocations of a workgroup are teams of GROUP / 32, one for each key of a
 * page; afterwards each owns some lanes of V. Sums depend on positions only. */
#version 460
#extension GL_GOOGLE_include_directive : require
#include "../common/base.glsl"
#include "../common/math.glsl"
#include "../common/kv.glsl"

layout(constant_id = 1) const uint K_TYPE = 1;
layout(constant_id = 2) const uint V_TYPE = 1;
layout(constant_id = 3) const uint LANES_MAX = 512; /* of a query, at least V's */
layout(constant_id = 4) const uint HAS_GATE = 0;

ARGS_IN_MEMORY {
	uint64_t slots, tok_seq, tok_pos;
	rows q, y, gate;
	cache k_cache, v_cache;
	block_table table;
	count n;
	uint heads, heads_per_kv;
	uint dot_lanes, v_lanes;
	uint window, pad;
	float scale, softcap;
};
ARGS_POINTER;
#define args pushed.at

const uint TEAM = GROUP / KV_PAGE;
const uint OWN = (LANES_MAX + GROUP - 1) / GROUP;

shared float query[LANES_MAX];
shared float part[GROUP];
shared float score[KV_PAGE];

/* Scores of the page's keys to score[]; -inf where the mask hides the key. */
void score_page(uint64_t k_row, uint first, uint begin, uint end)
{
	uint key = gl_LocalInvocationID.x / TEAM, member = gl_LocalInvocationID.x % TEAM;
	bool visible = first + key >= begin && first + key < end;
	float sum = 0.0;

	k_row += uint64_t(key) * args.k_cache.slot;
	if (visible)
		for (uint i = member; i < args.dot_lanes; i += TEAM)
			sum = fma(query[i], kv_at(K_TYPE, k_row, i), sum);
	part[gl_LocalInvocationID.x] = sum;
	barrier();
	if (gl_LocalInvocationID.x < KV_PAGE) {
		uint mine = gl_LocalInvocationID.x;

		sum = 0.0;
		[[unroll]] for (uint i = 0; i < TEAM; i++)
			sum += part[mine * TEAM + i];
		sum *= args.scale;
		if (args.softcap != 0.0)
			sum = args.softcap * tanh_exact(sum / args.softcap);
		visible = first + mine >= begin && first + mine < end;
		score[mine] = visible ? sum : -1.0 / 0.0;
	}
	barrier();
}

/* What this invocation's query has seen so far. */
float top = -1.0 / 0.0, total = 0.0, own[OWN];

/* Adds the page's rows of V, weighted by score[]. */
void add_page(uint page, uint kv_head, uint first, uint begin, uint end)
{
	float higher = top, shrink;

	[[unroll]] for (uint j = 0; j < KV_PAGE; j++)
		higher = max(higher, score[j]);
	shrink = top == higher ? 1.0 : exp(top - higher);
	total *= shrink;
	[[unroll]] for (uint o = 0; o < OWN; o++)
		own[o] *= shrink;
	top = higher;
	for (uint j = max(begin, first) - first; j < KV_PAGE && first + j < end; j++) {
		uint64_t v_row = kv_row(args.v_cache, page, kv_head, j);
		float p = exp(score[j] - top);

		total += p;
		[[unroll]] for (uint o = 0; o < OWN; o++) {
			uint i = o * GROUP + gl_LocalInvocationID.x;

			if (i < args.v_lanes)
				own[o] = fma(p, kv_at(V_TYPE, v_row, i), own[o]);
		}
	}
}

void store(uint t, uint h)
{
	f32_ref y = row_of(args.y, t, h), gate = row_of(args.gate, t, h);

	[[unroll]] for (uint o = 0; o < OWN; o++) {
		uint i = o * GROUP + gl_LocalInvocationID.x;
		float mean = total > 0.0 ? own[o] / total : 0.0;

		if (i < args.v_lanes)
			y.v[i] = HAS_GATE != 0 ? mean * sigmoid(gate.v[i]) : mean;
	}
}

void main()
{
	uint t = group_index() / args.heads, h = group_index() % args.heads;
	uint kv_head = h / args.heads_per_kv, end, begin;
	f32_ref q;
	int seq;

	if (t >= live(args.slots, args.n))
		return;
	q = row_of(args.q, t, h);
	for (uint i = gl_LocalInvocationID.x; i < args.dot_lanes; i += GROUP)
		query[i] = q.v[i];
	[[unroll]] for (uint o = 0; o < OWN; o++)
		own[o] = 0.0;
	seq = i32_ref(args.tok_seq).v[t];
	end = uint(i32_ref(args.tok_pos).v[t]) + 1;
	begin = args.window != 0 && end > args.window ? end - args.window : 0;
	barrier();
	for (uint first = begin / KV_PAGE * KV_PAGE; first < end; first += KV_PAGE) {
		int page = kv_page(args.table, min(args.k_cache.n_pages, args.v_cache.n_pages), seq,
		                   first / KV_PAGE);

		if (page < 0)
			continue;
		score_page(kv_row(args.k_cache, page, kv_head, 0), first, begin, end);
		add_page(page, kv_head, first, begin, end);
		barrier();
	}
	store(t, h);
}
