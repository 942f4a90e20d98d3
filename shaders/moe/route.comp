/* route.comp - router logits of one token to its k experts and their weights; a
 * workgroup per token. With LISTS the token is the only one, and its cells are listed by
 * expert here; moe/lists does it for many. */
#version 460
#extension GL_GOOGLE_include_directive : require
#include "../common/base.glsl"
#include "../common/math.glsl"
#include "../common/reduce.glsl"
#include "../common/best.glsl"

layout(constant_id = 1) const uint EXPERTS_MAX = 256;
layout(constant_id = 2) const uint CHOSEN_MAX = 8;
layout(constant_id = 3) const uint HAS_BIAS = 0;
layout(constant_id = 4) const uint HAS_EXPERT_SCALE = 0;
layout(constant_id = 5) const uint LISTS = 0;

const uint SOFTMAX = 0, SOFTMAX_TOPK = 1, SIGMOID = 2, RENORM = 1;

ARGS_PUSHED {
	uint64_t slots, ids, weights, bias, expert_scale;
	rows logits;
	count n;
	uint n_expert, k, gating, flags;
	float scale;
	uint64_t expert_first, perm; /* with LISTS */
} args;

shared float p[EXPERTS_MAX];
shared uint order[EXPERTS_MAX];
shared uint chosen[CHOSEN_MAX];

/* p from the logits. */
void gate(f32_ref x)
{
	float top = -1.0 / 0.0, sum = 0.0;

	for (uint e = gl_LocalInvocationID.x; e < args.n_expert; e += GROUP) {
		p[e] = args.gating == SIGMOID ? sigmoid(x.v[e]) : x.v[e];
		top = max(top, p[e]);
	}
	if (args.gating != SOFTMAX)
		return;
	top = group_max(top);
	for (uint e = gl_LocalInvocationID.x; e < args.n_expert; e += GROUP) {
		p[e] = exp(p[e] - top);
		sum += p[e];
	}
	sum = group_sum(sum);
	for (uint e = gl_LocalInvocationID.x; e < args.n_expert; e += GROUP)
		p[e] /= sum;
}

/* Ascends with the value; equal for both zeros; 0 for NaN. */
uint order_of(float x)
{
	uint u = floatBitsToUint(x);

	if ((u & 0x7fffffff) > 0x7f800000)
		return 0;
	u = (u & 0x7fffffff) == 0 ? 0 : u;
	return (u & 0x80000000) != 0 ? ~u : u | 0x80000000;
}

/* An expert's place is the number of those before it: larger, or as large and lower. */
void choose()
{
	for (uint e = gl_LocalInvocationID.x; e < args.n_expert; e += GROUP)
		order[e] = order_of(HAS_BIAS != 0 ? p[e] + f32_ref(args.bias).v[e] : p[e]);
	barrier();
	for (uint e = gl_LocalInvocationID.x; e < args.n_expert; e += GROUP) {
		uint mine = order[e], place = 0;

		for (uint i = 0; i < args.n_expert; i++)
			place += order[i] > mine || order[i] == mine && i < e ? 1 : 0;
		if (place < args.k)
			chosen[place] = e;
	}
}

/* The bias has a say in who is chosen, not in their order. */
void sort_chosen()
{
	for (uint i = 1; i < args.k; i++) {
		uint e = chosen[i], at = i;

		for (; at > 0; at--) {
			uint other = chosen[at - 1];

			if (!is_before(candidate(p[e], e), candidate(p[other], other)))
				break;
			chosen[at] = other;
		}
		chosen[at] = e;
	}
}

/* An invocation has one of the chosen; the sums are everybody's own. */
void put_weights(uint t)
{
	uint mine = gl_LocalInvocationID.x;
	float top = p[chosen[0]], sum = 0.0, total = 0.0, f;

	if (mine >= args.k)
		return;
	for (uint s = 0; s < args.k && args.gating == SOFTMAX_TOPK; s++)
		total += exp(p[chosen[s]] - top);
	for (uint s = 0; s < args.k; s++)
		sum += args.gating == SOFTMAX_TOPK ? exp(p[chosen[s]] - top) / total : p[chosen[s]];
	f = p[chosen[mine]];
	if (args.gating == SOFTMAX_TOPK)
		f = exp(f - top) / total;
	if ((args.flags & RENORM) != 0 && sum != 0.0)
		f /= sum;
	if (args.scale != 0.0)
		f *= args.scale;
	if (HAS_EXPERT_SCALE != 0)
		f *= f32_ref(args.expert_scale).v[chosen[mine]];
	f32_ref(args.weights + 4ul * uint64_t(t) * args.k).v[mine] = f;
	i32_ref(args.ids).v[t * args.k + mine] = int(chosen[mine]);
}

/* Cells of experts before e. */
uint cells_before(uint e, uint cells)
{
	uint n = 0;

	for (uint s = 0; s < cells; s++)
		n += chosen[s] < e ? 1 : 0;
	return n;
}

void list_cells(uint cells)
{
	for (uint e = gl_LocalInvocationID.x; e <= args.n_expert; e += GROUP)
		i32_ref(args.expert_first).v[e] = int(cells_before(e, cells));
	for (uint s = gl_LocalInvocationID.x; s < cells; s += GROUP)
		i32_ref(args.perm).v[cells_before(chosen[s], cells)] = int(s);
}

void main()
{
	uint t = group_index();
	bool is_live = t < live(args.slots, args.n);

	if (is_live) {
		gate(row_of(args.logits, t, 0));
		barrier();
		choose();
		barrier();
		if (HAS_BIAS != 0 && gl_LocalInvocationID.x == 0)
			sort_chosen();
		barrier();
		put_weights(t);
	}
	if (LISTS != 0)
		list_cells(is_live ? args.k : 0);
}
