/* dmmv_q8.glsl - y = W x for few columns, x quantised by quant_act and multiplied as
 * integers; w in packed rows. A team of invocations shares ROWS rows, each taking
 * every TEAM-th block of 32 elements. The order of a sum depends on the
 * matrix alone, so any number of columns gives the same bits. With QUANT, of one column, the
 * result goes to the layout of a product, too. */
#include "../common/base.glsl"
#include "../common/dot.glsl"
#include "../common/quant.glsl"
#include "product.glsl"

layout(constant_id = 12) const uint QUANT = 0; /* QUANT_Q8, QUANT_F16 */

/* A block of x. */
struct act {
	uint q[8];
	float d;
	ivec2 sum; /* of the quants of each half */
};

act load_act(uint64_t row, uint kb)
{
	uvec4 a = uvec4_ref(row).v[2 * kb], b = uvec4_ref(row).v[2 * kb + 1];
	uvec2 h = uvec2_ref(row + args.k).v[kb];
	act x;

	[[unroll]] for (uint i = 0; i < 4; i++) {
		x.q[i] = a[i];
		x.q[i + 4] = b[i];
	}
	x.d = uintBitsToFloat(h.x);
	x.sum = ivec2(int(h.y << 16) >> 16, int(h.y) >> 16);
	return x;
}

bool has_two_scales(uint dtype)
{
	return dtype == Q2_K || dtype == Q3_K || dtype == Q6_K;
}

/* The products of a block; off is taken from every weight's code. */
float term(uint dtype, unpacked w, act x)
{
	ivec2 dots = ivec2(0);
	precise float sum, m;

	[[unroll]] for (uint i = 0; i < 8; i++)
		dots[i / 4] += dot4(w.q[i], x.q[i]);
	dots -= quant_offset(dtype) * x.sum;
	if (has_two_scales(dtype)) {
		precise float a = w.d.x * float(dots.x), b = w.d.y * float(dots.y);

		sum = a + b;
		if (dtype != Q2_K)
			return sum;
		a = w.m.x * float(x.sum.x);
		b = w.m.y * float(x.sum.y);
		m = a + b;
		sum -= m;
		return sum;
	}
	sum = w.d.x * float(dots.x + dots.y);
	if (dtype != Q4_1 && dtype != Q5_1 && dtype != Q4_K && dtype != Q5_K)
		return sum;
	m = w.m.x * float(x.sum.x + x.sum.y);
	sum -= m;
	return sum;
}

uint64_t x_row(uint c)
{
	uvec2 at = column(c);

	return args.x.at + 4ul * (uint64_t(at.x) * args.x.token + uint64_t(at.y) * args.x.head);
}

/* By column and row of the team; the gate's after the others. */
float acc[2 * ROWS * NUM_COLS];

/* Blocks under way: AHEAD of each row, as memory has them, which takes fewer registers. */
stored under_way[AHEAD * ROWS];

void fetch(uint dtype, uint64_t w, uint stride, uint row, uint kb)
{
	sections at = sections_of(dtype, args.k);

	[[unroll]] for (uint i = 0; i < AHEAD * ROWS; i++) {
		uint64_t at_row = w + uint64_t(min(row + i % ROWS, args.m - 1)) * stride;

		under_way[i] = load_rows32(dtype, at_row, at,
		                           min(kb + i / ROWS * TEAM, args.k / 32 - 1));
	}
}

/* The products of one block of each row with all columns. */
void multiply_block(uint dtype, uint a, uint kb, uint first, uint n_cols)
{
	unpacked w[ROWS];

	[[unroll]] for (uint r = 0; r < ROWS; r++)
		w[r] = unpack_stored(dtype, under_way[a * ROWS + r], kb);
	[[unroll]] for (uint c = 0; c < NUM_COLS; c++) {
		act x = load_act(x_row(min(c, n_cols - 1)), kb);

		[[unroll]] for (uint r = 0; r < ROWS; r++) {
			uint cell = first + c * ROWS + r;

			acc[cell] = fma(x.d, term(dtype, w[r], x), acc[cell]);
		}
	}
}

/* fetched: the first blocks are under way already. */
void multiply(uint dtype, uint64_t w, uint stride, uint first, uint row, uint n_cols, bool fetched)
{
	uint blocks = args.k / 32;

	for (uint kb = my_index() % TEAM; kb < blocks; kb += AHEAD * TEAM) {
		if (!fetched)
			fetch(dtype, w, stride, row, kb);
		fetched = false;
		[[unroll]] for (uint a = 0; a < AHEAD; a++)
			if (a == 0 || kb + a * TEAM < blocks)
				multiply_block(dtype, a, kb + a * TEAM, first, n_cols);
	}
}

/* With QUANT: the rows of the workgroup, which are whole blocks. */
const uint RESULTS = QUANT != 0 ? GROUP / TEAM * ROWS : 4;

shared float result[RESULTS];

void leave_quants(uint row)
{
	uint at = 4 * gl_LocalInvocationID.x, first = row / RESULTS * RESULTS;
	bool mine = at < RESULTS && first + at < args.m;
	vec4 four = vec4(0.0);

	barrier();
	[[unroll]] for (uint i = 0; i < 4; i++)
		if (mine)
			four[i] = result[at + i];
	put_quants(QUANT, args.ids, first + at, args.m, four, mine);
}

/* Which expert it is may be known only behind a wait. */
const bool EARLY = CHAINED && EXPERTS == 0;

void multiply_rows(uint row, uint n_cols)
{
	const uint cells = ROWS * NUM_COLS;
	uint expert = expert_of_group();

	[[unroll]] for (uint i = 0; i < 2 * cells; i++)
		acc[i] = 0.0;
	multiply(W_TYPE, args.w + uint64_t(expert) * args.w_expert * args.w_row, args.w_row, 0, row,
	         n_cols, EARLY);
	if (ACT != 0)
		multiply(GATE_TYPE,
		         args.gate_w + uint64_t(expert) * args.gate_expert * args.gate_row,
		         args.gate_row, cells, row, n_cols, false);
	[[unroll]] for (uint i = 0; i < cells; i++) {
		float sum = team_sum(acc[i]), g = ACT != 0 ? team_sum(acc[cells + i]) : 0.0;
		uint r = row + i % ROWS, c = i / ROWS;

		if (c < n_cols && r < args.m && my_index() % TEAM == i % TEAM) {
			float y = finish(r, c, sum, g);

			if (QUANT != 0)
				result[r % RESULTS] = y;
		}
	}
	if (QUANT != 0)
		leave_quants(row);
}

void main()
{
	uint row = first_row(), n_cols = live_columns();

	if (EARLY)
		fetch(W_TYPE, args.w, args.w_row, row, my_index() % TEAM);
	chain_wait(args.slots, args.need);
	if (n_cols != 0)
		multiply_rows(row, n_cols);
	chain_done(args.slots, args.need);
}
