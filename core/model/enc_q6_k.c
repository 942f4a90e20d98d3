/* enc_q6_k.c - the encoder of Q6_K: 256 elements in sixteen blocks of 16 with
 * x = d * scale * q, where d is F16, scale has eight bits for each block and q
 * six, both signed. */
#include <math.h>
#include <string.h>

#include "model/enc.h"
#include "model/enc_fit.h"
#include "model/half.h"

enum { BLOCK = 16, N_BLOCKS = 16, SUPER = BLOCK * N_BLOCKS, HALF = 32 };

/* int8_t */
enum { SCALE_LOW = -128, SCALE_HIGH = 127 };

struct super {
	const float *x;
	float w[SUPER];
	uint16_t d;
	int8_t scale[N_BLOCKS];
	int8_t q[SUPER];
};

static void round_block(struct super *s, int b, float fit)
{
	float d = half_f16_to_f32(s->d);
	int nearest = d != 0 ? (int)fminf(fmaxf(roundf(fit / d), SCALE_LOW), SCALE_HIGH) : 0;
	int8_t q[BLOCK];
	float best = -1;

	for (int scale = nearest - 1; scale <= nearest + 1; scale++) {
		float error;

		if (scale < SCALE_LOW || scale > SCALE_HIGH)
			continue;
		error = enc_round_scale(s->x + b * BLOCK, s->w + b * BLOCK, BLOCK, HALF,
		                        d * (float)scale, q);
		if (best >= 0 && error >= best)
			continue;
		best = error;
		s->scale[b] = (int8_t)scale;
		memcpy(s->q + b * BLOCK, q, BLOCK);
	}
}

/* Of each 128 elements, 64 bytes of low nibbles (elements 0 to 63 low, 64 to 127
 * high), and 32 bytes of upper two bits (four runs of 32 in a byte). */
static void put_q(uint8_t *dst, const int8_t *q)
{
	for (int part = 0; part < 2; part++) {
		uint8_t *low = dst + 64 * part, *high = dst + 128 + 32 * part;
		uint8_t u[SUPER / 2];

		for (int i = 0; i < SUPER / 2; i++)
			u[i] = (uint8_t)(q[part * (SUPER / 2) + i] + HALF);
		for (int i = 0; i < 64; i++)
			low[i] = (uint8_t)((u[i] & 15) | (u[i + 64] & 15) << 4);
		for (int i = 0; i < 32; i++)
			high[i] = (uint8_t)(u[i] >> 4 | u[i + 32] >> 4 << 2 | u[i + 64] >> 4 << 4 |
			                    u[i + 96] >> 4 << 6);
	}
}

void enc_block_q6_k(const float *x, uint8_t *dst)
{
	struct super s = {.x = x};
	float fit[N_BLOCKS], largest = 0;

	for (int b = 0; b < N_BLOCKS; b++) {
		enc_weights(x + b * BLOCK, BLOCK, s.w + b * BLOCK);
		fit[b] = enc_fit_scale(x + b * BLOCK, s.w + b * BLOCK, BLOCK, HALF);
		largest = fabsf(fit[b]) > fabsf(largest) ? fit[b] : largest;
	}
	/* The largest goes to the longer side; d takes its sign. */
	s.d = enc_half_scale(largest / SCALE_LOW);
	for (int b = 0; b < N_BLOCKS; b++)
		round_block(&s, b, fit[b]);
	put_q(dst, s.q);
	memcpy(dst + 192, s.scale, N_BLOCKS);
	memcpy(dst + 208, &s.d, 2);
}
