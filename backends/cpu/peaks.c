/* peaks.c - how fast all threads read memory, and multiply bytes that they have in
 * registers: what the rates of `zinc bench` are shares of. */
#include "peaks.h"

#include <stdatomic.h>
#include <string.h>
#include <time.h>

#include "pool.h"

enum {
	RUNS = 5,              /* of which the best counts                          */
	READ_PIECE = 1 << 20,  /* bytes                                             */
	PRODUCT_PIECES = 16,   /* a thread, so that one that is held up loses little */
	PRODUCT_TIMES = 200000 /* rounds of a piece, about half a millisecond       */
};

/* A measurement, as a job of one stage. */
struct measuring {
	struct cpu_job job;
	const struct zinc_span *spans;
	uint32_t n_spans;
	uint64_t bytes; /* of all spans */
	enum cpu_isa isa;
	uint32_t pieces;
	bool begun;
	atomic_uint_fast64_t result; /* of no use but that no work can be left out */
};

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + 1e-9 * (double)ts.tv_nsec;
}

static uint32_t next_stage(struct cpu_job *job)
{
	struct measuring *m = (struct measuring *)(void *)job;
	bool done = m->begun;

	m->begun = true;
	return done ? 0 : m->pieces;
}

typedef uint64_t __attribute__((aligned(1), may_alias)) any_u64;

/* Whole groups of eight words; the few bytes behind them are not missed. */
static uint64_t read_bytes(const uint8_t *at, uint64_t bytes)
{
	const any_u64 *p = (const any_u64 *)(const void *)at;
	uint64_t x[8] = {0}, all = 0;

	for (uint64_t i = 0; i + 8 <= bytes / sizeof(*p); i += 8)
		for (int j = 0; j < 8; j++)
			x[j] ^= p[i + j];
	for (int j = 0; j < 8; j++)
		all ^= x[j];
	return all;
}

/* The spans one behind the other, cut into equal pieces. */
static void read_piece(struct cpu_job *job, uint32_t piece, uint32_t ith)
{
	struct measuring *m = (struct measuring *)(void *)job;
	uint64_t at = m->bytes / m->pieces * piece, end = at + m->bytes / m->pieces, x = 0;

	(void)ith;
	for (uint32_t i = 0; i < m->n_spans && end; i++) {
		const struct zinc_span *s = &m->spans[i];
		uint64_t upto = end < s->bytes ? end : s->bytes;

		if (at < upto)
			x ^= read_bytes(s->buf->base + s->off + at, upto - at);
		at = at > s->bytes ? at - s->bytes : 0;
		end -= upto;
	}
	atomic_fetch_xor(&m->result, x);
}

/* Each of these runs `times` rounds of products with the widest vectors of an
 * instruction set, in as many sums as hide the time that one takes, and returns what
 * depends on all. The compiler is told that x has changed, or it would multiply
 * once. */
#if defined(__x86_64__)
#include <immintrin.h>

enum { AVX2_SUMS = 8, AVX512_SUMS = 12 };

__attribute__((target("avx2"))) static uint64_t multiply_avx2(uint32_t times)
{
	__m256i w = _mm256_set1_epi8(3), x = _mm256_set1_epi8(1), sum[AVX2_SUMS];

	for (int i = 0; i < AVX2_SUMS; i++)
		sum[i] = _mm256_setzero_si256();
	for (uint32_t n = 0; n < times; n++)
		for (int i = 0; i < AVX2_SUMS; i++) {
			__asm__ volatile("" : "+x"(x));
			sum[i] = _mm256_add_epi16(sum[i], _mm256_maddubs_epi16(x, w));
		}
	for (int i = 1; i < AVX2_SUMS; i++)
		sum[0] = _mm256_xor_si256(sum[0], sum[i]);
	return (uint64_t)_mm256_extract_epi64(sum[0], 0);
}

__attribute__((target("avx512f,avx512vnni"))) static uint64_t multiply_avx512(uint32_t times)
{
	__m512i w = _mm512_set1_epi32(0x03030303), x = _mm512_set1_epi32(0x01010101);
	__m512i sum[AVX512_SUMS];

	for (int i = 0; i < AVX512_SUMS; i++)
		sum[i] = _mm512_setzero_si512();
	for (uint32_t n = 0; n < times; n++)
		for (int i = 0; i < AVX512_SUMS; i++) {
			__asm__ volatile("" : "+v"(x));
			sum[i] = _mm512_dpbusd_epi32(sum[i], x, w);
		}
	for (int i = 1; i < AVX512_SUMS; i++)
		sum[0] = _mm512_xor_si512(sum[0], sum[i]);
	return (uint64_t)_mm512_reduce_add_epi64(sum[0]);
}

/* Products and additions of a round. */
static uint32_t round_ops(enum cpu_isa isa)
{
	static const uint32_t ops[CPU_ISA_COUNT] = {
		[CPU_ISA_AVX2] = 2 * 32 * AVX2_SUMS,
		[CPU_ISA_AVX512] = 2 * 64 * AVX512_SUMS,
	};

	return ops[isa];
}

static uint64_t multiply(enum cpu_isa isa, uint32_t times)
{
	return isa == CPU_ISA_AVX512 ? multiply_avx512(times) : multiply_avx2(times);
}
#elif defined(__aarch64__)
#include <arm_neon.h>

