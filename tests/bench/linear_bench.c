/* linear_bench.c - how fast dmmv reads weights and mmq multiplies, beside the
 * speed at which the same threads can read memory, and at which one of them multiplies
 * bytes that it has in registers (what to give to zinc bench --peak-flops, in TFLOP/s
 * and times the threads).
 *
 * linear_bench [threads [plain|avx2|avx512]] */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "linear_case.h"

#define K 4096u
#define M 24576u /* past any cache at one column */

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

struct bench {
	enum cpu_isa isa;
	uint32_t threads;
	struct zinc_buf w, x, x_q8, y;
};

static uint64_t sink;

static uint64_t read_cut(const struct cpu_ctx *ctx, const void *desc)
{
	(void)desc;
	return ctx->nth;
}

static void read_all(const struct cpu_ctx *ctx, const void *desc)
{
	const struct zinc_op_linear *op = desc;
	const uint64_t *p = (const uint64_t *)(void *)cpu_ptr(&op->w);
	uint64_t n = op->w.nb[2] / sizeof(*p), first = n * ctx->piece / ctx->n_pieces;
	uint64_t s[8] = {0};

	for (uint64_t i = first; i + 8 <= n * (ctx->piece + 1) / ctx->n_pieces; i += 8)
		for (int j = 0; j < 8; j++)
			s[j] ^= p[i + j];
	__atomic_fetch_add(&sink, s[0] ^ s[1] ^ s[2] ^ s[3] ^ s[4] ^ s[5] ^ s[6] ^ s[7],
	                   __ATOMIC_RELAXED);
}

static int read_supports(struct zinc_dev *dev, const void *desc, uint32_t variant)
{
	(void)dev, (void)desc, (void)variant;
	return ZINC_OK;
}

static int read_record(struct zinc_cmd *cmd, const void *desc, uint32_t variant)
{
	static const struct cpu_work work = {.first = {read_cut, read_all}};

	(void)variant;
	return cpu_cmd_add(cmd, &cpu_op_dmmv, desc, &work);
}

static const struct zinc_op_impl op_read = {.supports = read_supports, .record = read_record};

/* The best of several runs. */
static double best(struct bench *b, const struct zinc_op_impl *impl,
                   const struct zinc_op_linear *op, uint32_t variant, int runs)
{
	double least = 1e9;

	for (int i = 0; i < runs; i++) {
		double t = now();

		if (linear_host_run(b->isa, b->threads, impl, op, variant, NULL))
			return 0.0;
		t = now() - t;
		least = t < least ? t : least;
	}
	return least;
}

#if defined(__x86_64__)
#include <immintrin.h>

/* Multiplications and additions per second of pairs of bytes, with AVX2. */
__attribute__((target("avx2"))) static double int8_peak(void)
{
	enum { SUMS = 8, TIMES = 10000000 };
	__m256i w = _mm256_set1_epi8(3), x = _mm256_set1_epi8(1), sum[SUMS];
	double least = 1e9;

	for (int run = 0; run < 5; run++) {
		double t = now();

		for (int i = 0; i < SUMS; i++)
			sum[i] = _mm256_setzero_si256();
		for (int n = 0; n < TIMES; n++) {
#pragma GCC unroll 8
			for (int i = 0; i < SUMS; i++) {
				__m256i p; /* written out: each product is made anew */

				__asm__ volatile("vpmaddubsw %1, %2, %0" : "=x"(p) : "x"(x), "x"(w));
				sum[i] = _mm256_add_epi16(sum[i], p);
			}
		}
		t = now() - t;
		least = t < least ? t : least;
	}
	for (int i = 0; i < SUMS; i++)
		sink += (uint64_t)_mm256_extract_epi64(sum[i], 0);
	return 64.0 * SUMS * TIMES / least;
}
#endif

static struct zinc_op_linear make_op(struct bench *b, uint32_t dtype, uint32_t n, bool q8)
{
	struct zinc_op_linear op = {.struct_size = sizeof(op)};

