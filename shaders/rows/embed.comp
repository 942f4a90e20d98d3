/* embed.comp - rows of a table by id; an invocation makes 32 elements. */
#version 460
#extension GL_GOOGLE_include_directive : require
#include "../common/base.glsl"
#include "../common/packed.glsl"

layout(constant_id = 1) const uint DTYPE = 0;
layout(constant_id = 2) const uint PACKED = 0;
layout(constant_id = 3) const uint IN_HOST = 0; /* at `table` is the address of the rows */

ARGS_PUSHED {
	uint64_t slots, table, ids;
	rows y;
	count n;
	uint64_t table_row; /* bytes */
	uint n_rows, lanes;
	float scale;
} args;

void main()
{
	uint blocks = (args.lanes + 31) / 32, i = group_index() * GROUP + gl_LocalInvocationID.x;
	uint t = i / blocks, kb = i % blocks;
	uint64_t rows = args.table;
	float w[32];
	f32_ref y;
	int id;

	if (t >= live(args.slots, args.n))
		return;
	y = row_of(args.y, t, 0);
	id = i32_ref(args.ids).v[t];
	if (IN_HOST != 0)
		rows = packUint2x32(uvec2_ref(args.table).v[0]);
	if (id >= 0 && id < int(args.n_rows))
		weights32(DTYPE, PACKED != 0, rows + uint64_t(id) * args.table_row, kb,
		          args.lanes, w);
	else
		for (uint k = 0; k < 32; k++)
			w[k] = 0.0;
	for (uint k = 0; k < 32 && 32 * kb + k < args.lanes; k++)
		y.v[32 * kb + k] = w[k] * args.scale;
}
