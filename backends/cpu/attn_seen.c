/* attn_seen.c - which positions, chunks and slots a token sees. */
#include "attn.h"

struct attn_span attn_visible(const struct zinc_op_flash_attn *d, uint64_t token)
{
	int32_t pos = cpu_i32(&d->tok_pos, 0)[token];
	uint64_t max = (uint64_t)d->block_table.ne[0] * ZINC_KV_PAGE;
	struct attn_span s = {0, pos < 0 ? 0 : (uint64_t)pos + 1};

	if (s.end > max)
		s.end = max;
	if (d->window && s.end > d->window)
		s.first = s.end - d->window;
	return s;
}

struct attn_range attn_chunks(const struct zinc_op_flash_attn *d, uint64_t token)
{
	const uint64_t chunk = ATTN_CHUNK_PAGES * ZINC_KV_PAGE;
	struct attn_span s = attn_visible(d, token);
	struct attn_range r = {(uint32_t)(s.first / chunk),
	                       (uint32_t)((s.end + chunk - 1) / chunk)};

	return r;
}

struct attn_place attn_place_of(const struct zinc_op_flash_attn *d, uint64_t token,
                                uint32_t kv_head, uint32_t page)
{
	const struct attn_span s = attn_visible(d, token);
	const uint64_t start = (uint64_t)page * ZINC_KV_PAGE, end = start + ZINC_KV_PAGE;
	const uint64_t lo = s.first > start ? s.first : start, hi = s.end < end ? s.end : end;
	struct attn_place p = {.seq = (uint32_t)cpu_i32(&d->tok_seq, 0)[token],
	                       .kv_head = kv_head, .page = page};

	if (lo < hi) {
		p.lo = (uint32_t)(lo - start);
		p.hi = (uint32_t)(hi - start);
	}
	return p;
}

struct attn_place attn_start_of(const struct zinc_op_flash_attn *d, uint64_t token,
                                uint32_t kv_head, uint32_t chunk)
{
	uint64_t first = attn_visible(d, token).first / ZINC_KV_PAGE;
	uint32_t page = chunk * ATTN_CHUNK_PAGES;

	return attn_place_of(d, token, kv_head, first > page ? (uint32_t)first : page);
}
