/* test_enc.c - encoders against exact decoders: how large the error is, beside
 * that of plain encoders written here, and what unusual values become. */
#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "model/enc.h"
#include "model/half.h"
#include "quant.h"

enum { N = 64 * 256 };

/* sub: elements that share a scale (and a minimum where low is 0); low, high:
 * their integers; scale_max: steps of the scales, 0 where they are F16. */
static const struct format {
	const char *name;
	uint32_t dtype;
	int sub, low, high, scale_max;
	double bell, tails; /* relative errors on the data below; no more is allowed */
} formats[] = {
	{"q8_0", ZINC_Q8_0, 32, -127, 127, 0, 0.00535, 0.00675},
	{"q4_0", ZINC_Q4_0, 32, -8, 7, 0, 0.0820, 0.1030},
	{"q5_0", ZINC_Q5_0, 32, -16, 15, 0, 0.0402, 0.0515},
	{"q5_1", ZINC_Q5_1, 32, 0, 31, 0, 0.0341, 0.0401},
	{"q4_k", ZINC_Q4_K, 32, 0, 15, 63, 0.0713, 0.0842},
	{"q5_k", ZINC_Q5_K, 32, 0, 31, 63, 0.0351, 0.0415},
	{"q6_k", ZINC_Q6_K, 16, -32, 31, 128, 0.0170, 0.0210},
};

enum { N_FORMATS = sizeof(formats) / sizeof(formats[0]) };

static double uniform(uint64_t *seed)
{
	*seed = *seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return ((double)(*seed >> 11) + 0.5) / 9007199254740992.0;
}

static void fill_bell(float *x)
{
	uint64_t seed = 1;

	for (int i = 0; i < N; i++)
		x[i] = (float)(0.02 * sqrt(-2 * log(uniform(&seed))) *
		               cos(6.283185307179586 * uniform(&seed)));
}

/* Laplace: more large values than a bell curve has. */
static void fill_tails(float *x)
{
	uint64_t seed = 2;

	for (int i = 0; i < N; i++) {
		double u = uniform(&seed) - 0.5;

		x[i] = (float)(0.01 * (u < 0 ? 1 : -1) * log(1 - 2 * fabs(u)));
	}
}

/* No value is near zero, where a minimum would have to be: 0.15 to 0.35. */
static void fill_high(float *x)
{
	uint64_t seed = 3;

	for (int i = 0; i < N; i++)
		x[i] = (float)(0.15 + 0.2 * uniform(&seed));
}

static void encode_decode(const struct format *f, const float *x, float *y, uint64_t n)
{
	uint8_t *blocks = malloc(quant_row_bytes(f->dtype, n));

	assert_int_equal(enc_row(f->dtype, x, blocks, n), ENC_OK);
	quant_to_f32(f->dtype, blocks, y, n);
	free(blocks);
}

static double error_of(const float *x, const float *y, int n)
{
	double e = 0, s = 0;

	for (int i = 0; i < n; i++) {
		assert_true(isfinite(y[i]));
		e += ((double)x[i] - y[i]) * ((double)x[i] - y[i]);
		s += (double)x[i] * x[i];
	}
	return sqrt(e / s);
}

static float clamp_round(float v, int lo, int hi)
{
	v = roundf(v);
	return v < (float)lo ? (float)lo : v > (float)hi ? (float)hi : v;
}

/* The scale that just spans the values. */
static float span(const struct format *f, const float *x, float *min)
{
	float low = 0, high = x[0], extreme = 0;

	for (int i = 0; i < f->sub; i++) {
		low = fminf(low, x[i]);
		high = fmaxf(high, x[i]);
		extreme = fabsf(x[i]) > fabsf(extreme) ? x[i] : extreme;
	}
	*min = f->low ? 0 : -low;
	return f->low ? extreme / (float)f->low : (high - low) / (float)f->high;
}

/* A scale as the format keeps it: F16, or so many steps of the largest. */
static float kept(const struct format *f, float scale, float largest)
{
	float step = largest / (float)f->scale_max;

	if (!f->scale_max)
		return quant_f16_to_f32(quant_f32_to_f16(scale));
	return largest != 0 ? roundf(scale / step) * step : 0;
}

