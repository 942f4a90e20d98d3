/* k_delta.h - kernel templates of the delta net: one token against a block of
 * the state's columns, and the small dense product of the chunked form. */
#ifndef CPU_K_DELTA_H
#define CPU_K_DELTA_H

enum { DVECS = KERN_DELTA_COLS / VF };

/* Even and odd rows of the state are summed apart, to hide the latency of the
 * multiply-add. */
static void state_times(const float *state, const float *x, uint32_t d_k, vf *out)
{
	vf even[DVECS], odd[DVECS];
	uint32_t i = 0;

	for (int c = 0; c < DVECS; c++)
		even[c] = odd[c] = vf_set1(0);
	for (; i + 2 <= d_k; i += 2) {
		const float *row = state + (uint64_t)i * KERN_DELTA_COLS;
		vf x0 = vf_set1(x[i]), x1 = vf_set1(x[i + 1]);

		for (int c = 0; c < DVECS; c++) {
			even[c] = vf_fma(x0, vf_load(row + c * VF), even[c]);
			odd[c] = vf_fma(x1, vf_load(row + KERN_DELTA_COLS + c * VF), odd[c]);
		}
	}
	if (i < d_k)
		for (int c = 0; c < DVECS; c++)
			even[c] = vf_fma(vf_set1(x[i]),
			                 vf_load(state + (uint64_t)i * KERN_DELTA_COLS + c * VF),
			                 even[c]);
	for (int c = 0; c < DVECS; c++)
		out[c] = even[c] + odd[c];
}

/* The decay is a scalar, so the old state can be read before it is applied:
 * (decay S)^T k = decay (S^T k). */
static void delta_step(const struct kern_delta *d)
{
	const float *ks = d->k, *qs = d->q;
	float *row = d->state;
	vf u[DVECS], y[DVECS], decay = vf_set1(d->decay), beta = vf_set1(d->beta);

	state_times(d->state, d->k, d->d_k, u);
	for (int c = 0; c < DVECS; c++) {
		u[c] = beta * (vf_load(d->v + c * VF) - decay * u[c]);
		y[c] = vf_set1(0);
	}
	for (uint32_t i = 0, n = d->d_k; i < n; i++, row += KERN_DELTA_COLS) {
		vf k = vf_set1(ks[i]), q = vf_set1(qs[i]);

		for (int c = 0; c < DVECS; c++) {
			vf s = vf_fma(k, u[c], decay * vf_load(row + c * VF));

			vf_store(row + c * VF, s);
			y[c] = vf_fma(q, s, y[c]);
		}
	}
	for (int c = 0; c < DVECS; c++)
		vf_store(d->y + c * VF, y[c]);
}

enum { GROWS = 4, GCOLS = KERN_PAD / VF > 2 ? KERN_PAD / VF : 2 };

static inline __attribute__((always_inline)) void gemm_tile(const struct kern_gemm *g,
                                                            const int rows, const int cols,
                                                            uint32_t i, uint32_t j)
{
	vf acc[GROWS][GCOLS];
	float *c = g->c + i * g->ldc + j;
	const float *a = g->a + i * g->lda, *b = g->b + j;

	for (int r = 0; r < rows; r++)
		for (int v = 0; v < cols; v++)
			acc[r][v] = vf_load(c + (uint64_t)r * g->ldc + v * VF);
	for (uint32_t k = 0; k < g->k; k++) {
		vf bk[GCOLS];

		for (int v = 0; v < cols; v++)
			bk[v] = vf_load(b + k * g->ldb + v * VF);
		for (int r = 0; r < rows; r++) {
			vf x = vf_set1(a[(uint64_t)r * g->lda + k]);

			for (int v = 0; v < cols; v++)
				acc[r][v] = vf_fma(x, bk[v], acc[r][v]);
		}
	}
	for (int r = 0; r < rows; r++)
		for (int v = 0; v < cols; v++)
			vf_store(c + (uint64_t)r * g->ldc + v * VF, acc[r][v]);
}

static void gemm(const struct kern_gemm *g)
{
	for (uint32_t j = 0; j < g->n;) {
		const bool wide = j + GCOLS * VF <= g->n;
		uint32_t i = 0;

		for (; i + GROWS <= g->m; i += GROWS) {
			if (wide)
				gemm_tile(g, GROWS, GCOLS, i, j);
			else
				gemm_tile(g, GROWS, 1, i, j);
		}
		for (; i < g->m; i++) {
			if (wide)
				gemm_tile(g, 1, GCOLS, i, j);
			else
				gemm_tile(g, 1, 1, i, j);
		}
		j += wide ? GCOLS * VF : VF;
	}
}

#endif
