/* delta_net.comp - the gated delta rule token by token. A team of 8 invocations has
 * OWN_COLS columns of a V head's state in its registers, an eighth of the rows each,
 * and needs no other: tokens follow each other at the pace of a few shuffles, with the
 * loads of the next token under way. */
#version 460
#extension GL_GOOGLE_include_directive : require
#include "../common/base.glsl"
#include "../common/math.glsl"
#include "delta_args.glsl"

layout(constant_id = 4) const uint SUBGROUP = 32;

const uint TEAM = 8, OWN_COLS = 2;
const uint TEAMS = SUBGROUP / TEAM;
const uint FOURS = (D_K + 4 * TEAM - 1) / (4 * TEAM); /* rows of an invocation, by 4 */

/* What a token brings: this part of q and k, and these columns of v. */
vec4 q[FOURS], k[FOURS], next_q[FOURS], next_k[FOURS];

struct token {
	vec2 v;
	float alpha, beta;
};

uint member()
{
	return gl_SubgroupInvocationID / TEAMS;
}

uint first_column()
{
	uint team = gl_SubgroupID * TEAMS + gl_SubgroupInvocationID % TEAMS;

	return (gl_WorkGroupID.z * (GROUP / TEAM) + team) * OWN_COLS;
}

token load_token(uint t, uint head, uint k_head)
{
	f32_ref q_row = row_of(args.q, t, k_head), k_row = row_of(args.k, t, k_head);
	f32_ref v = row_of(args.v, t, head);
	uint first = member() * 4 * FOURS, col = first_column();
	token x;

	[[unroll]] for (uint i = 0; i < FOURS; i++) {
		next_q[i] = four_at(q_row, first + 4 * i);
		next_k[i] = four_at(k_row, first + 4 * i);
	}
	x.v = vec2(col < args.d_v ? v.v[col] : 0.0, col + 1 < args.d_v ? v.v[col + 1] : 0.0);
	x.alpha = row_of(args.alpha, t, 0).v[head];
	x.beta = row_of(args.beta, t, 0).v[head];
	return x;
}

vec4 team_sum(vec4 x)
{
	[[unroll]] for (uint d = TEAMS; d < SUBGROUP; d *= 2)
		x += subgroupShuffleXor(x, d);
	return x;
}

vec4 s[FOURS][OWN_COLS];

/* Advances the state and returns the token's output. With S the state, S' that after
 * this token, S' q = decay S q + u (k q): all sums are of the old state, at once. */
vec2 advance(token x, float decay)
{
	vec4 with_state = vec4(0.0), norms = vec4(0.0); /* S k, S q; qq, kk, kq */
	float q_scale = args.q_scale, k_scale = 1.0;
	vec2 u;

	[[unroll]] for (uint i = 0; i < FOURS; i++) {
		[[unroll]] for (uint c = 0; c < OWN_COLS; c++) {
			with_state[c] += dot(s[i][c], k[i]);
			with_state[2 + c] += dot(s[i][c], q[i]);
		}
		norms.x += dot(q[i], q[i]);
		norms.y += dot(k[i], k[i]);
		norms.z += dot(k[i], q[i]);
	}
	with_state = team_sum(with_state);
	norms = team_sum(norms);
	if (args.l2_eps != 0.0) {
		q_scale /= sqrt(norms.x + args.l2_eps);
		k_scale /= sqrt(norms.y + args.l2_eps);
	}
	u = sigmoid(x.beta) * (x.v - decay * k_scale * with_state.xy);
	[[unroll]] for (uint i = 0; i < FOURS; i++)
		[[unroll]] for (uint c = 0; c < OWN_COLS; c++)
			s[i][c] = decay * s[i][c] + u[c] * (k_scale * k[i]);
	return q_scale * (decay * with_state.zw + k_scale * norms.z * u);
}

void move_state(f32_ref state, bool keep)
{
	uint first = member() * 4 * FOURS, col = first_column();

	[[unroll]] for (uint i = 0; i < FOURS; i++)
		[[unroll]] for (uint c = 0; c < OWN_COLS; c++)
			[[unroll]] for (uint j = 0; j < 4; j++) {
				uint row = first + 4 * i + j;
				bool inside = row < D_K && col + c < args.d_v;

				uint at = row * args.d_v + col + c;

				if (!keep)
					s[i][c][j] = inside ? state.v[at] : 0.0;
				else if (inside)
					state.v[at] = s[i][c][j];
			}
}

void main()
{
	uint head = gl_WorkGroupID.x, k_head = k_head_of(head), col = first_column();
	float a = f32_ref(args.a).v[head], dt = f32_ref(args.dt).v[head];
	span mine = span_of(gl_WorkGroupID.y);
	f32_ref state;
	token x;

	if (mine.first >= mine.end)
		return;
	state = state_of(mine.slot, head);
	move_state(state, false);
	x = load_token(mine.first, head, k_head);
	for (uint t = mine.first; t < mine.end; t++) {
		token now = x;
		f32_ref y = row_of(args.y, t, head);
		vec2 out_now;

		[[unroll]] for (uint i = 0; i < FOURS; i++) {
			q[i] = next_q[i];
			k[i] = next_k[i];
		}
		x = load_token(min(t + 1, mine.end - 1), head, k_head);
		out_now = advance(now, exp(a * softplus(now.alpha + dt)));
		if (member() == 0 && col < args.d_v)
			y.v[col] = out_now.x;
		if (member() == 0 && col + 1 < args.d_v)
			y.v[col + 1] = out_now.y;
	}
	move_state(state, true);
}
