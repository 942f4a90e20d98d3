/* attn_block.c - a block of queries against the pages it sees. */
#include "attn.h"

#include <math.h>
#include <string.h>

#include "kv.h"

/* From one row of n floats to the next. Not a power of two: the same lanes of all rows
 * would share a few sets of the first-level cache. */
static uint64_t row_step(uint64_t n)
{
	return n + KERN_PAD;
}

uint32_t attn_rows(const struct zinc_op_flash_attn *d)
{
	enum { KEPT = 512 << 10 }; /* bytes */
	uint64_t all = (d->n.imm ? d->n.imm : UINT64_C(1)) * (d->n_head / d->n_head_kv);
	/* What pages are multiplied with: sums of chunks are read once a chunk. */
	uint64_t row = (attn_dk(d) + (uint64_t)attn_dv(d)) * sizeof(float);
	uint32_t rows = ATTN_MAX_ROWS;

	while (rows > ATTN_MIN_ROWS && rows * row > KEPT)
		rows /= 2;
	return rows < all ? rows : (uint32_t)all;
}

uint64_t attn_space_bytes(const struct zinc_op_flash_attn *d)
{
	uint64_t rows = attn_rows(d);
	uint64_t floats = (ZINC_KV_PAGE + rows) * row_step(attn_dk(d)) +
	                  (ZINC_KV_PAGE + 2 * rows) * row_step(attn_dv(d));

	return floats * sizeof(float) + rows * sizeof(struct kern_query);
}

struct attn_space attn_space_at(const struct zinc_op_flash_attn *d, uint8_t *mem)
{
	struct attn_space s;
	uint64_t dk = row_step(attn_dk(d)), dv = row_step(attn_dv(d)), rows = attn_rows(d);

	s.k = (float *)(void *)mem;
	s.v = s.k + ZINC_KV_PAGE * dk;
	s.q = s.v + ZINC_KV_PAGE * dv;
	s.part = s.q + rows * dk;
	s.full = s.part + rows * dv;
	s.rows = (struct kern_query *)(void *)(s.full + rows * dv);
	return s;
}

/* Visible positions of a query: [first, end). */
struct span {
	uint64_t first, end;
};

static struct span visible(const struct zinc_op_flash_attn *d, uint64_t token)
{
	int32_t pos = cpu_i32(&d->tok_pos, 0)[token];
	uint64_t max = (uint64_t)d->block_table.ne[0] * ZINC_KV_PAGE;
	struct span s = {0, pos < 0 ? 0 : (uint64_t)pos + 1};

	if (s.end > max)
		s.end = max;
	if (d->window && s.end > d->window)
		s.first = s.end - d->window;
	return s;
}

struct attn_range attn_chunks(const struct zinc_op_flash_attn *d, uint64_t token)
{
	const uint64_t chunk = ATTN_CHUNK_PAGES * ZINC_KV_PAGE;
	struct span s = visible(d, token);
	struct attn_range r = {(uint32_t)(s.first / chunk),
	                       (uint32_t)((s.end + chunk - 1) / chunk)};

	return r;
}

/* Row r of a block is head r % n_heads of token r / n_heads. */
static uint64_t row_token(const struct attn_block *b, uint32_t r)
{
	return b->token + r / b->n_heads;
}

static uint32_t row_head(const struct attn_block *b, uint32_t r)
{
	return b->head + r % b->n_heads;
}

void attn_load(const struct attn_block *b)
{
	const struct zinc_op_flash_attn *d = b->d;
	uint32_t dk = attn_dk(d);
	uint32_t lanes = d->q_head_dim < d->kv_head_dim ? d->q_head_dim : d->kv_head_dim;

	for (uint32_t r = 0; r < attn_n_rows(b); r++) {
		float *q = b->space->q + r * row_step(dk);
		const float *src = cpu_f32(&d->q, row_head(b, r), row_token(b, r));

		for (uint32_t i = 0; i < lanes; i++)
			q[i] = d->scale * src[i];
		memset(q + lanes, 0, (dk - lanes) * sizeof(float));
	}
}

/* Slots [lo, hi) of one head of a page as padded F32 rows; the cache itself
 * where it already is that. */
