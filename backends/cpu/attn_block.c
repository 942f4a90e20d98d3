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

/* Rows of a space: KV heads of one token that go together may have more. */
static uint64_t space_rows(const struct zinc_op_flash_attn *d)
{
	uint32_t rows = attn_rows(d), one = d->n_head < ATTN_MIN_ROWS ? d->n_head : ATTN_MIN_ROWS;

	return rows > one ? rows : one;
}

uint64_t attn_space_bytes(const struct zinc_op_flash_attn *d)
{
	uint64_t rows = space_rows(d);
	uint64_t floats = (ZINC_KV_PAGE + rows) * row_step(attn_dk(d)) +
	                  (ZINC_KV_PAGE + 2 * rows) * row_step(attn_dv(d));

	return (floats * sizeof(float) + rows * sizeof(struct kern_query) + 63) / 64 * 64;
}

struct attn_space attn_space_at(const struct zinc_op_flash_attn *d, uint8_t *mem)
{
	struct attn_space s;
	uint64_t dk = row_step(attn_dk(d)), dv = row_step(attn_dv(d)), rows = space_rows(d);

	s.k = (float *)(void *)mem;
	s.v = s.k + ZINC_KV_PAGE * dk;
	s.q = s.v + ZINC_KV_PAGE * dv;
	s.part = s.q + rows * dk;
	s.full = s.part + rows * dv;
	s.rows = (struct kern_query *)(void *)(s.full + rows * dv);
	return s;
}

struct attn_space attn_own_space(const struct cpu_ctx *ctx, const struct zinc_op_flash_attn *d)
{
	return attn_space_at(d, ctx->scratch + ctx->ith * attn_space_bytes(d));
}

struct attn_block attn_token_block(const struct cpu_ctx *ctx, const struct zinc_op_flash_attn *d,
                                   struct attn_space *space, uint32_t token, uint32_t first_head,
                                   uint32_t n_heads)
{
	uint32_t group = d->n_head / d->n_head_kv;
	struct attn_block b = {
		.d = d,
		.kern = ctx->dev->kernels,
		.space = space,
		.seq = (uint32_t)cpu_i32(&d->tok_seq, 0)[token],
		.kv_head = first_head / group,
		.n_kv = n_heads > group ? n_heads / group : 1,
		.token = token,
		.n_tokens = 1,
		.head = first_head,
		.n_heads = n_heads,
	};

	return b;
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
                              uint32_t kv_head, int64_t page, uint32_t lanes,
                              struct attn_span seen, float *space, uint64_t *stride)
{
	uint32_t padded = kern_padded(lanes), whole;

