/* delta_chunk.comp - the gated delta rule for CHUNK tokens at once (Yang, Kautz,
 * Hatamizadeh, 2024; in the notation of op_ssm.h). With S the state before the chunk and
 * G(t) the product of the decays up to token t,
 *   u(t) = b(t) (v(t) - G(t) S^T k(t) - sum over s < t of G(t)/G(s) (k(s) k(t)) u(s))
 *   o(t) = G(t) S^T q(t) + sum over s <= t of G(t)/G(s) (k(s) q(t)) u(s)
 * so that tokens wait for each other only in the first sum, which is short. A workgroup
 * has COLUMNS columns of a V head's state in registers, each invocation a quarter of the
 * rows of one column. */
#version 460
#extension GL_GOOGLE_include_directive : require
#include "../common/base.glsl"
#include "../common/math.glsl"
#include "delta_args.glsl"

const uint CHUNK = 16, COLUMNS = 32;
const uint PARTS = 4; /* GROUP is 128: of as many invocations, */
const uint TEAM = 8;  /* and of those that bring a token       */
const uint FOURS = D_K / 4;
const uint BRING = FOURS / TEAM, OWN = FOURS / PARTS;
const uint STRIDE = FOURS + 1; /* odd, so that rows start in different banks */
const uint TOKENS = CHUNK / PARTS; /* whose results an invocation makes */

shared vec4 k_rows[CHUNK * STRIDE], q_rows[CHUNK * STRIDE];
shared float of_keys[CHUNK * CHUNK], of_queries[CHUNK * CHUNK]; /* products with earlier keys */
shared float log_decay[CHUNK], rate[CHUNK];
shared float decayed[CHUNK]; /* logarithm of the product of decays, this one's included */
shared float sums[PARTS * CHUNK * COLUMNS];
shared float right[CHUNK * COLUMNS];

/* What the next chunk brings. */
vec4 next_k[BRING], next_q[BRING];
float next_v[TOKENS], next_alpha, next_beta;

float v[TOKENS]; /* of this one */

vec4 state[OWN];

uint my_token()
{
	return gl_LocalInvocationID.x / TEAM;
}

uint my_column()
{
	return gl_LocalInvocationID.x % COLUMNS;
}

uint my_part()
{
	return gl_LocalInvocationID.x / COLUMNS;
}

/* Tokens that are not there bring zeros, which change nothing. */
void fetch(uint first, uint end, uint head, uint k_head, uint column)
{
	uint t = min(first + my_token(), end - 1);
	f32_ref q = row_of(args.q, t, k_head), k = row_of(args.k, t, k_head);

	[[unroll]] for (uint i = 0; i < BRING; i++) {
		uint at = 4 * (i * TEAM + gl_LocalInvocationID.x % TEAM);

		next_q[i] = four_at(q, at);
		next_k[i] = four_at(k, at);
	}
	next_alpha = row_of(args.alpha, t, 0).v[head];
	next_beta = row_of(args.beta, t, 0).v[head];
	[[unroll]] for (uint i = 0; i < TOKENS; i++)
		next_v[i] = row_of(args.v, min(first + my_part() * TOKENS + i, end - 1), head).v[column];
}

/* Keys and queries to shared memory, normalised, and what becomes of older state. */
void put(bool lives, float a, float dt)
{
	float qq = 0.0, kk = 0.0, q_scale = args.q_scale, k_scale = 1.0;

	[[unroll]] for (uint i = 0; i < BRING; i++) {
		qq += dot(next_q[i], next_q[i]);
		kk += dot(next_k[i], next_k[i]);
	}
	[[unroll]] for (uint d = 1; d < TEAM; d *= 2) {
		qq += subgroupShuffleXor(qq, d);
		kk += subgroupShuffleXor(kk, d);
	}
	if (args.l2_eps != 0.0) {
		q_scale /= sqrt(qq + args.l2_eps);
		k_scale /= sqrt(kk + args.l2_eps);
	}
	[[unroll]] for (uint i = 0; i < BRING; i++) {
		uint at = my_token() * STRIDE + i * TEAM + gl_LocalInvocationID.x % TEAM;

		k_rows[at] = lives ? k_scale * next_k[i] : vec4(0.0);
		q_rows[at] = lives ? q_scale * next_q[i] : vec4(0.0);
	}
	if (gl_LocalInvocationID.x % TEAM == 0) {
		log_decay[my_token()] = lives ? a * softplus(next_alpha + dt) : 0.0;
		rate[my_token()] = lives ? sigmoid(next_beta) : 0.0;
	}
}

void sum_decays()
{
	float sum = 0.0;

	if (gl_LocalInvocationID.x >= CHUNK)
		return;
	for (uint i = 0; i <= gl_LocalInvocationID.x; i++)
		sum += log_decay[i];
	decayed[gl_LocalInvocationID.x] = sum;
}

/* Products of keys and of queries with keys up to their own: two by two of either to an
 * invocation, scaled as the sums above want them. */