enum { NEON_SUMS = 8, DOTPROD_SUMS = 12 };

static uint64_t multiply_neon(uint32_t times)
{
	int8x8_t w = vdup_n_s8(3), x = vdup_n_s8(1);
	int32x4_t sum[NEON_SUMS];

	for (int i = 0; i < NEON_SUMS; i++)
		sum[i] = vdupq_n_s32(0);
	for (uint32_t n = 0; n < times; n++)
		for (int i = 0; i < NEON_SUMS; i++) {
			__asm__ volatile("" : "+w"(x));
			sum[i] = vpadalq_s16(sum[i], vmull_s8(x, w));
		}
	for (int i = 1; i < NEON_SUMS; i++)
		sum[0] = veorq_s32(sum[0], sum[i]);
	return (uint64_t)vaddvq_s32(sum[0]);
}

__attribute__((target("arch=armv8.2-a+dotprod"))) static uint64_t multiply_dotprod(uint32_t times)
{
	int8x16_t w = vdupq_n_s8(3), x = vdupq_n_s8(1);
	int32x4_t sum[DOTPROD_SUMS];

	for (int i = 0; i < DOTPROD_SUMS; i++)
		sum[i] = vdupq_n_s32(0);
	for (uint32_t n = 0; n < times; n++)
		for (int i = 0; i < DOTPROD_SUMS; i++) {
			__asm__ volatile("" : "+w"(x));
			sum[i] = vdotq_s32(sum[i], x, w);
		}
	for (int i = 1; i < DOTPROD_SUMS; i++)
		sum[0] = veorq_s32(sum[0], sum[i]);
	return (uint64_t)vaddvq_s32(sum[0]);
}

static uint32_t round_ops(enum cpu_isa isa)
{
	static const uint32_t ops[CPU_ISA_COUNT] = {
		[CPU_ISA_NEON] = 2 * 8 * NEON_SUMS,
		[CPU_ISA_DOTPROD] = 2 * 16 * DOTPROD_SUMS,
	};

	return ops[isa];
}

static uint64_t multiply(enum cpu_isa isa, uint32_t times)
{
	return isa == CPU_ISA_DOTPROD ? multiply_dotprod(times) : multiply_neon(times);
}
#else
static uint32_t round_ops(enum cpu_isa isa)
{
	(void)isa;
	return 0;
}

static uint64_t multiply(enum cpu_isa isa, uint32_t times)
{
	(void)isa;
	return times;
}
#endif

static void multiply_piece(struct cpu_job *job, uint32_t piece, uint32_t ith)
{
	struct measuring *m = (struct measuring *)(void *)job;

	(void)piece, (void)ith;
	atomic_fetch_xor(&m->result, multiply(m->isa, PRODUCT_TIMES));
}

/* Seconds of the fastest run. */
static double best_of(struct cpu_pool *pool, struct measuring *m)
{
	double least = 1e30;

	for (int i = 0; i < RUNS; i++) {
		double start = now(), t;

		m->begun = false;
		cpu_pool_run(pool, &m->job);
		t = now() - start;
		least = t < least ? t : least;
	}
	return least > 1e-9 ? least : 1e-9;
}

static uint64_t read_rate(struct zinc_dev *dev, const struct zinc_span *spans, uint32_t n_spans)
{
	struct measuring m = {.job = {next_stage, read_piece}, .spans = spans, .n_spans = n_spans};

	for (uint32_t i = 0; i < n_spans; i++)
		m.bytes += spans[i].bytes;
	if (!m.bytes)
		return 0;
	m.pieces = m.bytes / READ_PIECE < CPU_POOL_PIECES ? (uint32_t)(m.bytes / READ_PIECE) + 1
	                                                  : CPU_POOL_PIECES;
	return (uint64_t)((double)m.bytes / best_of(dev->pool, &m));
}

/* Plain C has no products of bytes to speak of. */
static uint64_t product_rate(struct zinc_dev *dev)
{
	struct measuring m = {.job = {next_stage, multiply_piece}, .isa = dev->isa};
	double ops;

	m.pieces = dev->n_threads * PRODUCT_PIECES;
	ops = (double)round_ops(dev->isa) * PRODUCT_TIMES * m.pieces;
	return ops > 0 ? (uint64_t)(ops / best_of(dev->pool, &m)) : 0;
}

int cpu_dev_peaks(struct zinc_dev *dev, const struct zinc_span *spans, uint32_t n_spans,
                  struct zinc_peaks *out, struct zinc_err *err)
{
	struct zinc_peaks peaks = {0};
	uint32_t room = out->struct_size;

	for (uint32_t i = 0; i < n_spans; i++) {
		const struct zinc_span *s = &spans[i];

		if (s->off > s->buf->bytes || s->bytes > s->buf->bytes - s->off)
			return cpu_err(err, ZINC_E_INVALID, "span %u ends past its buffer", i);
	}
	peaks.read_bytes_per_s = read_rate(dev, spans, n_spans);
	peaks.int8_ops_per_s = product_rate(dev);
	peaks.struct_size = room < sizeof(peaks) ? room : (uint32_t)sizeof(peaks);
	memcpy(out, &peaks, peaks.struct_size);
	return ZINC_OK;
}
