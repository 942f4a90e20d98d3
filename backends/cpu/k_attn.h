/* k_attn.h - kernel template of attention: some queries against one page.
 *
 * A query's arithmetic is the same alone or in company: each score is one dot
 * product in VF partial sums, each output lane adds its keys in order. Queries
 * with the same visible slots go in groups only to load a key or a value once
 * for several of them. All scores come before all values, so that one side of
 * the page at a time stays in the first-level cache. */
#ifndef CPU_K_ATTN_H
#define CPU_K_ATTN_H

enum {
	PAGE = ZINC_KV_PAGE,
	GROUP = 3, /* queries that share a load                   */
	GROUP16 = 4, /* the same on F16 pages                     */
	KEYS = 4,  /* keys whose dot products run side by side    */
	COLS = 4   /* vectors of output lanes kept in registers   */
};

/* Scores of `rows` queries for the keys of [lo, hi), in whole groups of KEYS. */
static inline __attribute__((always_inline)) void dots(const struct kern_page *pg, const int rows,
                                                       const struct kern_query *q,
                                                       float (*s)[PAGE])
{
	const uint64_t stride = pg->k_stride;
	const uint32_t dk = pg->dk, hi = q->hi;
	const float *q0 = q[0].q, *q1 = q[rows > 1].q, *q2 = q[rows > 2 ? 2 : 0].q;

	for (uint32_t j = q->lo / KEYS * KEYS; j < hi; j += KEYS) {
		const float *k = pg->k + j * stride;
		vf a0[KEYS], a1[KEYS], a2[KEYS];

		for (int c = 0; c < KEYS; c++)
			a0[c] = a1[c] = a2[c] = vf_set1(0);
		for (uint32_t d = 0; d < dk; d += VF) {
			for (int c = 0; c < KEYS; c++) {
				vf key = vf_load(k + (uint64_t)c * stride + d);

				a0[c] = vf_fma(key, vf_load(q0 + d), a0[c]);
				if (rows > 1)
					a1[c] = vf_fma(key, vf_load(q1 + d), a1[c]);
				if (rows > 2)
					a2[c] = vf_fma(key, vf_load(q2 + d), a2[c]);
			}
		}
		vf_sum4(a0, s[0] + j);
		if (rows > 1)
			vf_sum4(a1, s[1] + j);
		if (rows > 2)
			vf_sum4(a2, s[2] + j);
	}
}

/* A row of scores, scaled and capped, -inf where they are not visible; returns the new
 * maximum. */
static inline __attribute__((always_inline)) vf top_of(const struct kern_page *pg,
                                                       const struct kern_query *q, float *s)
{
	const vf none = vf_set1(-INFINITY), scale = vf_set1(pg->scale), cap = vf_set1(pg->softcap);
	const bool all = q->lo == 0 && q->hi == PAGE;
	vf top = none;

	for (uint32_t j = 0; j < PAGE; j += VF) {
		vf x = vf_load(s + j) * scale;

		if (pg->softcap != 0)
			x = cap * vf_tanh(x / cap);
		if (!all) {
			vi slot = vi_iota() + vi_set1((int32_t)j);
			vi seen = (vi)(slot >= vi_set1((int32_t)q->lo)) &
			          (vi)(slot < vi_set1((int32_t)q->hi));

			x = vf_select(seen, x, none);
		}
		vf_store(s + j, x);
		top = vf_max(top, x);
	}
	return vf_max(vf_set1(q->m), vf_set1(vf_hmax(top)));
}

/* Scores to weights exp(s - m), m the new maximum, of `rows` queries that see the same
 * slots; shrink: the factors by which what was summed so far shrinks. Each query's steps
 * wait for one another, so they go side by side. */
static inline __attribute__((always_inline)) void weigh(const struct kern_page *pg, const int rows,
                                                        struct kern_query *q, float (*s)[PAGE],
                                                        float *shrink)
{
	vf m[GROUP16], sum[GROUP16];

	for (int r = 0; r < rows; r++)
		m[r] = top_of(pg, &q[r], s[r]);
	for (int r = 0; r < rows; r++) {
		vf factor = vf_exp(vf_set1(q[r].m) - m[r]);

		sum[r] = vf_set1(0);
		for (uint32_t j = 0; j < PAGE; j += VF) {
			vf p = vf_exp(vf_load(s[r] + j) - m[r]);

			vf_store(s[r] + j, p);
			sum[r] += p;
		}
		shrink[r] = factor[0];
	}
	for (int r = 0; r < rows; r++) {
		q[r].m = m[r][0];
		q[r].l = q[r].l * shrink[r] + vf_sum(sum[r]);
	}
}