void multiply_rows()
{
	const uint tiles = CHUNK / 2;
	uint what = gl_LocalInvocationID.x / (tiles * tiles);
	uint tile = gl_LocalInvocationID.x % (tiles * tiles);
	uint t = tile / tiles * 2, s = tile % tiles * 2;
	float p[4] = float[](0.0, 0.0, 0.0, 0.0);

	if (s <= t)
		for (uint i = 0; i < FOURS; i++) {
			vec4 a = what == 0 ? k_rows[t * STRIDE + i] : q_rows[t * STRIDE + i];
			vec4 b = what == 0 ? k_rows[(t + 1) * STRIDE + i] : q_rows[(t + 1) * STRIDE + i];
			vec4 c = k_rows[s * STRIDE + i], d = k_rows[(s + 1) * STRIDE + i];

			p[0] += dot(a, c);
			p[1] += dot(a, d);
			p[2] += dot(b, c);
			p[3] += dot(b, d);
		}
	[[unroll]] for (uint i = 0; i < 4; i++) {
		uint row = t + i / 2, column = s + i % 2;
		float since = exp(min(decayed[row] - decayed[column], 0.0));

		if (what == 0)
			of_keys[row * CHUNK + column] = column < row ? rate[row] * since * p[i] : 0.0;
		else
			of_queries[row * CHUNK + column] = column <= row ? since * p[i] : 0.0;
	}
}

/* S^T times the chunk's keys or queries: the parts to shared memory. */
void multiply_state(bool by_keys)
{
	float part[CHUNK];

	[[unroll]] for (uint t = 0; t < CHUNK; t++)
		part[t] = 0.0;
	[[unroll]] for (uint i = 0; i < OWN; i++)
		[[unroll]] for (uint t = 0; t < CHUNK; t++) {
			uint at = t * STRIDE + my_part() * OWN + i;

			part[t] += dot(by_keys ? k_rows[at] : q_rows[at], state[i]);
		}
	[[unroll]] for (uint t = 0; t < CHUNK; t++)
		sums[(my_part() * CHUNK + t) * COLUMNS + my_column()] = part[t];
}

float whole(uint t)
{
	float sum = 0.0;

	[[unroll]] for (uint p = 0; p < PARTS; p++)
		sum += sums[(p * CHUNK + t) * COLUMNS + my_column()];
	return sum;
}

/* Every invocation of a column finds all of its u. */
void solve(out float u[CHUNK])
{
	[[unroll]] for (uint t = 0; t < CHUNK; t++) {
		u[t] = right[t * COLUMNS + my_column()];
		[[unroll]] for (uint s = 0; s < t; s++)
			u[t] -= of_keys[t * CHUNK + s] * u[s];
	}
}

void advance_state(const float u[CHUNK])
{
	float all = decayed[CHUNK - 1], keep = exp(all);

	[[unroll]] for (uint i = 0; i < OWN; i++)
		state[i] *= keep;
	[[unroll]] for (uint t = 0; t < CHUNK; t++) {
		float f = exp(min(all - decayed[t], 0.0)) * u[t];

		[[unroll]] for (uint i = 0; i < OWN; i++)
			state[i] += f * k_rows[t * STRIDE + my_part() * OWN + i];
	}
}

void take_chunk(uint first, uint end, uint head, uint column)
{
	float out_part[TOKENS], u[CHUNK];

	multiply_rows();
	multiply_state(true);
	barrier();
	[[unroll]] for (uint i = 0; i < TOKENS; i++) {
		uint t = my_part() * TOKENS + i;

		right[t * COLUMNS + my_column()] = rate[t] * (v[i] - exp(decayed[t]) * whole(t));
	}
	barrier();
	multiply_state(false);
	barrier();
	solve(u);
	[[unroll]] for (uint i = 0; i < TOKENS; i++) {
		uint t = my_part() * TOKENS + i;
		float o = exp(decayed[t]) * whole(t);

		[[unroll]] for (uint s = 0; s < CHUNK; s++)
			o += of_queries[t * CHUNK + s] * u[s];
		if (first + t < end)
			row_of(args.y, first + t, head).v[column] = o;
	}
	advance_state(u);
}

void main()
{
	uint head = gl_WorkGroupID.x, k_head = k_head_of(head);
	uint column = gl_WorkGroupID.z * COLUMNS + my_column();
	float a = f32_ref(args.a).v[head], dt = f32_ref(args.dt).v[head];
	span mine = span_of(gl_WorkGroupID.y);
	f32_ref slot;

	if (mine.first >= mine.end)
		return;
	slot = state_of(mine.slot, head);
	[[unroll]] for (uint i = 0; i < OWN; i++)
		[[unroll]] for (uint j = 0; j < 4; j++)
			state[i][j] = slot.v[((my_part() * OWN + i) * 4 + j) * args.d_v + column];
	fetch(mine.first, mine.end, head, k_head, column);
	for (uint t = mine.first; t < mine.end; t += CHUNK) {
		barrier();
		put(t + my_token() < mine.end, a, dt);
		[[unroll]] for (uint i = 0; i < TOKENS; i++)
			v[i] = next_v[i];
		barrier();
		fetch(min(t + CHUNK, mine.end - 1), mine.end, head, k_head, column);
		sum_decays();
		barrier();
		take_chunk(t, mine.end, head, column);
	}
	[[unroll]] for (uint i = 0; i < OWN; i++)
		[[unroll]] for (uint j = 0; j < 4; j++)
			slot.v[((my_part() * OWN + i) * 4 + j) * args.d_v + column] = state[i][j];
}
