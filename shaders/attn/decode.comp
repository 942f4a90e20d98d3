/* decode.comp - attention of one token: the heads that share a KV head, over a part of
 * the pages; see rows.glsl. The last workgroup of a token's heads puts the parts
 * together; with QUANT the result goes to the layout of a product, too, as part of the
 * row that all heads of the token make.
 *
 * Of a page all rows of K and V are under way at once: GROUP / 32 invocations share a
 * key, and those that share lanes of V share out the keys. */
#version 460
#extension GL_GOOGLE_include_directive : require
#include "../common/base.glsl"

layout(constant_id = 1) const uint K_TYPE = 1;
layout(constant_id = 2) const uint V_TYPE = 1;
layout(constant_id = 3) const uint DOT_LANES = 128;
layout(constant_id = 4) const uint V_THREADS = 32; /* V's lanes / 4, up to a power of two */
layout(constant_id = 5) const uint HEADS = 4;
layout(constant_id = 6) const uint SPLITS = 1;
layout(constant_id = 7) const uint HAS_GATE = 0;
layout(constant_id = 8) const uint QUANT = 0; /* QUANT_Q8, QUANT_F16 */
layout(constant_id = 9) const uint KNOWN = 0; /* tokens' positions are, before the list runs */

const uint ROWS = HEADS;

#include "rows.glsl"
#include "../common/last.glsl"
#include "../common/quant.glsl"

const uint KEY_TEAM = GROUP / KV_PAGE; /* invocations of a key */
const uint FOURS = DOT_LANES / 4;
const uint K_OWN = (FOURS + KEY_TEAM - 1) / KEY_TEAM;
const uint V_GROUPS = GROUP / V_THREADS; /* invocations of four lanes of V */
const uint V_OWN = (KV_PAGE + V_GROUPS - 1) / V_GROUPS;
const uint AT_ONCE = 8; /* parts under way */

/* The last workgroup reads what the others wrote. */
layout(buffer_reference, scalar, buffer_reference_align = 16) coherent buffer part_ref {
	vec4 v[];
};

shared vec4 query[HEADS * FOURS];
shared float shrink[HEADS];
shared vec4 group_sums[GROUP];
shared float factor[HEADS * SPLITS];
shared float whole[HEADS];

vec4 own[HEADS];

uint my_lane()
{
	return gl_LocalInvocationID.x % V_THREADS;
}

uint my_group()
{
	return gl_LocalInvocationID.x / V_THREADS;
}

void load_queries()
{
	for (uint i = gl_LocalInvocationID.x; i < HEADS * FOURS; i += GROUP) {
		uint r = i / FOURS, k = 4 * (i % FOURS);
		f32_ref q = row_of(args.q, token_of(0), row_is_live(r) ? head_of(r) : head_of(0));

		query[i] = vec4(q.v[k], q.v[k + 1], q.v[k + 2], q.v[k + 3]);
	}
}

void put_weight(uint row, uint key, float weight)
{
	score[row * KV_PAGE + key] = weight;
}

void put_shrink(uint row, uint member, float factor)
{
	if (member == 0)
		shrink[row] = factor;
}

/* Scores of the page's keys; a team's members end up with the same sums. */
void score_page(const vec4 k[K_OWN], uint first)
{
	uint key = gl_LocalInvocationID.x / KEY_TEAM, member = gl_LocalInvocationID.x % KEY_TEAM;

	[[unroll]] for (uint r = 0; r < HEADS; r++) {
		float sum = 0.0;

		[[unroll]] for (uint i = 0; i < K_OWN; i++) {
			uint at = i * KEY_TEAM + member;

			if (at < FOURS)
				sum += dot(query[r * FOURS + at], k[i]);
		}
		[[unroll]] for (uint d = 1; d < KEY_TEAM; d *= 2)
			sum += subgroupShuffleXor(sum, d);
		if (member == r % KEY_TEAM)
			score[r * KV_PAGE + key] = score_of(sum, r, first + key);
	}
}

void take_page(uint64_t k_row, uint64_t v_row, uint first, uvec2 live)
{
	uint key = gl_LocalInvocationID.x / KEY_TEAM, member = gl_LocalInvocationID.x % KEY_TEAM;
	vec4 k[K_OWN], v[V_OWN];

	k_row += uint64_t(key) * args.k_cache.slot;
	[[unroll]] for (uint i = 0; i < K_OWN; i++)
		k[i] = kv4_at(K_TYPE, k_row, min(i * KEY_TEAM + member, FOURS - 1));
	/* Outside of the live keys anything may lie: one of these, for 0. */
	[[unroll]] for (uint i = 0; i < V_OWN; i++) {
		uint j = clamp(i * V_GROUPS + my_group(), live.x, live.y - 1);

		v[i] = kv4_at(V_TYPE, v_row + uint64_t(j) * args.v_cache.slot,
		              min(my_lane(), args.v_lanes / 4 - 1));
	}
	score_page(k, first);
	barrier();
	weigh_page();
	barrier();
	[[unroll]] for (uint r = 0; r < HEADS; r++) {
		own[r] *= shrink[r];
		[[unroll]] for (uint i = 0; i < V_OWN; i++) {
			uint j = i * V_GROUPS + my_group();

			if (j >= live.x && j < live.y)
				own[r] += score[r * KV_PAGE + j] * v[i];
		}
	}
}

/* The first group gets the sums of a row that all groups have. */
vec4 sum_groups(uint r)
{
	vec4 sum = own[r];

	if (V_GROUPS == 1)
		return sum;
	barrier();
	group_sums[gl_LocalInvocationID.x] = sum;
	barrier();
	if (my_group() == 0)
		[[unroll]] for (uint g = 1; g < V_GROUPS; g++)
			sum += group_sums[g * V_THREADS + my_lane()];
	return sum;
}

