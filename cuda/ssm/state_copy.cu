/* state_copy.cu - copies or clears an entry of a pool. */
#include "kernel.cuh"
#include "ssm/args.h"

static constexpr uint32_t STATE_ZERO = 0xffffffffu; /* ZINC_STATE_ZERO */

template <typename T>
__device__ static __forceinline__ void copy_entry(const struct ada_state_copy_args &a)
{
	ada_wait_inputs();
	ada_release_next();
	const uint32_t src = ada_value(a.params, a.src), dst = ada_value(a.params, a.dst);
	if (dst >= a.n_entries || src == dst || (src != STATE_ZERO && src >= a.n_entries))
		return;
	T *to = reinterpret_cast<T *>(a.pool) + dst * a.units;
	const T *from = reinterpret_cast<const T *>(a.pool) + src * a.units;
	const uint64_t threads = (uint64_t)gridDim.x * blockDim.x;
	uint64_t i = (uint64_t)blockIdx.x * blockDim.x + threadIdx.x;

	for (; i < a.units; i += threads) {
		T zero = {};

		to[i] = src == STATE_ZERO ? zero : from[i];
	}
}

ADA_KERNEL(state_copy_16, struct ada_state_copy_args, 256, 4)
{
	copy_entry<uint4>(a);
}

ADA_KERNEL(state_copy_4, struct ada_state_copy_args, 256, 4)
{
	copy_entry<uint32_t>(a);
}

ADA_KERNEL(state_copy_1, struct ada_state_copy_args, 256, 4)
{
	copy_entry<uint8_t>(a);
}
