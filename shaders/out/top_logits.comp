/* top_logits.comp - the n_top largest of each row, descending; a workgroup per
 * row, or, of a long one, per part, which leaves the keys of its largest for another
 * workgroup to choose from. Elements are ordered by a key of 64 bits, the value's bits above the
 * inverted index, so that no two are equal. Up to eight passes over the row find the
 * key of the last one taken, 8 bits at a time, until all that share them are taken; then
 * all from there on are gathered and sorted. */
#version 460
#extension GL_GOOGLE_include_directive : require
#include "../common/base.glsl"

layout(constant_id = 1) const uint ROOM = 64; /* n_top, up to a power of two */
layout(constant_id = 2) const uint PARTS = 1;
layout(constant_id = 3) const uint MERGES = 0; /* the keys that PARTS workgroups left */

ARGS_PUSHED {
	uint64_t slots;
	rows x, ids, values;
	count n;
	uint lanes, n_top;
	uint64_t keys; /* with PARTS > 1: n_top of each part of each row */
	CHAIN_NEED
} args;

const uint BINS = 256; /* and invocations */

shared uint bins[BINS];
shared uint part_sum[BINS]; /* of a subgroup's bins */
shared uint digit, wanted; /* of this pass; elements still to find there */
shared bool all_wanted;    /* that have the digit */
shared uint n_found;
shared uint found_value[ROOM], found_id[ROOM];

/* Ascends with the value; equal for both zeros; 0 for NaN. */
uint key_of(float x)
{
	uint u = floatBitsToUint(x);

	if ((u & 0x7fffffff) > 0x7f800000)
		return 0;
	u = (u & 0x7fffffff) == 0 ? 0 : u;
	return (u & 0x80000000) != 0 ? ~u : u | 0x80000000;
}

bool is_before(uvec2 a, uvec2 b)
{
	return a.x > b.x || a.x == b.x && a.y > b.y;
}

/* The digit of this pass that holds the element looked for: an invocation per digit, the
 * largest first, knows how many elements have larger ones. */
void choose_digit()
{
	uint mine = BINS - 1 - gl_LocalInvocationID.x, have = bins[mine], still = wanted;
	uint sum = subgroupInclusiveAdd(have), above = sum - have;

	if (gl_SubgroupInvocationID == gl_SubgroupSize - 1)
		part_sum[gl_SubgroupID] = sum;
	barrier();
	for (uint i = 0; i < gl_SubgroupID; i++)
		above += part_sum[i];
	if (above < still && still <= above + have) {
		digit = mine;
		wanted = still - above;
		all_wanted = have == still - above;
	}
}

uint row()
{
	return MERGES != 0 ? group_index() : group_index() / PARTS;
}

uvec2_ref row_keys()
{
	return uvec2_ref(args.keys + 8ul * uint64_t(row() * PARTS) * args.n_top);
}

/* First and behind the last of this workgroup's elements. */
uvec2 own_elements()
{
	uint share = (args.lanes + PARTS - 1) / PARTS, part = group_index() % PARTS;

	if (MERGES != 0)
		return uvec2(0, PARTS * args.n_top);
	return uvec2(part * share, min(args.lanes, (part + 1) * share));
}

uvec2 key_at(f32_ref x, uint i)
{
	return MERGES != 0 ? row_keys().v[i] : uvec2(key_of(x.v[i]), ~i);
}

uvec2 find_last(f32_ref x, uvec2 own)
{
	uvec2 last = uvec2(0), mask = uvec2(0);

	for (uint pass = 0; pass < 8; pass++) {
		uint word = pass / 4, shift = 24 - 8 * (pass % 4);

		bins[gl_LocalInvocationID.x] = 0;
		barrier();
		for (uint i = own.x + gl_LocalInvocationID.x; i < own.y; i += GROUP) {
			uvec2 key = key_at(x, i);

			if ((key & mask) == last)
				atomicAdd(bins[key[word] >> shift & 255], 1);
		}
		barrier();
		choose_digit();
		barrier();
		last[word] |= digit << shift;
		mask[word] |= 255 << shift;
		if (all_wanted)
			break;
	}
	return last;
}

/* Bitonic (Batcher, 1968), descending. */
void sort_found()
{
	for (uint size = 2; size <= ROOM; size *= 2) {
		for (uint step = size / 2; step > 0; step /= 2) {
			barrier();
			for (uint i = gl_LocalInvocationID.x; i < ROOM; i += GROUP) {
				uint k = i ^ step;
				uvec2 a = uvec2(found_value[i], found_id[i]);
				uvec2 b;

				if (k < i)
					continue;
				b = uvec2(found_value[k], found_id[k]);
				if (is_before(b, a) != ((i & size) != 0)) {
					found_value[i] = b.x;
					found_id[i] = b.y;
					found_value[k] = a.x;
					found_id[k] = a.y;
				}
			}
		}
	}
	barrier();
}

void put(uint t, f32_ref x)
{
	for (uint i = gl_LocalInvocationID.x; i < args.n_top; i += GROUP) {
		if (PARTS > 1 && MERGES == 0) {
			uint at = group_index() % PARTS * args.n_top + i;

			row_keys().v[at] = uvec2(found_value[i], found_id[i]);
		} else {
			row_of(args.values, t, 0).v[i] = x.v[~found_id[i]];
			i32_ref(uint64_t(row_of(args.ids, t, 0))).v[i] = int(~found_id[i]);
		}
	}
}

void find_top(uint t)
{
	uvec2 last, own = own_elements();
	f32_ref x = row_of(args.x, t, 0);

	if (gl_LocalInvocationID.x == 0) {
		wanted = args.n_top;
		n_found = 0;
	}
	for (uint i = gl_LocalInvocationID.x; i < ROOM; i += GROUP)
		found_value[i] = found_id[i] = 0;
	last = find_last(x, own);
	for (uint i = own.x + gl_LocalInvocationID.x; i < own.y; i += GROUP) {
		uvec2 key = key_at(x, i);

		if (!is_before(last, key)) {
			uint at = atomicAdd(n_found, 1);

			found_value[at] = key.x;
			found_id[at] = key.y;
		}
	}
	sort_found();
	put(t, x);
}

void main()
{
	chain_wait(args.slots, args.need);
	if (row() < live(args.slots, args.n))
		find_top(row());
	chain_done(args.slots, args.need);
}