/* 256 elements: what they are after rounding with the scale that spans them. */
static void plain_encode(const struct format *f, const float *x, float *y)
{
	float scale[16], min[16], d = 0, dmin = 0;
	int n = 256 / f->sub;

	for (int b = 0; b < n; b++) {
		scale[b] = span(f, x + b * f->sub, &min[b]);
		d = fabsf(scale[b]) > fabsf(d) ? scale[b] : d;
		dmin = fmaxf(dmin, min[b]);
	}
	for (int i = 0; i < 256; i++) {
		float s = kept(f, scale[i / f->sub], d), m = kept(f, min[i / f->sub], dmin);
		float q = s != 0 ? clamp_round((x[i] + m) / s, f->low, f->high) : 0;

		y[i] = q * s - m;
	}
}

static void check_error(const struct format *f, const char *data, const float *x, double bound)
{
	float *y = malloc(N * sizeof(*y));
	double ours, plain;

	encode_decode(f, x, y, N);
	ours = error_of(x, y, N);
	for (int i = 0; i < N; i += 256)
		plain_encode(f, x + i, y + i);
	plain = error_of(x, y, N);
	free(y);
	if (ours > bound)
		fail_msg("%s, %s: error %.5f, at most %.5f expected", f->name, data, ours, bound);
	if (ours > plain)
		fail_msg("%s, %s: error %.5f, a plain encoder has %.5f", f->name, data, ours,
		         plain);
}

static void errors_are_small(void **state)
{
	float *x = malloc(N * sizeof(*x));

	(void)state;
	for (int i = 0; i < N_FORMATS; i++) {
		fill_bell(x);
		check_error(&formats[i], "bell", x, formats[i].bell);
		fill_tails(x);
		check_error(&formats[i], "tails", x, formats[i].tails);
		fill_high(x);
		check_error(&formats[i], "high", x, formats[i].bell);
	}
	free(x);
}

static void zeros_stay_zeros(void **state)
{
	float x[256] = {0}, y[256];

	(void)state;
	for (int i = 0; i < N_FORMATS; i++) {
		encode_decode(&formats[i], x, y, 256);
		for (int j = 0; j < 256; j++)
			assert_true(y[j] == 0);
	}
}

static void constants_stay_constant(void **state)
{
	static const float values[] = {1, -1, 0.37f, -0.37f, 60000, -60000};
	float x[256], y[256];

	(void)state;
	for (int i = 0; i < N_FORMATS; i++) {
		for (size_t v = 0; v < sizeof(values) / sizeof(values[0]); v++) {
			for (int j = 0; j < 256; j++)
				x[j] = values[v];
			encode_decode(&formats[i], x, y, 256);
			if (error_of(x, y, 256) > 2e-3)
				fail_msg("%s: %g becomes %g", formats[i].name, (double)x[0],
				         (double)y[0]);
		}
	}
}

/* Below what F16 scales can tell from zero nothing is left, or noise of the size
 * of the values; fill_bell() gives some 0.08. */
static void tiny_values_do_no_harm(void **state)
{
	float x[N], y[N];

	(void)state;
	for (float size = 1e-3f; size > 1e-42f; size /= 10) {
		fill_bell(x);
		for (int i = 0; i < N; i++)
			x[i] *= size;
		for (int i = 0; i < N_FORMATS; i++) {
			encode_decode(&formats[i], x, y, N);
			for (int j = 0; j < N; j++)
				assert_true(fabsf(y[j] - x[j]) <= 0.16f * size);
		}
	}
}

/* Here the factors of the K formats are below the normal range of F16. */
static void faint_values_keep_their_shape(void **state)
{
	float *x = malloc(N * sizeof(*x)), *y = malloc(N * sizeof(*y));

	(void)state;
	fill_tails(x);
	for (int i = 0; i < N; i++)
		x[i] *= 1e-3f;
	for (int i = 0; i < N_FORMATS; i++) {
		encode_decode(&formats[i], x, y, N);
		assert_true(error_of(x, y, N) <= 1.2 * formats[i].tails);
	}
	free(x);
	free(y);
}

