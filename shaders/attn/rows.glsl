/* rows.glsl - what kernels that take some queries at once share: rows are neighbouring
 * tokens times heads of one KV head, over the pages of the cache, with a running
 * maximum (Milakov and Gimelshein, 2018). The includer has the constants ROWS, HEADS,
 * SPLITS and HAS_GATE, and take_page(), put_weight(), put_shrink(). */
#ifndef ROWS_GLSL
#define ROWS_GLSL

#include "../common/kv.glsl"
#include "../common/math.glsl"

ARGS_IN_MEMORY {
	uint64_t slots, tok_seq, tok_pos, seq_first, partial;
	rows q, y, gate;
	cache k_cache, v_cache;
	block_table table;
	count n;
	uint heads, heads_per_kv;
	uint v_lanes, window;
	float scale, softcap;
	/* Of attn/decode: the row of a token in a product's layout, and for each token and
	 * KV head a number that counts the parts that are done. */
	uint64_t quants;
	uint quant_row, pad; /* bytes */
	uint64_t counters;
};
ARGS_POINTER;
#define args pushed.at

const uint TOKENS = ROWS / HEADS;
const uint TEAM = 8; /* of a row's softmax */
const float NEVER = -1.0 / 0.0;

shared float score[ROWS * KV_PAGE]; /* of a page */
shared float row_top[ROWS];
shared float row_total[ROWS];
shared int row_pos[ROWS]; /* -1: not of this sequence */

/* Adds a page, whose first key is at position `first`, to the sums; keys outside
 * live.x .. live.y - 1 of it may hold anything. */
void take_page(uint64_t k_row, uint64_t v_row, uint first, uvec2 live);
/* What weigh_page() finds: the weight of a key, and by what older sums shrink, told to
 * all 8 members of the row's team. */
void put_weight(uint row, uint key, float weight);
void put_shrink(uint row, uint member, float factor);

vec4 bf16_pair(uvec2 w)
{
	return uintBitsToFloat(uvec4(w.x << 16, w.x & 0xffff0000, w.y << 16, w.y & 0xffff0000));
}

/* Lanes 4i .. 4i+3 of a cache row. */
vec4 kv4_at(uint dtype, uint64_t row, uint i)
{
	if (dtype == F32)
		return uintBitsToFloat(uvec4_ref(row).v[i]);
	if (dtype == F16) {
		uvec2 w = uvec2_ref(row).v[i];

		return vec4(unpackHalf2x16(w.x), unpackHalf2x16(w.y));
	}
	if (dtype == BF16)
		return bf16_pair(uvec2_ref(row).v[i]);
	row += uint64_t(i / 8) * 34;
	u16_ref q = u16_ref(row + 2 + 4 * (i % 8));
	uint w = uint(q.v[0]) | uint(q.v[1]) << 16;

	return f32_of_f16(uint(u16_ref(row).v[0])) *
	       vec4(ivec4(w << 24, w << 16, w << 8, w) >> 24);
}

/* The last tiles see most keys, and start first. */
uint first_token()
{
	return (gl_NumWorkGroups.x - 1 - gl_WorkGroupID.x) * TOKENS;
}

/* Tiles for the heads of a KV head. */
uint head_groups()
{
	return (args.heads_per_kv + HEADS - 1) / HEADS;
}

uint token_of(uint r)
{
	return first_token() + r / HEADS;
}

uint head_of(uint r)
{
	return gl_WorkGroupID.y / head_groups() * args.heads_per_kv +
	       gl_WorkGroupID.y % head_groups() * HEADS + r % HEADS;
}

bool row_is_live(uint r)
{
	return token_of(r) < live(args.slots, args.n) &&
	       gl_WorkGroupID.y % head_groups() * HEADS + r % HEADS < args.heads_per_kv;
}

/* What the mask and the cap make of a product of query and key. */
float score_of(float product, uint r, uint position)
{
	int behind = row_pos[r] - int(position);
	float s = product * args.scale;

	if (args.softcap != 0.0)
		s = args.softcap * tanh_exact(s / args.softcap);
	if (row_pos[r] < 0 || behind < 0 || args.window != 0 && behind >= int(args.window))
		s = NEVER;
	return s;
}

