/* kv_put.glsl - a row of K or V into the cache, by all of a workgroup. */
#ifndef KV_PUT_GLSL
#define KV_PUT_GLSL

#include "kv.glsl"

/* Lane i of the row; the includer has it. */
float kv_source(uint i);

void kv_put(uint dtype, uint64_t y, uint lanes)
{
	uint first = gl_LocalInvocationID.x;

	if (dtype == Q8_0) {
		for (uint b = first; b < lanes / 32; b += GROUP) {
			float w[32];

			for (uint i = 0; i < 32; i++)
				w[i] = kv_source(32 * b + i);
			q8_0_of_f32(w, u8_ref(y + uint64_t(b) * 34));
		}
		return;
	}
	for (uint i = first; i < lanes; i += GROUP) {
		float x = kv_source(i);

		if (dtype == F32)
			f32_ref(y).v[i] = x;
		else
			u16_ref(y).v[i] = uint16_t(dtype == F16 ? f16_of_f32(x) : bf16_of_f32(x));
	}
}

/* Where a token's row of a head lies; 0: nowhere, its page is not there. */
uint64_t kv_place(cache c, block_table table, int seq, int pos, uint head)
{
	int page = pos < 0 ? -1 : kv_page(table, c.n_pages, seq, uint(pos) / KV_PAGE);

	return page < 0 ? 0ul : kv_row(c, page, head, uint(pos) % KV_PAGE);
}

#endif
