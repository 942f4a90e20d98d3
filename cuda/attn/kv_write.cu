/* kv_write.cu - K and V rows into the paged cache: one warp, one row. */
#include "attn/kv_row.cuh"

ADA_KERNEL(kv_write, struct ada_kv_write_args, 256, 4)
{
	uint32_t lane = threadIdx.x % 32, n_k = a.k.ne1, n_all = n_k + a.v.ne1;
	uint32_t i = blockIdx.x * (blockDim.x / 32) + threadIdx.x / 32;
	uint32_t token = i / n_all, head = i % n_all;
	bool is_v = head >= n_k;
	struct kv_place at = {-1, 0};

	ada_release_next();
	if (token < ada_live(a.params, a.n))
		at = kv_place_of(a, is_v ? a.v_cache.ne3 : a.k_cache.ne3, token);
	ada_wait_inputs();
	kv_write_row(a, is_v, head - (is_v ? n_k : 0), token, at, lane);
}
