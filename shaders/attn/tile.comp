/* tile.comp - attention of some rows, queries of neighbouring tokens and of the heads
 * that share a KV head; see rows.glsl. Every page is read once for all rows of the tile.
 *
 * Step by page: scores, an invocation for a key and some rows; softmax, 8 invocations
 * to a row; sums of V, an invocation for 4 lanes and some rows. With SPLITS > 1 each
 * of so many workgroups takes a part of the pages, and attn/merge puts the parts
 * together. */
#version 460
#extension GL_GOOGLE_include_directive : require
#include "../common/base.glsl"

layout(constant_id = 1) const uint K_TYPE = 1;
layout(constant_id = 2) const uint V_TYPE = 1;
layout(constant_id = 3) const uint DOT_LANES = 128;
layout(constant_id = 4) const uint V_THREADS = 32; /* V's lanes / 4, up to a power of two */
layout(constant_id = 5) const uint ROWS = 16;
layout(constant_id = 6) const uint HEADS = 4;      /* of a tile; ROWS / HEADS tokens */
layout(constant_id = 7) const uint SPLITS = 1;
layout(constant_id = 8) const uint HAS_GATE = 0;

#include "rows.glsl"

const uint SCORE_ROWS = (ROWS * KV_PAGE + GROUP - 1) / GROUP; /* of an invocation */
const uint V_GROUPS = GROUP / V_THREADS;
const uint V_ROWS = (ROWS + V_GROUPS - 1) / V_GROUPS;
/* Loads of K and of V under way at once, in registers. */
const uint FEW_ROWS = SCORE_ROWS == 1 ? 2 : 1;
const uint STEP = DOT_LANES % (32 * FEW_ROWS) == 0 ? 8 * FEW_ROWS : 1;
const uint V_STEP = 8 * FEW_ROWS;

shared vec4 query[ROWS * (DOT_LANES / 4)];
shared float shrink[ROWS];

vec4 own[V_ROWS];

void load_queries()
{
	for (uint i = gl_LocalInvocationID.x; i < ROWS * (DOT_LANES / 4); i += GROUP) {
		uint r = i / (DOT_LANES / 4), k = 4 * (i % (DOT_LANES / 4));
		vec4 v = vec4(0.0);

		if (row_is_live(r)) {
			f32_ref q = row_of(args.q, token_of(r), head_of(r));

			v = vec4(q.v[k], q.v[k + 1], q.v[k + 2], q.v[k + 3]);
		}
		query[i] = v;
	}
}

