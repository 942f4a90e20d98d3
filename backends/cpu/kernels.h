/* kernels.h - the inner loops that exist once per instruction set.
 *
 * Their source is the k_*.h templates over the few vector operations of
 * vec_*.h; kernels_plain.c, kernels_avx2.c and kernels_avx512.c compile them
 * with one instruction set each. Fused multiply-adds are written out and the
 * compiler adds none, so that the bits of a row never depend on how a loop was
 * unrolled or what stood beside the row. */
#ifndef CPU_KERNELS_H
#define CPU_KERNELS_H

#include "cpu.h"

/* Rows that kernels stream with whole vectors are padded with zeros to a
 * multiple of this many floats: the widest vector of any instruction set. */
#define KERN_PAD 16u

static inline uint32_t kern_padded(uint32_t n)
{
	return (n + KERN_PAD - 1) / KERN_PAD * KERN_PAD;
}

/* One row of rmsnorm. NULL: absent. */
struct kern_norm {
	const float *x, *residual, *weight, *gate, *after;
	float *sum, *y;
	uint32_t n;
	float eps;
};

/* One page of K and V rows of one head, for attention: as F32, or as the F16 of the
 * cache (k16, v16), which pays for few queries. Rows have dk and dv elements, multiples
 * of KERN_PAD. */
struct kern_page {
	const float *k, *v;          /* NULL: k16, v16           */
	const uint16_t *k16, *v16;
	const uint16_t *next_k, *next_v; /* where the next call's begin, and its slots */
	uint32_t next_lo, next_hi;       /* that are read; none: not known             */
	uint64_t k_stride, v_stride; /* elements between rows    */
	uint32_t dk, dv;
	float softcap; /* 0: none */
};

/* Queries of one call, at most. */
#define KERN_MAX_QUERIES 36u

/* One query over the keys so far: maximum, sum and weighted values of an online
 * softmax (Milakov and Gimelshein, 2018). Starts as m = -inf, l = 0, acc = 0. */
struct kern_query {
	const float *q; /* dk floats, scaled */
	float *acc;     /* dv floats */
	float m, l;
	uint32_t lo, hi; /* visible slots of the page: [lo, hi); lo == hi: none */
};

/* Columns of the delta net's state that one call advances together: a block is
 * [d_k][KERN_DELTA_COLS], contiguous. */
#define KERN_DELTA_COLS 32u

struct kern_delta {
	float *state;
	const float *q, *k; /* d_k floats, normalised and scaled  */
	const float *v;     /* KERN_DELTA_COLS floats             */
	float *y;           /* KERN_DELTA_COLS floats             */
	uint32_t d_k;
	float decay, beta;
};

/* KERN_CONV_MAX: longest convolution. */
#define KERN_CONV_MAX 16u
#define KERN_CONV_COLS 64u

/* One token of a convolution, for up to KERN_CONV_COLS channels. */
struct kern_conv {
	const float *rows[KERN_CONV_MAX]; /* inputs, oldest first; the last is the token's */
	const float *w;                   /* [taps][KERN_CONV_COLS]                        */
	float *y;
	uint32_t taps, n;
	bool silu;
};

/* C[m][n] += A[m][k] B[k][n], row by row with the given strides in floats; n is
 * a multiple of KERN_PAD. */
struct kern_gemm {
	const float *a, *b;
	float *c;
	uint64_t lda, ldb, ldc;
	uint32_t m, n, k;
};

struct cpu_kernels {
	void (*rmsnorm)(const struct kern_norm *r);
	/* y = act(min(gate, limit)) * clamp(up, -limit, limit); by enum zinc_act */
	void (*glu[3])(float *y, const float *gate, const float *up, float limit, uint32_t n);
	void (*sigmoid_gate)(float *y, const float *x, const float *gate, uint32_t n);
	void (*softcap)(float *y, const float *x, float value, uint32_t n);
	/* y = exp(x - shift); returns the sum */
	float (*exp_sum)(float *y, const float *x, float shift, uint32_t n);
	float (*sum_squares)(const float *x, uint32_t n);
	/* Rows of F32, F16, BF16 or Q8_0 to and from F32 (n: whole blocks); the
	 * same values as quant.h's. */
	void (*to_f32)(uint32_t dtype, const void *src, float *dst, uint32_t n);
	void (*from_f32)(uint32_t dtype, const float *src, void *dst, uint32_t n);
	void (*attn_page)(const struct kern_page *page, struct kern_query *q, uint32_t n);
	void (*delta_step)(const struct kern_delta *d);
	void (*conv_token)(const struct kern_conv *c);
	void (*gemm)(const struct kern_gemm *g);
};

const struct cpu_kernels *cpu_kernels_of(enum cpu_isa isa);

#endif