/* Part s of a row: sums of V, then maximum and total. */
part_ref part_of(uint r, uint s)
{
	uint64_t part = uint64_t(token_of(0) * args.heads + head_of(r)) * SPLITS + s;

	return part_ref(args.partial + 4ul * part * (args.v_lanes + 4));
}

/* All of a team of 8 must call it. */
void store(uint r, vec4 sum, bool mine)
{
	uint lane = my_lane(), h = row_is_live(r) ? head_of(r) : head_of(0);
	f32_ref y = row_of(args.y, token_of(0), h), gate = row_of(args.gate, token_of(0), h);

	mine = mine && 4 * lane < args.v_lanes && row_is_live(r);
	[[unroll]] for (uint i = 0; i < 4; i++)
		if (mine) {
			if (HAS_GATE != 0)
				sum[i] *= sigmoid(gate.v[4 * lane + i]);
			y.v[4 * lane + i] = sum[i];
		}
	if (QUANT != 0)
		put_quants(QUANT, args.quants + uint64_t(token_of(0)) * args.quant_row,
		           h * args.v_lanes + 4 * lane, args.heads * args.v_lanes, sum, mine);
}

/* What each part of each row counts for. */
void weigh_parts(uint used)
{
	uint r = gl_LocalInvocationID.x / TEAM, member = gl_LocalInvocationID.x % TEAM;
	uint row = min(r, HEADS - 1), last = args.v_lanes / 4;
	bool live = r < HEADS && row_is_live(row);
	float top = NEVER, total = 0.0;

	for (uint s = member; s < used; s += TEAM)
		if (live)
			top = max(top, part_of(row, s).v[last].x);
	[[unroll]] for (uint d = 1; d < TEAM; d *= 2)
		top = max(top, subgroupShuffleXor(top, d));
	for (uint s = member; s < used; s += TEAM)
		if (live) {
			vec2 end = part_of(row, s).v[last].xy;
			float f = end.x == NEVER ? 0.0 : exp(end.x - top);

			factor[row * SPLITS + s] = f;
			total += f * end.y;
		}
	[[unroll]] for (uint d = 1; d < TEAM; d *= 2)
		total += subgroupShuffleXor(total, d);
	if (live && member == 0)
		whole[row] = total;
	barrier();
}

void merge(uint used)
{
	weigh_parts(used);
	for (uint from = 0; from < HEADS; from += V_GROUPS) {
		uint r = min(from + my_group(), HEADS - 1), lane = min(my_lane(), args.v_lanes / 4 - 1);
		bool mine = from + my_group() < HEADS && row_is_live(r);
		vec4 sum = vec4(0.0);

		for (uint s = 0; s < used; s += AT_ONCE)
			[[unroll]] for (uint a = 0; a < AT_ONCE; a++) {
				uint at = min(s + a, used - 1);

				sum += (s + a < used ? factor[r * SPLITS + at] : 0.0) * part_of(r, at).v[lane];
			}
		store(r, mine && whole[r] > 0.0 ? sum / whole[r] : vec4(0.0), mine);
	}
}

/* Parts that have pages. */
uint used_splits(uint from)
{
	uint first = args.window != 0 && from + 1 > args.window ? from + 1 - args.window : 0;
	uint pages = from / KV_PAGE + 1 - first / KV_PAGE, share = (pages + SPLITS - 1) / SPLITS;

	return (pages + share - 1) / share;
}

/* Token t, at position `from`; whether this workgroup is the one that ends it. */
bool attend(uint t, int seq, uint from, uint used)
{
	bool ends = true;

	load_queries();
	[[unroll]] for (uint r = 0; r < HEADS; r++)
		own[r] = vec4(0.0);
	begin_rows();
	attend_one(seq, t, t + 1, from);
	[[unroll]] for (uint r = 0; r < HEADS; r++) {
		vec4 sum = sum_groups(r);

		if (used == 1) {
			store(r, row_total[r] > 0.0 ? sum / row_total[r] : vec4(0.0), my_group() == 0);
		} else if (my_group() == 0 && row_is_live(r)) {
			if (4 * my_lane() < args.v_lanes)
				part_of(r, gl_WorkGroupID.z).v[my_lane()] = sum;
			if (my_lane() == 0)
				part_of(r, gl_WorkGroupID.z).v[args.v_lanes / 4] =
					vec4(row_top[r], row_total[r], 0.0, 0.0);
		}
	}
	if (used > 1) {
		ends = is_last_of(args.counters + 4ul * group_index(), used);
		if (ends)
			merge(used);
	}
	return ends;
}

/* Where the positions are known before the wait, those of the parts without pages leave at
 * once, and in a chain only the workgroup that ends a token's heads signals. */
void main()
{
	const bool one_signals = KNOWN != 0 && SPLITS > 1;
	uint t = first_token(), from, used;
	bool signals = true, is_live;
	int seq;

	if (KNOWN == 0)
		chain_wait(args.slots, pushed.need);
	/* Loads that need nothing of each other stand together. */
	seq = i32_ref(args.tok_seq).v[t];
	from = uint(i32_ref(args.tok_pos).v[t]);
	is_live = t < live(args.slots, args.n);
	used = is_live ? used_splits(from) : 1;
	if (one_signals && gl_WorkGroupID.z >= used)
		return;
	if (KNOWN != 0)
		chain_wait(args.slots, pushed.need);
	if (is_live && gl_WorkGroupID.z < used)
		signals = attend(t, seq, from, used);
	if (signals || !one_signals)
		chain_done(args.slots, pushed.need);
}
