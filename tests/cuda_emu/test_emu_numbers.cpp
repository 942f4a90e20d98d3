/* test_emu_numbers.cpp - conversions, products of matrices and bit functions of the
 * emulation. */
#include <math.h>

#include "emu.h"
#include "test_rig.h"

/* Small and different numbers. */
static int number(uint32_t i)
{
	return static_cast<int>(i * 2654435761u >> 25) - 64;
}

/* A 16xK times B^T 8xK, both in `v`, A first. */
static double product(const std::vector<double> &v, uint32_t i, uint32_t j, uint32_t k, uint32_t ld)
{
	double sum = 0;

	for (uint32_t d = 0; d < k; d++)
		sum += v[ld * i + d] * v[16 * ld + ld * j + d];
	return sum;
}

static void mma_of_8_bits_is_a_product(void **)
{
	std::vector<int8_t> in(24 * 32);
	std::vector<double> v(in.size());

	for (uint32_t i = 0; i < in.size(); i++)
		v[i] = in[i] = static_cast<int8_t>(number(i) * 2);
	for (uint32_t option = 0; option < 2; option++) {
		auto out = rig_run<int32_t>("test_mma_s8", 1, 32, in, 128, option);

		for (uint32_t i = 0; i < 128; i++)
			assert_true(out[i] == product(v, i / 8, i % 8, option ? 16 : 32, 32));
	}
}

static void mma_of_16_bits_is_a_product(void **)
{
	for (uint32_t option = 0; option < 4; option++) {
		std::vector<uint16_t> in(24 * 16);
		std::vector<double> v(in.size());

		for (uint32_t i = 0; i < in.size(); i++) {
			float x = static_cast<float>(number(i)) / 4;

			in[i] = option & 1 ? ada_f32_to_bf16(x) : ada_f32_to_f16(x);
			v[i] = x;
		}
		auto out = rig_run<float>("test_mma_16", 1, 32, in, 128, option);

		for (uint32_t i = 0; i < 128; i++)
			assert_true(out[i] == product(v, i / 8, i % 8, 16, 16));
	}
}

/* What is below 10 bits of the mantissa does not count. */
static void mma_of_tf32_is_a_product(void **)
{
	std::vector<float> in(24 * 8);
	std::vector<double> v(in.size());

	for (uint32_t i = 0; i < in.size(); i++) {
		v[i] = number(i);
		in[i] = static_cast<float>(v[i]) * (1 + 0x1p-14f);
	}
	auto out = rig_run<float>("test_mma_tf32", 1, 32, in, 128);

	for (uint32_t i = 0; i < 128; i++)
		assert_true(out[i] == product(v, i / 8, i % 8, 8, 8));
}

static void matrices_are_transposed(void **)
{
	std::vector<uint16_t> in(64);

	for (uint32_t i = 0; i < 64; i++)
		in[i] = static_cast<uint16_t>(i);
	auto out = rig_run<uint16_t>("test_transpose", 1, 32, in, 128);

	for (uint32_t i = 0; i < 128; i++)
		assert_int_equal(out[i], i % 8 * 8 + i / 8 % 8);
}

/* Every F16 comes back; between two neighbours, the nearer one, and half-way the
 * even one. */
static void f16_rounds_to_nearest_even(void **)
{
	for (uint32_t h = 0; h < 0x7c00; h++) {
		const uint16_t lo = static_cast<uint16_t>(h), hi = static_cast<uint16_t>(h + 1);
		const float a = ada_f16_to_f32(lo), b = hi == 0x7c00 ? 65536 : ada_f16_to_f32(hi);
		const float middle = (a + b) / 2;

		assert_int_equal(ada_f32_to_f16(a), lo);
		assert_int_equal(ada_f32_to_f16(-a), lo | 0x8000);
		assert_int_equal(ada_f32_to_f16(middle), lo & 1 ? hi : lo);
		assert_int_equal(ada_f32_to_f16(nextafterf(middle, 0)), lo);
		assert_int_equal(ada_f32_to_f16(nextafterf(middle, 1e9f)), hi);
	}
	assert_true(ada_f16_to_f32(1) == 0x1p-24f);
	assert_true(ada_f16_to_f32(0x3c00) == 1);
	assert_true(isinf(ada_f16_to_f32(0xfc00)));
	assert_true(isnan(ada_f16_to_f32(0x7e00)));
	assert_int_equal(ada_f32_to_f16(NAN), 0x7fff);
	assert_int_equal(ada_f32_to_f16(1e30f), 0x7c00);
}