static const float *page_rows(const struct attn_block *b, const struct zinc_view *cache,
                              int64_t page, uint32_t lanes, uint32_t lo, uint32_t hi,
                              float *space, uint64_t *stride)
{
	uint32_t padded = kern_padded(lanes), whole;

	if (cache->dtype == ZINC_F32 && lanes == padded) {
		*stride = cache->nb[1] / sizeof(float);
		return (const float *)(const void *)kv_row(cache, page, b->kv_head, 0);
	}
	/* A Q8_0 row converts in whole blocks; lanes past the block's end stay
	 * out, or are padding. */
	whole = cache->dtype == ZINC_Q8_0 ? (lanes + 31) / 32 * 32 : lanes;
	*stride = row_step(padded);
	for (uint32_t slot = lo; slot < hi; slot++) {
		float *row = space + slot * *stride;
		float block[32];
		const uint8_t *src = kv_row(cache, page, b->kv_head, slot);

		if (whole > padded) {
			uint32_t rest = lanes % 32, full = lanes - rest;

			b->kern->to_f32(cache->dtype, src, row, full);
			b->kern->to_f32(cache->dtype, src + full / 32 * 34, block, 32);
			memcpy(row + full, block, rest * sizeof(float));
		} else {
			b->kern->to_f32(cache->dtype, src, row, whole);
		}
		memset(row + lanes, 0, (padded - lanes) * sizeof(float));
	}
	return space;
}

/* Sets each row's visible slots of the page that starts at `start`; returns
 * the slots that any row sees. */
static struct span rows_of_page(const struct attn_block *b, uint64_t start)
{
	struct kern_query *row = b->space->rows;
	struct span any = {ZINC_KV_PAGE, 0};

	for (uint32_t t = 0; t < b->n_tokens; t++) {
		struct span s = visible(b->d, b->token + (uint64_t)t);
		uint64_t lo = s.first > start ? s.first - start : 0;
		uint64_t hi = s.end > start ? s.end - start : 0;

		if (hi > ZINC_KV_PAGE)
			hi = ZINC_KV_PAGE;
		if (lo > hi)
			lo = hi;
		if (lo < hi && lo < any.first)
			any.first = lo;
		if (lo < hi && hi > any.end)
			any.end = hi;
		for (uint32_t h = 0; h < b->n_heads; h++, row++) {
			row->lo = (uint32_t)lo;
			row->hi = (uint32_t)hi;
		}
	}
	return any;
}

static void multiply(const struct attn_block *b, const struct kern_page *page)
{
	struct kern_query *rows = b->space->rows;

	for (uint32_t left = attn_n_rows(b), n; left; left -= n, rows += n) {
		n = left < KERN_MAX_QUERIES ? left : KERN_MAX_QUERIES;
		b->kern->attn_page(page, rows, n);
	}
}

/* Few queries read the cache as it is; more of them share its conversion. */
static bool reads_f16(const struct attn_block *b, uint32_t lanes)
{
	enum { FEW = 8 };
	const struct zinc_view *k = &b->d->k_cache, *v = &b->d->v_cache;

	return attn_n_rows(b) <= FEW && k->dtype == ZINC_F16 && v->dtype == ZINC_F16 &&
	       lanes % KERN_PAD == 0 && v->ne[0] % KERN_PAD == 0;
}

/* The head's rows of page `index` of an F16 cache; NULL: the page is not there. */
static const uint16_t *f16_rows(const struct attn_block *b, const struct zinc_view *cache,
                                uint32_t index)
{
	int64_t page = kv_page(&b->d->block_table, cache, b->seq, index);

	if (page < 0)
		return NULL;
	return (const uint16_t *)(const void *)kv_row(cache, page, b->kv_head, 0);
}

