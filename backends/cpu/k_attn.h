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
	GROUP = VF_REGS > 16 ? 6 : 3, /* queries that share a load                 */
	GROUP16 = 4,                  /* the same on F16 pages                     */
	KEYS = 4,                     /* keys whose dot products run side by side  */
	COLS = 4,                     /* vectors of output lanes kept in registers */
	ROWS_PADDED = (KERN_MAX_QUERIES + VF - 1) / VF * VF
};

/* Scores of `rows` queries for the keys of [lo, hi), in whole groups of KEYS. */
static inline __attribute__((always_inline)) void dots(const struct kern_page *pg, const int rows,
                                                       const struct kern_query *q,
                                                       float (*s)[PAGE])
{
	for (uint32_t j = q->lo / KEYS * KEYS; j < q->hi; j += KEYS) {
		const float *k = pg->k + j * pg->k_stride;
		vf a[GROUP][KEYS];

		for (int r = 0; r < rows; r++)
			for (int c = 0; c < KEYS; c++)
				a[r][c] = vf_set1(0);
		for (uint32_t d = 0; d < pg->dk; d += VF) {
			vf key[KEYS];

			for (int c = 0; c < KEYS; c++)
				key[c] = vf_load(k + (uint64_t)c * pg->k_stride + d);
			for (int r = 0; r < rows; r++) {
				vf x = vf_load(q[r].q + d);

				for (int c = 0; c < KEYS; c++)
					a[r][c] = vf_fma(key[c], x, a[r][c]);
			}
		}
		for (int r = 0; r < rows; r++)
			vf_sum4(a[r], s[r] + j);
	}
}

/* A row of scores, capped, -inf where they are not visible; returns the largest. */
static inline __attribute__((always_inline)) float top_of(const struct kern_page *pg,
                                                          const struct kern_query *q, float *s)
{
	const vf none = vf_set1(-INFINITY), cap = vf_set1(pg->softcap);
	const bool all = q->lo == 0 && q->hi == PAGE;
	vf top = none;

	for (uint32_t j = 0; j < PAGE; j += VF) {
		vf x = vf_load(s + j);

		if (pg->softcap != 0)
			x = cap * vf_tanh(x / cap);
		if (!all) {
			vi slot = vi_iota() + vi_set1((int32_t)j);
			vi seen = (vi)(slot >= vi_set1((int32_t)q->lo)) &
			          (vi)(slot < vi_set1((int32_t)q->hi));

			x = vf_select(seen, x, none);
		}
		if (!all || pg->softcap != 0)
			vf_store(s + j, x);
		top = vf_max(top, x);
	}
	return vf_hmax(top);
}

/* Scores to weights exp(s - m); returns their sum. */
static inline float weigh_row(float *s, float m)
{
	vf max = vf_set1(m), sum = vf_set1(0);

	for (uint32_t j = 0; j < PAGE; j += VF) {
		vf p = vf_exp(vf_load(s + j) - max);

		vf_store(s + j, p);
		sum += p;
	}
	return vf_sum(sum);
}

/* Scores of n queries to weights exp(s - m), m the new maximum; shrink: the factors by
 * which what was summed so far shrinks. Each step for all queries before the next one:
 * a query's own steps wait for one another. */