static void bf16_rounds_to_nearest_even(void **)
{
	assert_int_equal(ada_f32_to_bf16(1), 0x3f80);
	assert_int_equal(ada_f32_to_bf16(__uint_as_float(0x3f808000)), 0x3f80);
	assert_int_equal(ada_f32_to_bf16(__uint_as_float(0x3f818000)), 0x3f82);
	assert_int_equal(ada_f32_to_bf16(__uint_as_float(0x3f808001)), 0x3f81);
	assert_int_equal(ada_f32_to_bf16(__uint_as_float(0x7f7fffff)), 0x7f80);
	assert_int_equal(ada_f32_to_bf16(-NAN), 0x7fff);
	assert_true(ada_bf16_to_f32(0xc040) == -3);
}

/* 1 + 2^-10 squared is 1 + 2^-9 + 2^-20; less 1 it needs all of its bits. */
static void f16_fma_rounds_once(void **)
{
	const float x = 1 + 0x1p-10f;
	const uint32_t pair = ada_f16x2(x, 3), one = ada_f16x2(-1, 5);
	const float2 r = ada_f16x2_to_f32(ada_f16x2_fma(pair, pair, one));

	assert_true(r.x == 0x1p-9f);
	assert_true(r.y == 14);
	/* A product that is half-way, and a sum that tips it. */
	assert_int_equal(ada_f16x2_fma(ada_f16x2(1024 + 1, 0), ada_f16x2(2, 0), ada_f16x2(1, 0)) & 0xffff,
	                 ada_f32_to_f16(2051));
	assert_int_equal(ada_f16x2_fma(ada_f16x2(1.5f, 0), ada_f16x2(1, 0), ada_f16x2(0x1p-11f, 0)) & 0xffff,
	                 0x3e00);
	assert_int_equal(ada_f16x2_fma(ada_f16x2(1 + 0x1p-10f, 0), ada_f16x2(1, 0),
	                               ada_f16x2(0x1.004p-11f, 0)) & 0xffff, 0x3c02);
}

static void bit_functions_are_those_of_the_hardware(void **)
{
	assert_int_equal(__byte_perm(0x33221100, 0x77665544, 0x7160), 0x77116600);
	assert_int_equal(__dp4a(static_cast<int>(0x80ff0102), 0x0102fe7f, 5), -128 - 2 - 2 + 254 + 5);
	assert_int_equal(__dp4a(0xff010203u, 0xff020304u, 1u), 65025 + 2 + 6 + 12 + 1);
	assert_int_equal(__vsubss4(0x80017f00, 0x01028000), 0x80ff7f00);
	assert_int_equal(__vcmpeq4(0x01020304, 0x01000300), 0xff000000 | 0x0000ff00);
	assert_int_equal(__brev(0x80000001), 0x80000001);
	assert_int_equal(__brev(2), 0x40000000);
	assert_int_equal(__funnelshift_r(0x11223344, 0x55667788, 8), 0x88112233);
	assert_int_equal(__funnelshift_l(0x11223344, 0x55667788, 8), 0x66778811);
	assert_int_equal(__clz(1), 31);
	assert_int_equal(__ffs(8), 4);
	assert_int_equal(__float2int_rn(2.5f), 2);
	assert_int_equal(__float2int_rn(-1e20f), INT_MIN);
	assert_int_equal(__float2int_rz(-2.9f), -2);
	assert_int_equal(__float2uint_rn(-3), 0);
	assert_true(sinpif(1) == 0 && cospif(0.5f) == 0 && cospif(1) == -1 && sinpif(0.5f) == 1);
}

int main()
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(mma_of_8_bits_is_a_product),
	        cmocka_unit_test(mma_of_16_bits_is_a_product),
	        cmocka_unit_test(mma_of_tf32_is_a_product),
	        cmocka_unit_test(matrices_are_transposed),
	        cmocka_unit_test(f16_rounds_to_nearest_even),
	        cmocka_unit_test(bf16_rounds_to_nearest_even),
	        cmocka_unit_test(f16_fma_rounds_once),
	        cmocka_unit_test(bit_functions_are_those_of_the_hardware),
	};

	return cmocka_run_group_tests(tests, nullptr, nullptr);
}