static void large_values_fit(void **state)
{
	float *x = malloc(N * sizeof(*x)), *y = malloc(N * sizeof(*y));

	(void)state;
	for (int i = 0; i < N_FORMATS; i++) {
		/* 4 sigma of the bell: 0.08 */
		float factor = formats[i].dtype == ZINC_Q5_1 ? 4e5f : 4e6f;

		fill_bell(x);
		for (int j = 0; j < N; j++)
			x[j] *= factor;
		encode_decode(&formats[i], x, y, N);
		assert_true(error_of(x, y, N) <= formats[i].bell);
	}
	free(x);
	free(y);
}

static void an_outlier_survives(void **state)
{
	float x[256], y[256];

	(void)state;
	for (int i = 0; i < N_FORMATS; i++) {
		for (int j = 0; j < 256; j++)
			x[j] = j % 2 ? 0.01f : -0.01f;
		x[77] = 50;
		encode_decode(&formats[i], x, y, 256);
		assert_true(fabsf(y[77] - 50) < 0.1f);
		assert_true(error_of(x, y, 256) < 0.004);
	}
}

static void what_does_not_fit_is_refused(void **state)
{
	static const float bad[] = {INFINITY, -INFINITY, NAN};
	float x[256] = {0};
	uint8_t blocks[1024];

	(void)state;
	for (int i = 0; i < N_FORMATS; i++) {
		for (int j = 0; j < 3; j++) {
			x[j * 100] = bad[j];
			assert_int_equal(enc_row(formats[i].dtype, x, blocks, 256), ENC_NOT_FINITE);
			x[j * 100] = 0;
		}
		x[255] = -FLT_MAX;
		assert_int_equal(enc_row(formats[i].dtype, x, blocks, 256), ENC_TOO_LARGE);
		x[255] = 0;
	}
	assert_false(enc_supports(ZINC_F32));
	assert_false(enc_supports(ZINC_Q4_1));
	assert_false(enc_supports(ZINC_DTYPE_MAX));
}

static void plain_rows_load(void **state)
{
	static const uint16_t f16[] = {0x3c00, 0x8001, 0x7bff, 0x0400};
	static const uint16_t bf16[] = {0x3f80, 0xc000, 0x0001, 0x7f7f};
	float x[4];

	(void)state;
	assert_true(enc_load_row(ZINC_F16, (const uint8_t *)f16, x, 4));
	assert_true(x[0] == 1 && x[1] == -0x1p-24f && x[2] == 65504 && x[3] == 0x1p-14f);
	assert_true(enc_load_row(ZINC_BF16, (const uint8_t *)bf16, x, 4));
	assert_true(x[0] == 1 && x[1] == -2 && x[2] == 0x1p-133f && x[3] == 0x1.fep127f);
	assert_false(enc_load_row(ZINC_Q8_0, (const uint8_t *)f16, x, 4));
}

static void halves_round_to_even(void **state)
{
	(void)state;
	for (uint32_t h = 0; h < 0x7c00; h++) {
		float f = half_f16_to_f32((uint16_t)h), next = half_f16_to_f32((uint16_t)(h + 1));
		float middle = f + (next - f) / 2;

		assert_int_equal(half_f32_to_f16(f), h);
		assert_int_equal(half_f32_to_f16(-f), h | 0x8000);
		if (h + 1 < 0x7c00)
			assert_int_equal(half_f32_to_f16(middle), h + (h & 1));
	}
	assert_int_equal(half_f32_to_f16(65519.9f), 0x7bff);
	assert_int_equal(half_f32_to_f16(65520), 0x7c00);
	assert_int_equal(half_f32_to_f16(NAN) & 0x7fff, 0x7e00);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(errors_are_small),
		cmocka_unit_test(zeros_stay_zeros),
		cmocka_unit_test(constants_stay_constant),
		cmocka_unit_test(tiny_values_do_no_harm),
		cmocka_unit_test(faint_values_keep_their_shape),
		cmocka_unit_test(large_values_fit),
		cmocka_unit_test(an_outlier_survives),
		cmocka_unit_test(what_does_not_fit_is_refused),
		cmocka_unit_test(plain_rows_load),
		cmocka_unit_test(halves_round_to_even),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