static void weigh(const struct kern_page *pg, struct kern_query *q, uint32_t n, float (*s)[PAGE],
                  float *shrink)
{
	float m[ROWS_PADDED], before[ROWS_PADDED];

	for (uint32_t r = 0; r < n; r++) {
		before[r] = q[r].m;
		m[r] = top_of(pg, &q[r], s[r]);
	}
	for (uint32_t r = n; r % VF; r++)
		before[r] = m[r] = 0;
	for (uint32_t r = 0; r < n; r += VF) {
		vf old = vf_load(before + r), top = vf_max(old, vf_load(m + r));

		vf_store(m + r, top);
		vf_store(shrink + r, vf_exp(old - top));
	}
	for (uint32_t r = 0; r < n; r++) {
		if (q[r].lo == q[r].hi)
			continue;
		q[r].m = m[r];
		q[r].l = q[r].l * shrink[r] + weigh_row(s[r], m[r]);
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

/* Neighbours of q that see the same slots, at most `most`. */
static uint32_t alike(const struct kern_query *q, uint32_t left, uint32_t most)
{
	uint32_t n = 1;

	while (n < most && n < left && q[n].lo == q->lo && q[n].hi == q->hi)
		n++;
	return n;
}

/* Those that go together: GROUP or three, but two and two of the last four. */
static uint32_t group_size(const struct kern_query *q, uint32_t left)
{
	uint32_t n = alike(q, left, GROUP + 2);

	return n >= GROUP ? GROUP : n == 4 ? 2 : n < 3 ? n : 3;
}

/* Asks for the line of lane d, where one begins, of a row that is read a page later. Line
 * by line, while others are multiplied: where a row or a whole page is asked for at once,
 * loads wait behind it. */
static inline __attribute__((always_inline)) void fetch16(const uint16_t *row, uint32_t d)
{
	enum { LINE = 32 };

	if (d % LINE == 0)
		__builtin_prefetch(row + d, 0, 2);
}

/* All at once those slots of the next page beside which nothing is multiplied. */
static void fetch_rest16(const struct kern_page *pg, const struct kern_query *q)
{
	for (uint32_t j = pg->next_lo; j < pg->next_hi; j++) {
		if (j >= q->lo && j < q->hi)
			continue;
		for (uint32_t d = 0; d < pg->dk; d += VF)
			fetch16(pg->next_k + j * pg->k_stride, d);
		for (uint32_t d = 0; d < pg->dv; d += VF)
			fetch16(pg->next_v + j * pg->v_stride, d);
	}
}

/* dots() on an F16 page for the `keys` keys from j on: up to GROUP16 queries share the
 * conversion of a key, and the bits are the same. */
static inline __attribute__((always_inline)) void some_dots16(const struct kern_page *pg,
                                                              const int rows, const int keys,
                                                              const struct kern_query *q,
                                                              float (*s)[PAGE], uint32_t j)
{
	enum { MOST = 4 * GROUP16 + 3 };
	const uint16_t *k = pg->k16 + j * pg->k_stride;
	const bool ask = j < pg->next_hi && j + (uint32_t)keys > pg->next_lo;
	const uint16_t *next = ask ? pg->next_k + j * pg->k_stride : NULL;
	const int n = rows * keys;
	float sums[MOST];
	vf a[MOST];

	for (int i = 0; i < n + 3; i++)
		a[i] = vf_set1(0);
	for (uint32_t d = 0; d < pg->dk; d += VF) {
		vf key[4];

		for (int c = 0; c < keys && next; c++)
			fetch16(next + (uint64_t)c * pg->k_stride, d);
		for (int c = 0; c < keys; c++)
			key[c] = vf_from_f16(k + (uint64_t)c * pg->k_stride + d);
		for (int r = 0; r < rows; r++) {
			vf x = vf_hold(vf_load(q[r].q + d));

			for (int c = 0; c < keys; c++)
				a[r * keys + c] = vf_fma(key[c], x, a[r * keys + c]);
		}
	}
	for (int i = 0; i < n; i += 4)
		vf_sum4(a + i, sums + i);
	for (int r = 0; r < rows; r++)
		memcpy(s[r] + j, sums + r * keys, (size_t)keys * sizeof(float));
}

static inline __attribute__((always_inline)) void dots16(const struct kern_page *pg,
                                                         const int rows,
                                                         const struct kern_query *q,
                                                         float (*s)[PAGE])
{
	const int keys = 4 * rows <= VF_REGS / 2 ? 4 : 2;
	uint32_t j = q->lo;

	for (; j + (uint32_t)keys <= q->hi; j += (uint32_t)keys)
		some_dots16(pg, rows, keys, q, s, j);
	for (; j < q->hi; j++)
		some_dots16(pg, rows, 1, q, s, j);
}

/* add_values() likewise, for `cols` vectors of lanes from d on. */
static inline __attribute__((always_inline)) void add_values16(const struct kern_page *pg,
                                                               const int rows, const int cols,
                                                               const struct kern_query *q,
                                                               float (*s)[PAGE],
                                                               const float *shrink, uint32_t d)
{
	enum { MOST = 8 };
	vf a[GROUP16][MOST];

	for (int r = 0; r < rows; r++)
		for (int c = 0; c < cols; c++)
			a[r][c] = vf_load(q[r].acc + d + c * VF) * vf_set1(shrink[r]);
	for (uint32_t j = q->lo; j < q->hi; j++) {
		const uint16_t *v = pg->v16 + j * pg->v_stride + d;
		const bool ask = j >= pg->next_lo && j < pg->next_hi;
		vf value[MOST];

		for (int c = 0; c < cols && ask; c++)
			fetch16(pg->next_v + j * pg->v_stride, d + (uint32_t)c * VF);
		for (int c = 0; c < cols; c++)
			value[c] = vf_from_f16(v + c * VF);
		for (int r = 0; r < rows; r++) {
			vf weight = vf_set1(s[r][j]);

			for (int c = 0; c < cols; c++)
				a[r][c] = vf_fma(weight, value[c], a[r][c]);
		}
	}
	for (int r = 0; r < rows; r++)
		for (int c = 0; c < cols; c++)
			vf_store(q[r].acc + d + c * VF, a[r][c]);
}

static inline __attribute__((always_inline)) void values16(const struct kern_page *pg,
                                                           const int rows,
                                                           const struct kern_query *q,
                                                           float (*s)[PAGE],
                                                           const float *shrink)
{
	const int cols = rows == 1 ? 8 : rows == 2 || VF_REGS > 16 ? 4 : 3;
	uint32_t d = 0;

	for (; d + (uint32_t)cols * VF <= pg->dv; d += (uint32_t)cols * VF)
		add_values16(pg, rows, cols, q, s, shrink, d);
	for (; cols > 2 && d + 2 * VF <= pg->dv; d += 2 * VF)
		add_values16(pg, rows, 2, q, s, shrink, d);
	for (; d < pg->dv; d += VF)
		add_values16(pg, rows, 1, q, s, shrink, d);
}

static void attn_page16(const struct kern_page *pg, struct kern_query *q, uint32_t n)
{
	float s[KERN_MAX_QUERIES][PAGE], shrink[ROWS_PADDED];

	for (uint32_t i = 0, size; i < n; i += size) {
		size = alike(q + i, n - i, GROUP16);
		if (size == 4)
			dots16(pg, 4, q + i, s + i);
		else if (size == 3)
			dots16(pg, 3, q + i, s + i);
		else if (size == 2)
			dots16(pg, 2, q + i, s + i);
		else
			dots16(pg, 1, q + i, s + i);
	}
	fetch_rest16(pg, q);
	weigh(pg, q, n, s, shrink);
	for (uint32_t i = 0, size; i < n; i += size) {
		size = alike(q + i, n - i, GROUP16);
		if (q[i].lo == q[i].hi)
			continue;
		if (size == 4)
			values16(pg, 4, q + i, s + i, shrink + i);
		else if (size == 3)
			values16(pg, 3, q + i, s + i, shrink + i);
		else if (size == 2)
			values16(pg, 2, q + i, s + i, shrink + i);
		else
			values16(pg, 1, q + i, s + i, shrink + i);
	}
}

static void attn_page32(const struct kern_page *pg, struct kern_query *q, uint32_t n)
{
	float s[KERN_MAX_QUERIES][PAGE], shrink[ROWS_PADDED];

	for (uint32_t i = 0, size; i < n; i += size) {
		size = group_size(q + i, n - i);
		if (size == GROUP)
			dots(pg, GROUP, q + i, s + i);
		else if (size == 3)
			dots(pg, 3, q + i, s + i);
		else if (size == 2)
			dots(pg, 2, q + i, s + i);
		else
			dots(pg, 1, q + i, s + i);
	}
	weigh(pg, q, n, s, shrink);
	for (uint32_t i = 0, size; i < n; i += size) {
		size = group_size(q + i, n - i);
		if (q[i].lo == q[i].hi)
			continue;
		if (size == GROUP)
			all_values(pg, GROUP, q + i, s + i, shrink + i);
		else if (size == 3)
			all_values(pg, 3, q + i, s + i, shrink + i);
		else if (size == 2)
			all_values(pg, 2, q + i, s + i, shrink + i);
		else
			all_values(pg, 1, q + i, s + i, shrink + i);
	}
}

static void attn_page(const struct kern_page *pg, struct kern_query *q, uint32_t n)
{
	if (pg->k)
		attn_page32(pg, q, n);
	else
		attn_page16(pg, q, n);
}

#endif