/* Scores of a page's keys; those that the mask hides are -inf. */
void score_page(uint64_t k_row, uint first)
{
	uint key = gl_LocalInvocationID.x % KV_PAGE, group = gl_LocalInvocationID.x / KV_PAGE;
	float sums[SCORE_ROWS];

	k_row += uint64_t(key) * args.k_cache.slot;
	[[unroll]] for (uint i = 0; i < SCORE_ROWS; i++)
		sums[i] = 0.0;
	if (group * SCORE_ROWS < ROWS)
		[[dont_unroll]] for (uint from = 0; from < DOT_LANES / 4; from += STEP)
			[[unroll]] for (uint k = from; k < from + STEP; k++) {
				vec4 v = kv4_at(K_TYPE, k_row, k);

				[[unroll]] for (uint i = 0; i < SCORE_ROWS; i++) {
					uint r = group * SCORE_ROWS + i;

					sums[i] += dot(query[r * (DOT_LANES / 4) + k], v);
				}
			}
	[[unroll]] for (uint i = 0; i < SCORE_ROWS; i++) {
		uint r = group * SCORE_ROWS + i;

		if (r < ROWS)
			score[r * KV_PAGE + key] = score_of(sums[i], r, first + key);
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

void add_page(uint64_t v_row, uint from, uint to)
{
	uint lane = gl_LocalInvocationID.x % V_THREADS;
	uint first = gl_LocalInvocationID.x / V_THREADS * V_ROWS;

	if (4 * lane >= args.v_lanes || first >= ROWS)
		return;
	[[unroll]] for (uint i = 0; i < V_ROWS; i++)
		own[i] *= shrink[min(first + i, ROWS - 1)];
	[[dont_unroll]] for (uint j = from; j < to; j += V_STEP)
		[[unroll]] for (uint a = 0; a < V_STEP; a++) {
			/* Past the last key, where anything may lie, that key once more for 0. */
			uint key = min(j + a, to - 1);
			vec4 v = kv4_at(V_TYPE, v_row + uint64_t(key) * args.v_cache.slot, lane);

			[[unroll]] for (uint i = 0; i < V_ROWS; i++) {
				float p = score[min(first + i, ROWS - 1) * KV_PAGE + key];

				own[i] += (j + a < to ? p : 0.0) * v;
			}
		}
}

void take_page(uint64_t k_row, uint64_t v_row, uint first, uvec2 live)
{
	score_page(k_row, first);
	barrier();
	weigh_page();
	barrier();
	add_page(v_row, live.x, live.y);
}

/* Where this split leaves its sums, then maximum and total, of a row. */
f32_ref part_of(uint r)
{
	uint64_t part = uint64_t(token_of(r) * args.heads + head_of(r)) * SPLITS + gl_WorkGroupID.z;

	return f32_ref(args.partial + 4ul * part * (args.v_lanes + 4));
}

void keep(uint r, uint lane, vec4 sum)
{
	uint t = token_of(r), h = head_of(r);
	f32_ref y = row_of(args.y, t, h), gate = row_of(args.gate, t, h);

	if (SPLITS > 1) {
		y = part_of(r);
		if (lane == 0) {
			y.v[args.v_lanes] = row_top[r];
			y.v[args.v_lanes + 1] = row_total[r];
		}
	} else {
		sum = row_total[r] > 0.0 ? sum / row_total[r] : vec4(0.0);
	}
	[[unroll]] for (uint i = 0; i < 4; i++) {
		float v = sum[i];

		if (SPLITS == 1 && HAS_GATE != 0)
			v *= sigmoid(gate.v[4 * lane + i]);
		y.v[4 * lane + i] = v;
	}
}

/* A split without pages says so; attn/merge passes over its sums. */
void keep_nothing()
{
	uint r = gl_LocalInvocationID.x;

	if (r < ROWS && row_is_live(r)) {
		part_of(r).v[args.v_lanes] = NEVER;
		part_of(r).v[args.v_lanes + 1] = 0.0;
	}
}

void main()
{
	/* Loads that need nothing of each other stand together. */
	uint t = first_token(), lane = gl_LocalInvocationID.x % V_THREADS;
	int seq = i32_ref(args.tok_seq).v[t];
	uint from = uint(i32_ref(args.tok_pos).v[t]), n = live(args.slots, args.n);
	uint end = min(t + TOKENS, n);

	if (t >= n)
		return;
	if (SPLITS > 1 && TOKENS == 1) {
		uvec2 seen = seen_pages(from, from);

		if (seen.x >= seen.y) {
			keep_nothing();
			return;
		}
	}
	load_queries();
	[[unroll]] for (uint i = 0; i < V_ROWS; i++)
		own[i] = vec4(0.0);
	begin_rows();
	while (t < end) {
		uint next = sequence_end(seq, t, end);

		attend_one(seq, t, next, from);
		t = next;
		if (t < end) {
			seq = i32_ref(args.tok_seq).v[t];
			from = uint(i32_ref(args.tok_pos).v[t]);
		}
	}
	[[unroll]] for (uint i = 0; i < V_ROWS; i++) {
		uint r = gl_LocalInvocationID.x / V_THREADS * V_ROWS + i;

		if (4 * lane < args.v_lanes && r < ROWS && row_is_live(r))
			keep(r, lane, own[i]);
	}
}