/* acc = acc * shrink + sum of weight j times value j, for `cols` vectors of
 * lanes of `rows` queries. */
static inline __attribute__((always_inline)) void add_values(const struct kern_page *pg,
                                                             const int rows, const int cols,
                                                             const struct kern_query *q,
                                                             float (*s)[PAGE],
                                                             const float *shrink, uint32_t d)
{
	const float *v = pg->v + d;
	const uint64_t stride = pg->v_stride;
	const uint32_t hi = q->hi;
	vf a[GROUP][COLS];

	for (int r = 0; r < rows; r++)
		for (int c = 0; c < cols; c++)
			a[r][c] = vf_load(q[r].acc + d + c * VF) * vf_set1(shrink[r]);
	for (uint32_t j = q->lo; j < hi; j++) {
		const float *row = v + j * stride;

		for (int c = 0; c < cols; c++) {
			vf value = vf_load(row + c * VF);

			for (int r = 0; r < rows; r++)
				a[r][c] = vf_fma(vf_set1(s[r][j]), value, a[r][c]);
		}
	}
	for (int r = 0; r < rows; r++)
		for (int c = 0; c < cols; c++)
			vf_store(q[r].acc + d + c * VF, a[r][c]);
}

static inline __attribute__((always_inline)) void all_values(const struct kern_page *pg,
                                                             const int rows,
                                                             const struct kern_query *q,
                                                             float (*s)[PAGE],
                                                             const float *shrink)
{
	uint32_t d = 0;

	for (; d + COLS * VF <= pg->dv; d += COLS * VF)
		add_values(pg, rows, COLS, q, s, shrink, d);
	for (; d < pg->dv; d += VF)
		add_values(pg, rows, 1, q, s, shrink, d);
}

/* Weights and values of `rows` queries whose scores stand in s. */
static inline __attribute__((always_inline)) void group_values(const struct kern_page *pg,
                                                               const int rows,
                                                               struct kern_query *q,
                                                               float (*s)[PAGE])
{
	float shrink[GROUP];

	weigh(pg, rows, q, s, shrink);
	all_values(pg, rows, q, s, shrink);
}

/* Neighbours from q on that see the same slots and go together: GROUP, but two
 * and two of the last four. */
static uint32_t group_size(const struct kern_query *q, uint32_t left)
{
	uint32_t n = 1;

	while (n <= GROUP + 1 && n < left && q[n].lo == q->lo && q[n].hi == q->hi)
		n++;
	return n == 4 ? 2 : n < GROUP ? n : GROUP;
}

static void score_all(const struct kern_page *pg, const struct kern_query *q, uint32_t n,
                      float (*s)[PAGE])
{
	for (uint32_t i = 0, size; i < n; i += size) {
		size = group_size(q + i, n - i);
		if (size == 3)
			dots(pg, 3, q + i, s + i);
		else if (size == 2)
			dots(pg, 2, q + i, s + i);
		else
			dots(pg, 1, q + i, s + i);
	}
}

/* Asks for a row that is read a page later. A row at a time, while others are
 * multiplied: where a whole page is asked for at once, loads wait behind it. */
static inline void fetch16(const uint16_t *row, uint32_t n)
{
	for (uint32_t i = 0; i < n; i += 32)
		__builtin_prefetch(row + i, 0, 2);
}

/* dots() on an F16 page: up to GROUP16 queries share the conversion of a key, and the
 * bits are the same. */
