/* lists.comp - the routed cells grouped by expert, each group ascending: a counting
 * sort by one workgroup. Experts of a token differ, so that of a span of 32 tokens an
 * expert's part is a word of bits, and a cell's place in it a count of bits. */
#version 460
#extension GL_GOOGLE_include_directive : require
#include "../common/base.glsl"

layout(constant_id = 1) const uint EXPERTS_MAX = 256;
layout(constant_id = 2) const uint WORDS = 4; /* spans of 32 tokens sorted at once */

ARGS_PUSHED {
	uint64_t slots, ids, expert_first, perm;
	count n;
	uint n_expert, k;
} args;

shared uint next[EXPERTS_MAX];          /* place of the expert's next cell */
shared uint tokens[EXPERTS_MAX * WORDS]; /* that chose it, of these spans   */
shared uint total[GROUP];

/* Counts to places: a run of experts for each invocation. */
void count_cells(uint cells)
{
	uint me = gl_LocalInvocationID.x, run = (args.n_expert + GROUP - 1) / GROUP, sum = 0;

	for (uint e = me; e < args.n_expert; e += GROUP)
		next[e] = 0;
	barrier();
	for (uint i = me; i < cells; i += GROUP)
		atomicAdd(next[i32_ref(args.ids).v[i]], 1);
	barrier();
	for (uint e = me * run; e < min((me + 1) * run, args.n_expert); e++)
		sum += next[e];
	total[me] = sum;
	for (uint d = 1; d < GROUP; d *= 2) {
		uint below;

		barrier();
		below = me >= d ? total[me - d] : 0;
		barrier();
		total[me] += below;
	}
	sum = total[me] - sum;
	for (uint e = me * run; e < min((me + 1) * run, args.n_expert); e++) {
		uint n = next[e];

		next[e] = sum;
		i32_ref(args.expert_first).v[e] = int(sum);
		sum += n;
	}
	if (me == 0)
		i32_ref(args.expert_first).v[args.n_expert] = int(cells);
}

uint place_of(uint e, uint token)
{
	uint at = next[e], w = token / 32;

	[[unroll]] for (uint i = 0; i < WORDS; i++) {
		uint bits = tokens[e * WORDS + i];

		at += bitCount(i < w ? bits : i == w ? bits & ((1u << token % 32) - 1) : 0);
	}
	return at;
}

void main()
{
	uint me = gl_LocalInvocationID.x, cells = live(args.slots, args.n) * args.k;
	uint span = 32 * WORDS * args.k;
	i32_ref ids = i32_ref(args.ids), perm = i32_ref(args.perm);

	count_cells(cells);
	for (uint from = 0; from < cells; from += span) {
		uint end = min(from + span, cells);

		barrier();
		for (uint i = me; i < args.n_expert * WORDS; i += GROUP)
			tokens[i] = 0;
		barrier();
		for (uint i = from + me; i < end; i += GROUP) {
			uint t = (i - from) / args.k;

			atomicOr(tokens[uint(ids.v[i]) * WORDS + t / 32], 1u << t % 32);
		}
		barrier();
		for (uint i = from + me; i < end; i += GROUP)
			perm.v[place_of(uint(ids.v[i]), (i - from) / args.k)] = int(i);
		barrier();
		for (uint e = me; e < args.n_expert; e += GROUP)
			[[unroll]] for (uint w = 0; w < WORDS; w++)
				next[e] += bitCount(tokens[e * WORDS + w]);
	}
}
