/* mmq_q8.glsl - y = W x for many columns, x quantised by quant_act and multiplied as
 * integers: tiles of codes in shared memory, unpacked once, 4 x 4 sums to an
 * invocation. w in packed rows. */
#include "../common/base.glsl"
#include "../common/dot.glsl"
#include "own.glsl"

/* A word more than a block has, so that rows start in different banks. */
shared uint w_codes[BM * 9];
shared vec4 w_scales[BM];
shared uint x_codes[BN * 9];
shared vec3 x_scales[BN]; /* d, sums of both halves */

void load_weights(tile t, sections at, uint kb)
{
	for (uint r = gl_LocalInvocationID.x; r < BM; r += GROUP) {
		unpacked u = unpack_rows32(W_TYPE, weight_row(t, r, ROW_TEAM), at, kb);

		[[unroll]] for (uint i = 0; i < 8; i++)
			w_codes[9 * r + i] = u.q[i];
		w_scales[r] = vec4(u.d, u.m);
	}
}

void load_x(tile t, uint kb)
{
	for (uint c = gl_LocalInvocationID.x; c < BN; c += GROUP) {
		uint64_t row = x_row(t, c);
		uvec4 a = uvec4_ref(row).v[2 * kb], b = uvec4_ref(row).v[2 * kb + 1];
		uvec2 h = uvec2_ref(row + args.k).v[kb];

		[[unroll]] for (uint i = 0; i < 4; i++) {
			x_codes[9 * c + i] = a[i];
			x_codes[9 * c + i + 4] = b[i];
		}
		x_scales[c] = vec3(uintBitsToFloat(h.x), int(h.y << 16) >> 16, int(h.y) >> 16);
	}
}

/* The products of a block. */
float term(uint r, uint c)
{
	vec4 w = w_scales[r];
	vec3 x = x_scales[c];
	ivec2 dots = ivec2(0);
	vec2 sums;

	[[unroll]] for (uint i = 0; i < 8; i++)
		dots[i / 4] += dot4(w_codes[9 * r + i], x_codes[9 * c + i]);
	sums = vec2(dots) - float(quant_offset(W_TYPE)) * x.yz;
	return x.x * (dot(w.xy, sums) - dot(w.zw, x.yz));
}

void main()
{
	sections at = sections_of(W_TYPE, args.k);
	float sums[OWN][OWN];
	tile t = my_tile();

	if (t.n_columns == 0)
		return;
	clear(sums);
	for (uint kb = 0; kb < args.k / 32; kb++) {
		load_weights(t, at, kb);
		load_x(t, kb);
		barrier();
		[[unroll]] for (uint i = 0; i < OWN; i++)
			[[unroll]] for (uint j = 0; j < OWN; j++)
				sums[i][j] += term(own_row(i), own_column(j));
		barrier();
	}
	store_own(t, sums);
}