static inline __attribute__((always_inline)) void dots16(const struct kern_page *pg,
                                                         const int rows,
                                                         const struct kern_query *q,
                                                         float (*s)[PAGE])
{
	const uint32_t dk = pg->dk, hi = q->hi;

	for (uint32_t j = q->lo / 2 * 2; j < hi; j += 2) {
		const uint16_t *k0 = pg->k16 + j * pg->k_stride, *k1 = k0 + pg->k_stride;
		vf a[GROUP16][2];
		float sums[4];

		if (pg->next_k) {
			fetch16(pg->next_k + j * pg->k_stride, dk);
			fetch16(pg->next_k + (j + 1) * pg->k_stride, dk);
		}
		for (int r = 0; r < GROUP16; r++)
			a[r][0] = a[r][1] = vf_set1(0);
		for (uint32_t d = 0; d < dk; d += VF) {
			vf key0 = vf_from_f16(k0 + d), key1 = vf_from_f16(k1 + d);

			for (int r = 0; r < rows; r++) {
				vf x = vf_hold(vf_load(q[r].q + d));

				a[r][0] = vf_fma(key0, x, a[r][0]);
				a[r][1] = vf_fma(key1, x, a[r][1]);
			}
		}
		for (int r = 0; r < rows; r += 2) {
			vf_sum4((const vf[4]){a[r][0], a[r][1], a[r + 1][0], a[r + 1][1]}, sums);
			memcpy(s[r] + j, sums, 2 * sizeof(float));
			if (r + 1 < rows)
				memcpy(s[r + 1] + j, sums + 2, 2 * sizeof(float));
		}
	}
}

/* all_values() likewise. */
static inline __attribute__((always_inline)) void values16(const struct kern_page *pg,
                                                           const int rows,
                                                           const struct kern_query *q,
                                                           float (*s)[PAGE],
                                                           const float *shrink)
{
	for (uint32_t d = 0; d < pg->dv; d += 2 * VF) {
		const uint32_t second = d + VF < pg->dv ? d + VF : d;
		const bool fetches = pg->next_v && d % 32 == 0;
		vf a[GROUP16][2];

		for (int r = 0; r < rows; r++) {
			a[r][0] = vf_load(q[r].acc + d) * vf_set1(shrink[r]);
			a[r][1] = vf_load(q[r].acc + second) * vf_set1(shrink[r]);
		}
		for (uint32_t j = q->lo; j < q->hi; j++) {
			const uint16_t *v = pg->v16 + j * pg->v_stride;
			vf value0 = vf_from_f16(v + d), value1 = vf_from_f16(v + second);

			if (fetches)
				fetch16(pg->next_v + j * pg->v_stride + d, 32);
			for (int r = 0; r < rows; r++) {
				a[r][0] = vf_fma(vf_set1(s[r][j]), value0, a[r][0]);
				a[r][1] = vf_fma(vf_set1(s[r][j]), value1, a[r][1]);
			}
		}
		for (int r = 0; r < rows; r++) {
			vf_store(q[r].acc + d, a[r][0]);
			vf_store(q[r].acc + second, a[r][1]);
		}
	}
}

static inline __attribute__((always_inline)) void page16(const struct kern_page *pg,
                                                         const int rows, struct kern_query *q)
{
	float s[GROUP16][PAGE], shrink[GROUP16];

	dots16(pg, rows, q, s);
	weigh(pg, rows, q, s, shrink);
	values16(pg, rows, q, s, shrink);
}

static void attn_page16(const struct kern_page *pg, struct kern_query *q, uint32_t n)
{
	for (uint32_t i = 0, size; i < n; i += size) {
		size = 1;
		while (size < GROUP16 && i + size < n && q[i + size].lo == q[i].lo &&
		       q[i + size].hi == q[i].hi)
			size++;
		if (q[i].lo == q[i].hi)
			continue;
		if (size == 4)
			page16(pg, 4, q + i);
		else if (size == 3)
			page16(pg, 3, q + i);
		else if (size == 2)
			page16(pg, 2, q + i);
		else
			page16(pg, 1, q + i);
	}
}

static void attn_page(const struct kern_page *pg, struct kern_query *q, uint32_t n)
{
	float s[KERN_MAX_QUERIES][PAGE];

	if (!pg->k) {
		attn_page16(pg, q, n);
		return;
	}
	score_all(pg, q, n, s);
	for (uint32_t i = 0, size; i < n; i += size) {
		size = group_size(q + i, n - i);
		if (q[i].lo == q[i].hi)
			continue;
		if (size == 3)
			group_values(pg, 3, q + i, s + i);
		else if (size == 2)
			group_values(pg, 2, q + i, s + i);
		else
			group_values(pg, 1, q + i, s + i);
	}
}

#endif