static void attn_one_page(const struct attn_block *b, uint32_t index)
{
	const struct zinc_op_flash_attn *d = b->d;
	struct span any = rows_of_page(b, (uint64_t)index * ZINC_KV_PAGE);
	int64_t k_page = kv_page(&d->block_table, &d->k_cache, b->seq, index);
	int64_t v_page = kv_page(&d->block_table, &d->v_cache, b->seq, index);
	struct kern_page page = {.dk = attn_dk(d), .dv = attn_dv(d),
	                         .softcap = d->softcap};
	uint32_t lanes = d->q_head_dim < d->kv_head_dim ? d->q_head_dim : d->kv_head_dim;

	if (any.first >= any.end || k_page < 0 || v_page < 0)
		return;
	if (reads_f16(b, lanes)) {
		page.k16 = f16_rows(b, &d->k_cache, index);
		page.v16 = f16_rows(b, &d->v_cache, index);
		page.next_k = f16_rows(b, &d->k_cache, index + 1);
		page.next_v = f16_rows(b, &d->v_cache, index + 1);
		page.k_stride = d->k_cache.nb[1] / sizeof(uint16_t);
		page.v_stride = d->v_cache.nb[1] / sizeof(uint16_t);
		multiply(b, &page);
		return;
	}
	page.k = page_rows(b, &d->k_cache, k_page, lanes, (uint32_t)any.first, (uint32_t)any.end,
	                   b->space->k, &page.k_stride);
	page.v = page_rows(b, &d->v_cache, v_page, d->v_cache.ne[0], (uint32_t)any.first,
	                   (uint32_t)any.end, b->space->v, &page.v_stride);
	multiply(b, &page);
}

void attn_chunk(const struct attn_block *b, uint32_t chunk)
{
	uint32_t dk = attn_dk(b->d), dv = attn_dv(b->d), n = attn_n_rows(b);
	uint32_t first = chunk * ATTN_CHUNK_PAGES, blocks = b->d->block_table.ne[0];

	memset(b->space->part, 0, n * row_step(dv) * sizeof(float));
	for (uint32_t r = 0; r < n; r++)
		b->space->rows[r] = (struct kern_query){
			.q = b->space->q + r * row_step(dk),
			.acc = b->space->part + r * row_step(dv),
			.m = -INFINITY,
		};
	for (uint32_t i = first; i < first + ATTN_CHUNK_PAGES && i < blocks; i++)
		attn_one_page(b, i);
}

void attn_merge(struct attn_sum *sum, float *acc, const struct attn_sum *next,
                const float *next_acc, uint32_t dv)
{
	float m, old_part, new_part;

	if (next->l == 0)
		return;
	if (sum->l == 0) {
		*sum = *next;
		memcpy(acc, next_acc, dv * sizeof(float));
		return;
	}
	m = fmaxf(sum->m, next->m);
	old_part = expf(sum->m - m);
	new_part = expf(next->m - m);
	sum->m = m;
	sum->l = sum->l * old_part + next->l * new_part;
	for (uint32_t i = 0; i < dv; i++)
		acc[i] = acc[i] * old_part + next_acc[i] * new_part;
}

void attn_finish(const struct zinc_op_flash_attn *d, const struct cpu_kernels *kern,
                 const struct attn_sum *sum, const float *acc, uint64_t token, uint32_t head)
{
	uint32_t dv = d->v_cache.ne[0];
	float *out = cpu_f32(&d->out, head, token), l = sum->l;

	if (l == 0)
		memset(out, 0, dv * sizeof(float));
	else
		for (uint32_t i = 0; i < dv; i++)
			out[i] = acc[i] / l;
	if (zinc_view_present(&d->gate))
		kern->sigmoid_gate(out, out, cpu_f32(&d->gate, head, token), dv);
}

void attn_whole(const struct attn_block *b)
{
	struct attn_sum sums[ATTN_MAX_ROWS] = {{0}};
	uint32_t n = attn_n_rows(b), dv = attn_dv(b->d);
	struct attn_range first = attn_chunks(b->d, b->token);
	struct attn_range last = attn_chunks(b->d, b->token + b->n_tokens - 1);

	attn_load(b);
	for (uint32_t chunk = first.first; chunk < last.end; chunk++) {
		attn_chunk(b, chunk);
		for (uint32_t r = 0; r < n; r++) {
			const struct kern_query *row = &b->space->rows[r];
			struct attn_sum next = {row->m, row->l};

			attn_merge(&sums[r], b->space->full + r * row_step(dv), &next, row->acc,
			           dv);
		}
	}
	for (uint32_t r = 0; r < n; r++)
		attn_finish(b->d, b->kern, &sums[r], b->space->full + r * row_step(dv),
		            row_token(b, r), row_head(b, r));
}