	if (cache->dtype == ZINC_F32 && lanes == padded) {
		*stride = cache->nb[1] / sizeof(float);
		return (const float *)(const void *)kv_row(cache, page, kv_head, 0);
	}
	/* A Q8_0 row converts in whole blocks; lanes past the block's end stay
	 * out, or are padding. */
	whole = cache->dtype == ZINC_Q8_0 ? (lanes + 31) / 32 * 32 : lanes;
	*stride = row_step(padded);
	for (uint64_t slot = seen.first; slot < seen.end; slot++) {
		float *row = space + slot * *stride;
		float block[32];
		const uint8_t *src = kv_row(cache, page, kv_head, (uint32_t)slot);

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
static struct attn_span rows_of_page(const struct attn_block *b, uint64_t start)
{
	struct kern_query *row = b->space->rows;
	struct attn_span any = {ZINC_KV_PAGE, 0};

	for (uint32_t t = 0; t < b->n_tokens; t++) {
		struct attn_span s = attn_visible(b->d, b->token + (uint64_t)t);
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

/* Queries of each KV head of a block. */
static uint32_t rows_per_kv(const struct attn_block *b)
{
	return attn_n_rows(b) / b->n_kv;
}

/* The queries of KV head number kv of the block. */
static void multiply(const struct attn_block *b, uint32_t kv, const struct kern_page *page)
{
	uint32_t per_kv = rows_per_kv(b);
	struct kern_query *rows = b->space->rows + kv * per_kv;

	for (uint32_t left = per_kv, n; left; left -= n, rows += n) {
		n = left < KERN_MAX_QUERIES ? left : KERN_MAX_QUERIES;
		b->kern->attn_page(page, rows, n);
	}
}

/* Few queries read the cache as it is; more of them share its conversion. */
static bool reads_f16(const struct attn_block *b, uint32_t lanes)
{
	enum { FEW = 8 };
	const struct zinc_view *k = &b->d->k_cache, *v = &b->d->v_cache;

	return rows_per_kv(b) <= FEW && k->dtype == ZINC_F16 && v->dtype == ZINC_F16 &&
	       lanes % KERN_PAD == 0 && v->ne[0] % KERN_PAD == 0;
}

/* The first slot of a page's rows in an F16 cache; NULL: the page is not there. */
static const uint16_t *f16_rows(const struct attn_block *b, const struct zinc_view *cache,
                                const struct attn_place *at)
{
	int64_t page = kv_page(&b->d->block_table, cache, at->seq, at->page);

	if (page < 0)
		return NULL;
	return (const uint16_t *)(const void *)kv_row(cache, page, at->kv_head, 0);
}

/* What is read after a page of KV head number kv: its next head's, the next page of the
 * chunk as far as the block's last token sees it, or where the thread goes on. */
static struct attn_place place_after(const struct attn_block *b, uint32_t index, uint32_t kv)
{
	const uint64_t last = b->token + (uint64_t)b->n_tokens - 1;
	struct attn_place next;

	if (kv + 1 < b->n_kv)
		return attn_place_of(b->d, last, b->kv_head + kv + 1, index);
	next = attn_place_of(b->d, last, b->kv_head, index + 1);
	return (index + 1) % ATTN_CHUNK_PAGES && next.lo < next.hi ? next : b->after;
}

static void place_page16(const struct attn_block *b, uint32_t index, uint32_t kv,
                         struct kern_page *page)
{
	const struct zinc_view *k = &b->d->k_cache, *v = &b->d->v_cache;
	const struct attn_place here = {.seq = b->seq, .kv_head = b->kv_head + kv, .page = index};
	const struct attn_place next = place_after(b, index, kv);

	page->k16 = f16_rows(b, k, &here);
	page->v16 = f16_rows(b, v, &here);
	page->k_stride = k->nb[1] / sizeof(uint16_t);
	page->v_stride = v->nb[1] / sizeof(uint16_t);
	if (next.lo == next.hi)
		return;
	page->next_k = f16_rows(b, k, &next);
	page->next_v = f16_rows(b, v, &next);
	if (page->next_k && page->next_v) {
		page->next_lo = next.lo;
		page->next_hi = next.hi;
	}
}

/* All KV heads of one page, which lie one behind the other, before the next page: memory
 * is read faster in long runs. */
static void attn_one_page(const struct attn_block *b, uint32_t index)
{
	const struct zinc_op_flash_attn *d = b->d;
	struct attn_span any = rows_of_page(b, (uint64_t)index * ZINC_KV_PAGE);
	int64_t k_page = kv_page(&d->block_table, &d->k_cache, b->seq, index);
	int64_t v_page = kv_page(&d->block_table, &d->v_cache, b->seq, index);
	uint32_t lanes = d->q_head_dim < d->kv_head_dim ? d->q_head_dim : d->kv_head_dim;

	if (any.first >= any.end || k_page < 0 || v_page < 0)
		return;
	for (uint32_t kv = 0; kv < b->n_kv; kv++) {
		struct kern_page page = {.dk = attn_dk(d), .dv = attn_dv(d),
		                         .softcap = d->softcap};

		if (reads_f16(b, lanes)) {
			place_page16(b, index, kv, &page);
		} else {
			page.k = page_rows(b, &d->k_cache, b->kv_head + kv, k_page, lanes, any,
			                   b->space->k, &page.k_stride);
			page.v = page_rows(b, &d->v_cache, b->kv_head + kv, v_page,
			                   d->v_cache.ne[0], any, b->space->v, &page.v_stride);
		}
		multiply(b, kv, &page);
	}
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