/* Scores to weights, relative to the row's new maximum. */
void weigh_page()
{
	uint r = gl_LocalInvocationID.x / TEAM, member = gl_LocalInvocationID.x % TEAM;

	for (uint from = 0; from < ROWS; from += GROUP / TEAM) {
		bool mine = from + r < ROWS;
		uint row = min(from + r, ROWS - 1);
		float s[KV_PAGE / TEAM], top = NEVER, sum = 0.0, before = row_top[row];

		[[unroll]] for (uint i = 0; i < KV_PAGE / TEAM; i++) {
			s[i] = score[row * KV_PAGE + i * TEAM + member];
			top = max(top, s[i]);
		}
		[[unroll]] for (uint d = 1; d < TEAM; d *= 2)
			top = max(top, subgroupShuffleXor(top, d));
		top = max(top, before);
		[[unroll]] for (uint i = 0; i < KV_PAGE / TEAM; i++) {
			s[i] = s[i] == NEVER ? 0.0 : exp(s[i] - top);
			sum += s[i];
		}
		[[unroll]] for (uint d = 1; d < TEAM; d *= 2)
			sum += subgroupShuffleXor(sum, d);
		if (!mine)
			continue;
		[[unroll]] for (uint i = 0; i < KV_PAGE / TEAM; i++)
			put_weight(row, i * TEAM + member, s[i]);
		before = top == before ? 1.0 : exp(before - top);
		put_shrink(row, member, before);
		if (member == 0) {
			row_total[row] = row_total[row] * before + sum;
			row_top[row] = top;
		}
	}
}

/* The pages, first and behind the last, that queries at positions from .. to see, or
 * this split's part. */
uvec2 seen_pages(uint from, uint to)
{
	uint first = args.window != 0 && from + 1 > args.window ? from + 1 - args.window : 0;
	uint begin = first / KV_PAGE, end = to / KV_PAGE + 1;
	uint share = (end - begin + SPLITS - 1) / SPLITS;

	if (SPLITS > 1) {
		begin += gl_WorkGroupID.z * share;
		end = min(end, begin + share);
	}
	return uvec2(begin, end);
}

void add_pages(int seq, uint from, uint to)
{
	uint kv_head = gl_WorkGroupID.y / head_groups();
	uint first = args.window != 0 && from + 1 > args.window ? from + 1 - args.window : 0;
	uint n_pages = min(args.k_cache.n_pages, args.v_cache.n_pages);
	uvec2 seen = seen_pages(from, to);

	int next = seen.x < seen.y ? kv_page(args.table, n_pages, seq, seen.x) : -1;

	for (uint b = seen.x; b < seen.y; b++) {
		int page = next;

		if (b + 1 < seen.y)
			next = kv_page(args.table, n_pages, seq, b + 1);
		if (page < 0)
			continue;
		take_page(kv_row(args.k_cache, page, kv_head, 0),
		          kv_row(args.v_cache, page, kv_head, 0), b * KV_PAGE,
		          uvec2(max(first, b * KV_PAGE), min(to + 1, (b + 1) * KV_PAGE)) - b * KV_PAGE);
		barrier();
	}
}

/* Behind the last token, from t on, of the sequence. */
uint sequence_end(int seq, uint t, uint end)
{
	if (TOKENS == 1)
		return t + 1;
	return max(t + 1, min(end, uint(i32_ref(args.seq_first).v[seq + 1])));
}

void begin_rows()
{
	uint me = gl_LocalInvocationID.x;

	if (me < ROWS) {
		row_top[me] = NEVER;
		row_total[me] = 0.0;
	}
}

/* All pages of the sequence that tokens t .. next - 1 belong to; `from` is the first
 * one's position. */
void attend_one(int seq, uint t, uint next, uint from)
{
	uint me = gl_LocalInvocationID.x;
	uint to = TOKENS == 1 ? from : uint(i32_ref(args.tok_pos).v[next - 1]);

	if (me < ROWS)
		row_pos[me] = row_is_live(me) && token_of(me) >= t && token_of(me) < next
		              ? i32_ref(args.tok_pos).v[token_of(me)] : -1;
	barrier();
	add_pages(seq, from, to);
	barrier();
}

#endif