	op.w = linear_view(&b->w, dtype, K, M, 1);
	/* the bytes are all alike: they need no packing */
	op.w.layout = q8 ? LIN_PACKED : 0;
	op.y = linear_view(&b->y, ZINC_F32, M, n, 1);
	op.x = linear_view(&b->x, ZINC_F32, K, n, 1);
	op.n = zinc_imm(n);
	if (q8) {
		op.x.buf = &b->x_q8;
		op.x.dtype = ZINC_U8;
		op.x.layout = LIN_ACT_LAYOUT;
	}
	return op;
}

static void bench_type(struct bench *b, uint32_t dtype, const char *name)
{
	static const uint32_t columns[] = {1, 4, 64};

	for (uint32_t q8 = 0; q8 < 2; q8++) {
		if (q8 && !quant_format(dtype)->sub)
			continue;
		printf("%-7s %s", name, q8 ? "q8 " : "f32");
		for (int i = 0; i < 3; i++) {
			struct zinc_op_linear op = make_op(b, dtype, columns[i], q8);
			double t = best(b, &cpu_op_mmq, &op, q8 ? 0 : 1, columns[i] > 8 ? 3 : 40);

			printf("  %2u cols %6.1f GB/s %7.1f GFLOP/s", columns[i],
			       (double)op.w.nb[2] / t * 1e-9,
			       2.0 * K * M * columns[i] / t * 1e-9);
		}
		printf("\n");
		fflush(stdout);
	}
}

int main(int argc, char **argv)
{
	static const struct {
		uint32_t dtype;
		const char *name;
	} types[] = {{ZINC_Q4_K, "q4_k"}, {ZINC_Q6_K, "q6_k"}, {ZINC_Q8_0, "q8_0"},
	             {ZINC_Q4_0, "q4_0"}, {ZINC_Q5_K, "q5_k"}, {ZINC_F16, "f16"},
	             {ZINC_BF16, "bf16"}, {ZINC_F32, "f32"}, {ZINC_Q5_0, "q5_0"},
	             {ZINC_Q4_1, "q4_1"}, {ZINC_Q5_1, "q5_1"}, {ZINC_IQ4_NL, "iq4_nl"},
	             {ZINC_IQ4_XS, "iq4_xs"}, {ZINC_MXFP4, "mxfp4"}, {ZINC_Q3_K, "q3_k"},
	             {ZINC_Q2_K, "q2_k"}};
	struct bench b = {.isa = CPU_ISA_AVX2, .threads = argc > 1 ? (uint32_t)atoi(argv[1]) : 2};
	uint32_t seed = 1;
	const char *only = argc > 3 ? argv[3] : "";
	struct zinc_op_linear op;

	if (argc > 2)
		b.isa = !strcmp(argv[2], "plain") ? CPU_ISA_PLAIN
		                                  : !strcmp(argv[2], "avx512") ? CPU_ISA_AVX512
		                                                               : CPU_ISA_AVX2;
	linear_buf_create(&b.w, (uint64_t)K * M * 4);
	linear_buf_create(&b.x, 64 * K * sizeof(float));
	linear_buf_create(&b.x_q8, 64 * lin_act_row_bytes(K));
	linear_buf_create(&b.y, (uint64_t)64 * M * sizeof(float));
	memset(b.w.base, 0x11, b.w.bytes);
	for (uint32_t i = 0; i < 64 * K; i++)
		((float *)(void *)b.x.base)[i] = linear_random(&seed);
	for (uint32_t c = 0; c < 64; c++)
		lin_plain.quantise((float *)(void *)b.x.base + c * K, K,
		                   (struct lin_act *)(void *)b.x_q8.base + c * K / LIN_CHUNK);
	op = make_op(&b, ZINC_Q8_0, 1, true);
	printf("%u threads read %.1f GB/s\n", b.threads,
	       (double)op.w.nb[2] / best(&b, &op_read, &op, 0, 40) * 1e-9);
#if defined(__x86_64__)
	if (linear_host_has(CPU_ISA_AVX2))
		printf("1 thread multiplies bytes at %.0f GFLOP/s\n", int8_peak() * 1e-9);
#endif
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (!*only || !strcmp(only, types[i].name))
			bench_type(&b, types[i].dtype, types[i].name);
	free(b.w.base);
	free(b.x.base);
	free(b.x_q8.base);
	free(b.y.base);
	return 0;
}
