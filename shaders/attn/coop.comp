/* coop.comp - attention of many queries of a prompt by cooperative matrices: inputs
 * rounded to 16 bits, sums in F32; see rows.glsl. RG groups of subgroups have the rows
 * of a matrix each, the CG subgroups of a group its keys or lanes of V. */
#version 460
#extension GL_GOOGLE_include_directive : require
#extension GL_KHR_cooperative_matrix : require
#extension GL_KHR_memory_scope_semantics : require
#extension GL_EXT_shader_explicit_arithmetic_types_float16 : require
#include "../common/base.glsl"

layout(constant_id = 1) const uint K_TYPE = 1;
layout(constant_id = 2) const uint V_TYPE = 1;
layout(constant_id = 3) const uint DOT_LANES = 128;
layout(constant_id = 4) const uint V_LANES = 128;
layout(constant_id = 5) const uint ROWS = 64;
layout(constant_id = 6) const uint HEADS = 4; /* of a tile; ROWS / HEADS tokens */
layout(constant_id = 7) const uint SUBGROUP = 32;
layout(constant_id = 8) const uint HAS_GATE = 0;
layout(constant_id = 9) const uint C = 16; /* rows, columns and depth of a matrix */

const uint SPLITS = 1;

#include "rows.glsl"

const uint RG = ROWS / C, CG = GROUP / SUBGROUP / RG;
const uint KEYS = KV_PAGE / C / CG, LANES = V_LANES / C / CG; /* matrices of a subgroup */
/* Of a row in shared memory, in f16vec4. */
const uint Q_STRIDE = DOT_LANES / 4 + 2;
const uint KV_STRIDE = (DOT_LANES > V_LANES ? DOT_LANES : V_LANES) / 4 + 2;
const uint P_STRIDE = KV_PAGE / 4 + 2;

shared f16vec4 q_tile[ROWS * Q_STRIDE];
shared f16vec4 kv_tile[KV_PAGE * KV_STRIDE]; /* K, then V of the page */
shared float16_t weights[ROWS * P_STRIDE * 4];
shared float shrink[ROWS * C]; /* each row's factor, as wide as a matrix */

coopmat<float, gl_ScopeSubgroup, C, C, gl_MatrixUseAccumulator> own[LANES];
uint my_row()
{
	return gl_SubgroupID / CG * C;
}

/* Few fit into registers. */
const bool KEEP = DOT_LANES <= 128;

coopmat<float16_t, gl_ScopeSubgroup, C, C, gl_MatrixUseA> query[KEEP ? DOT_LANES / C : 1];

void load_query(uint i, uint k)
{
	coopMatLoad(query[i], q_tile, my_row() * Q_STRIDE + k * (C / 4), Q_STRIDE,
	            gl_CooperativeMatrixLayoutRowMajor);
}

uint my_part()
{
	return gl_SubgroupID % CG;
}

void load_queries()
{
	for (uint i = gl_LocalInvocationID.x; i < ROWS * (DOT_LANES / 4); i += GROUP) {
		uint r = i / (DOT_LANES / 4), k = i % (DOT_LANES / 4);
		vec4 v = vec4(0.0);

		if (row_is_live(r)) {
			f32_ref q = row_of(args.q, token_of(r), head_of(r));

			v = vec4(q.v[4 * k], q.v[4 * k + 1], q.v[4 * k + 2], q.v[4 * k + 3]);
		}
		q_tile[r * Q_STRIDE + k] = f16vec4(v);
	}
}

/* Rows of the page that nobody sees become zeros. */
void load_page(uint dtype, uint64_t row, uint stride, uint lanes, uvec2 seen)
{
	[[unroll]] for (uint from = 0; from < KV_PAGE * (lanes / 4); from += GROUP) {
		uint i = from + gl_LocalInvocationID.x, key = i / (lanes / 4), k = i % (lanes / 4);
		uint there = clamp(key, seen.x, seen.y - 1);
		vec4 v = kv4_at(dtype, row + uint64_t(there) * stride, k);

		if (i < KV_PAGE * (lanes / 4))
			kv_tile[key * KV_STRIDE + k] = key == there ? f16vec4(v) : f16vec4(0.0);
	}
}

