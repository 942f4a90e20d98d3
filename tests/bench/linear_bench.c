/* linear_bench.c - how fast dmmv reads weights and mmq multiplies. What memory and
 * registers give at most, zinc bench says. One thread is timed by its processor time.
 *
 * linear_bench [threads [plain|avx2|avx512 [TYPE|all [K [COLUMNS...]]]]] */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "linear_case.h"

#define MAX_COLUMNS 64u
#define MAX_K 16384u
#define WEIGHTS (96u << 20) /* past any cache at one column */

struct bench {
	enum cpu_isa isa;
	uint32_t threads;
	uint32_t k, m;
	uint32_t columns[8], n_columns;
	struct zinc_buf w, x, x_q8, y;
};

static double now(const struct bench *b)
{
	struct timespec t;

	clock_gettime(b->threads == 1 ? CLOCK_PROCESS_CPUTIME_ID : CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* The best of several runs. */
static double best(struct bench *b, const struct zinc_op_impl *impl,
                   const struct zinc_op_linear *op, uint32_t variant, int runs)
{
	double least = 1e9;

	for (int i = 0; i < runs; i++) {
		double t = now(b);

		if (linear_host_run(b->isa, b->threads, impl, op, variant, NULL))
			return 0.0;
		t = now(b) - t;
		least = t < least ? t : least;
	}
	return least;
}

static struct zinc_op_linear make_op(struct bench *b, uint32_t dtype, uint32_t n, bool q8)
{
	struct zinc_op_linear op = {.struct_size = sizeof(op)};

	op.w = linear_view(&b->w, dtype, b->k, b->m, 1);
	/* the bytes are all alike: they need no packing */
	op.w.layout = LIN_PACKED;
	op.y = linear_view(&b->y, ZINC_F32, b->m, n, 1);
	op.x = linear_view(&b->x, ZINC_F32, b->k, n, 1);
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
	for (uint32_t q8 = 0; q8 < 2; q8++) {
		if (q8 && !quant_format(dtype)->sub)
			continue;
		printf("%-7s %s", name, q8 ? "q8 " : "f32");
		for (uint32_t i = 0; i < b->n_columns; i++) {
			uint32_t n = b->columns[i];
			struct zinc_op_linear op = make_op(b, dtype, n, q8);
			double t = best(b, &cpu_op_mmq, &op, q8 ? 0 : 1, n > 8 ? 3 : 12);

			printf("  %2u cols %6.1f GB/s %7.1f GFLOP/s", n,
			       (double)op.w.nb[2] / t * 1e-9, 2.0 * b->k * b->m * n / t * 1e-9);
		}
		printf("\n");
		fflush(stdout);
	}
}

/* Argument i, between 1 and `most`; exits where it is not. */
static uint32_t number(int argc, char **argv, int i, uint32_t otherwise, uint32_t most)
{
	unsigned long n = otherwise;
	char *end = "";

	if (argc > i)
		n = strtoul(argv[i], &end, 10);
	if (*end || n < 1 || n > most) {
		fprintf(stderr, "linear_bench: argument %d is a number from 1 to %u, not \"%s\"\n",
		        i, most, argv[i]);
		exit(2);
	}
	return (uint32_t)n;
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
	struct bench b = {.isa = CPU_ISA_AVX2, .columns = {1, 4, 64}, .n_columns = 3};
	const char *only = argc > 3 ? argv[3] : "all";
	uint32_t seed = 1;
	bool found = false;

	b.threads = number(argc, argv, 1, 2, 8);
	if (argc > 2)
		b.isa = !strcmp(argv[2], "plain") ? CPU_ISA_PLAIN
		                                  : !strcmp(argv[2], "avx512") ? CPU_ISA_AVX512
		                                                               : CPU_ISA_AVX2;
	b.k = (number(argc, argv, 4, 4096, MAX_K) + LIN_CHUNK - 1) / LIN_CHUNK * LIN_CHUNK;
	b.m = WEIGHTS / b.k;
	for (int i = 5; i < argc && i < 13; i++, b.n_columns = (uint32_t)i - 5)
		b.columns[i - 5] = number(argc, argv, i, 1, MAX_COLUMNS);
	linear_buf_create(&b.w, (uint64_t)WEIGHTS * 4);
	linear_buf_create(&b.x, MAX_COLUMNS * b.k * sizeof(float));
	linear_buf_create(&b.x_q8, MAX_COLUMNS * lin_act_row_bytes(b.k));
	linear_buf_create(&b.y, (uint64_t)MAX_COLUMNS * b.m * sizeof(float));
	memset(b.w.base, 0x11, b.w.bytes);
	for (uint32_t i = 0; i < MAX_COLUMNS * b.k; i++)
		((float *)(void *)b.x.base)[i] = linear_random(&seed);
	for (uint32_t c = 0; c < MAX_COLUMNS; c++)
		lin_plain.quantise((float *)(void *)b.x.base + c * b.k, b.k,
		                   (struct lin_act *)(void *)b.x_q8.base + c * b.k / LIN_CHUNK);
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (!strcmp(only, "all") || !strcmp(only, types[i].name)) {
			bench_type(&b, types[i].dtype, types[i].name);
			found = true;
		}
	if (!found)
		fprintf(stderr, "linear_bench: there is no type \"%s\" here\n", only);
	free(b.w.base);
	free(b.x.base);
	free(b.x_q8.base);
	free(b.y.base);
	return found ? 0 : 2;
}
