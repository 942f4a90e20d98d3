/* kv.glsl - rows of the paged cache. */
#ifndef KV_GLSL
#define KV_GLSL

#include "convert.glsl"

const uint KV_PAGE = 32;

struct cache {
	uint64_t at;
	uint64_t page;       /* strides in bytes */
	uint64_t head;
	uint slot, n_pages;
};

struct block_table {
	uint64_t at;
	uint n_seqs, n_blocks; /* entries; a sequence's row has n_blocks */
	uint row;              /* stride in elements                    */
	uint pad;
};

/* The page of a block of a sequence; -1: it is not there. */
int kv_page(block_table t, uint n_pages, int seq, uint block)
{
	int page;

	if (seq < 0 || uint(seq) >= t.n_seqs || block >= t.n_blocks)
		return -1;
	page = i32_ref(t.at).v[uint(seq) * t.row + block];
	return page >= 0 && uint(page) < n_pages ? page : -1;
}

uint64_t kv_row(cache c, uint page, uint head, uint slot)
{
	return c.at + uint64_t(page) * c.page + uint64_t(head) * c.head + uint64_t(slot) * c.slot;
}

float kv_at(uint dtype, uint64_t row, uint i)
{
	if (dtype == F32)
		return f32_ref(row).v[i];
	if (dtype == F16)
		return f32_of_f16(uint(u16_ref(row).v[i]));
	if (dtype == BF16)
		return f32_of_bf16(uint(u16_ref(row).v[i]));
	row += uint64_t(i / 32) * 34;
	return f32_of_f16(uint(u16_ref(row).v[0])) *
	       float(int(uint(u8_ref(row).v[2 + i % 32]) << 24) >> 24);
}

#endif