void score_page(uint first)
{
	[[unroll]] for (uint j = 0; j < KEYS; j++) {
		coopmat<float, gl_ScopeSubgroup, C, C, gl_MatrixUseAccumulator> sum =
			coopmat<float, gl_ScopeSubgroup, C, C, gl_MatrixUseAccumulator>(0.0);
		uint key = (my_part() * KEYS + j) * C;

		[[unroll]] for (uint k = 0; k < DOT_LANES / C; k++) {
			coopmat<float16_t, gl_ScopeSubgroup, C, C, gl_MatrixUseB> x;

			if (!KEEP)
				load_query(0, k);
			coopMatLoad(x, kv_tile, key * KV_STRIDE + k * (C / 4), KV_STRIDE,
			            gl_CooperativeMatrixLayoutColumnMajor);
			sum = coopMatMulAdd(query[KEEP ? k : 0], x, sum);
		}
		coopMatStore(sum, score, my_row() * KV_PAGE + key, KV_PAGE,
		             gl_CooperativeMatrixLayoutRowMajor);
	}
	barrier();
	for (uint i = gl_LocalInvocationID.x; i < ROWS * KV_PAGE; i += GROUP)
		score[i] = score_of(score[i], i / KV_PAGE, first + i % KV_PAGE);
}

void put_weight(uint row, uint key, float weight)
{
	weights[row * P_STRIDE * 4 + key] = float16_t(weight);
}

void put_shrink(uint row, uint member, float factor)
{
	[[unroll]] for (uint i = 0; i < C; i += TEAM)
		shrink[row * C + i + member] = factor;
}

void add_page()
{
	coopmat<float, gl_ScopeSubgroup, C, C, gl_MatrixUseAccumulator> factor;

	coopMatLoad(factor, shrink, my_row() * C, C, gl_CooperativeMatrixLayoutRowMajor);
	[[unroll]] for (uint i = 0; i < LANES; i++)
		own[i] = own[i] * factor;
	[[unroll]] for (uint k = 0; k < KV_PAGE / C; k++) {
		coopmat<float16_t, gl_ScopeSubgroup, C, C, gl_MatrixUseA> p;

		coopMatLoad(p, weights, my_row() * P_STRIDE * 4 + k * C, P_STRIDE * 4,
		            gl_CooperativeMatrixLayoutRowMajor);
		[[unroll]] for (uint i = 0; i < LANES; i++) {
			coopmat<float16_t, gl_ScopeSubgroup, C, C, gl_MatrixUseB> v;
			uint lane = (my_part() * LANES + i) * C;

			coopMatLoad(v, kv_tile, k * C * KV_STRIDE + lane / 4, KV_STRIDE,
			            gl_CooperativeMatrixLayoutRowMajor);
			own[i] = coopMatMulAdd(p, v, own[i]);
		}
	}
}

void take_page(uint64_t k_row, uint64_t v_row, uint first, uvec2 live)
{
	load_page(K_TYPE, k_row, args.k_cache.slot, DOT_LANES, live);
	barrier();
	score_page(first);
	barrier();
	load_page(V_TYPE, v_row, args.v_cache.slot, V_LANES, live);
	weigh_page();
	barrier();
	add_page();
}

/* Matrices travel through shared memory, where it is known who has what. */
void keep()
{
	uint mine = gl_SubgroupID * C * C;

	[[unroll]] for (uint i = 0; i < LANES; i++) {
		uint lane = (my_part() * LANES + i) * C;

		barrier();
		coopMatStore(own[i], score, mine, C, gl_CooperativeMatrixLayoutRowMajor);
		barrier();
		[[unroll]] for (uint e = 0; e < C * C; e += SUBGROUP) {
			uint at = e + gl_SubgroupInvocationID, r = my_row() + at / C;

			if (row_pos[r] >= 0) {
				float v = row_total[r] > 0.0 ? score[mine + at] / row_total[r] : 0.0;
				uint t = token_of(r), h = head_of(r);

				if (HAS_GATE != 0)
					v *= sigmoid(row_of(args.gate, t, h).v[lane + at % C]);
				row_of(args.y, t, h).v[lane + at % C] = v;
			}
		}
	}
}

void main()
{
	uint n = live(args.slots, args.n), t = first_token(), end = min(t + TOKENS, n);
	int seq = i32_ref(args.tok_seq).v[t];

	/* A workgroup for each sequence of the tile. */
	for (uint i = 0; i < gl_WorkGroupID.z && t < end; i++) {
		t = sequence_end(seq, t, end);
		seq = t < end ? i32_ref(args.tok_seq).v[t] : 0;
	}
	if (t >= end)
		return;
	load_queries();
	barrier();
	if (KEEP)
		[[unroll]] for (uint k = 0; k < DOT_LANES / C; k++)
			load_query(k, k);
	[[unroll]] for (uint i = 0; i < LANES; i++)
		own[i] = coopmat<float, gl_ScopeSubgroup, C, C, gl_MatrixUseAccumulator>(0.0);
	begin_rows();
	attend_one(seq, t, sequence_end(seq, t, end), uint(i32_ref(args.tok_pos).v[t]));
	keep();
}
