/* mmq_f32.comp - y = W x for many columns in F32, on any device: tiles of weights,
 * unpacked once, and of x in shared memory, 4 x 4 sums to an invocation. */
#version 460
#extension GL_GOOGLE_include_directive : require
#include "../common/base.glsl"
#include "tile.glsl"

const uint BK = 32, OWN = 4;

shared float w_tile[BK * (BM + 1)];
shared float x_tile[BK * (BN + 1)];

void load_weights(tile t, uint kb)
{
	float w[32];

	for (uint r = gl_LocalInvocationID.x; r < BM; r += GROUP) {
		weights32(W_TYPE, true, weight_row(t, r), kb, args.k, w);
		[[unroll]] for (uint i = 0; i < BK; i++)
			w_tile[i * (BM + 1) + r] = w[i];
	}
}

void load_x(tile t, uint kb)
{
	for (uint i = gl_LocalInvocationID.x; i < BK * BN; i += GROUP) {
		uint c = i / BK, k = i % BK;
		f32_ref x = f32_ref(x_row(t, c));

		x_tile[k * (BN + 1) + c] = BK * kb + k < args.k ? x.v[BK * kb + k] : 0.0;
	}
}

void clear(out float sums[OWN][OWN])
{
	[[unroll]] for (uint i = 0; i < OWN; i++)
		[[unroll]] for (uint j = 0; j < OWN; j++)
			sums[i][j] = 0.0;
}

void main()
{
	uint r = gl_LocalInvocationID.x % (BM / OWN), c = gl_LocalInvocationID.x / (BM / OWN);
	float sums[OWN][OWN], part[OWN][OWN]; /* of a step: rounding stays small */
	tile t = my_tile();

	if (t.n_columns == 0)
		return;
	clear(sums);
	for (uint kb = 0; kb < (args.k + BK - 1) / BK; kb++) {
		load_weights(t, kb);
		load_x(t, kb);
		barrier();
		clear(part);
		[[unroll]] for (uint k = 0; k < BK; k++) {
			float w[OWN], x[OWN];

			[[unroll]] for (uint i = 0; i < OWN; i++) {
				w[i] = w_tile[k * (BM + 1) + i * (BM / OWN) + r];
				x[i] = x_tile[k * (BN + 1) + OWN * c + i];
			}
			[[unroll]] for (uint i = 0; i < OWN; i++)
				[[unroll]] for (uint j = 0; j < OWN; j++)
					part[i][j] = fma(w[i], x[j], part[i][j]);
		}
		[[unroll]] for (uint i = 0; i < OWN; i++)
			[[unroll]] for (uint j = 0; j < OWN; j++)
				sums[i][j] += part[i][j];
		barrier();
	}
	[[unroll]] for (uint j = 0; j < OWN; j++)
		[[unroll]] for (uint i = 0; i < OWN; i++)
			store(t, i * (BM / OWN) + r, OWN * c + j, sums[i][j]);
}
