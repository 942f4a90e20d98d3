/* kernel.cuh - how every kernel of this backend is written.
 *
 *   ADA_KERNEL(rmsnorm_256, struct ada_rmsnorm_args, 256, 4)
 *   {
 *           ada_wait_inputs();
 *           uint32_t n = ada_live(a.params, a.n);
 *           ...
 *   }
 *
 * The kernel's name is global over all files. It takes one struct by value, `a`,
 * is launched with at most `threads` threads and promises `min_blocks` resident
 * blocks per multiprocessor (the compiler bounds registers by it).
 *
 * Launches of one list overlap: a kernel may start while the one before still
 * runs. ada_wait_inputs() returns when everything before has finished and its
 * writes are visible; before it, a kernel reads only what no kernel writes (weights;
 * the step's tables and parameter slots, which are copied before the list starts),
 * and it writes nothing. Every kernel calls it in every thread that goes on to read or
 * write. ada_release_next() is a hint that the next launch may be set up.
 *
 * ADA_EMU is set where these files are compiled as C++ for the processor, to be
 * tested without a GPU (tests/cuda_emu). So: hardware instructions only through
 * the functions of ptx.cuh and num.cuh (each has its twin in emu_ptx.h or
 * emu_num.h there), __shared__ arrays of plain types without initial values, dynamic
 * shared memory only through ADA_DYN_SHARED(), warps always of 32, no inline
 * assembly elsewhere, and all threads of a warp reach a warp-wide function
 * together. A mask names lanes that exist and have not returned. Early return is
 * allowed where no barrier follows for that thread. Blocks come in any order and
 * never wait for one another; the last one to come may be told by an atomic. */
#ifndef ADA_KERNEL_CUH
#define ADA_KERNEL_CUH

#ifdef ADA_EMU
#include "emu.h"
#else

#include <stddef.h>
#include <stdint.h>

#define ADA_KERNEL(name, args_t, threads, min_blocks)                                              \
	extern "C" __global__ void __launch_bounds__(threads, min_blocks)                          \
		name(const __grid_constant__ args_t a)

/* The launch's dynamic shared memory, 16-byte aligned, as an array of `type`. */
#define ADA_DYN_SHARED(type, name)                                                                 \
	extern __shared__ __align__(16) unsigned char ada_dyn_shared[];                            \
	type *name = reinterpret_cast<type *>(ada_dyn_shared)

__device__ static __forceinline__ void ada_wait_inputs()
{
#if __CUDA_ARCH__ >= 900
	asm volatile("griddepcontrol.wait;" ::: "memory");
#endif
}

__device__ static __forceinline__ void ada_release_next()
{
#if __CUDA_ARCH__ >= 900
	asm volatile("griddepcontrol.launch_dependents;" ::: "memory");
#endif
}

#endif /* ADA_EMU */

#include "args.h"

static constexpr uint32_t ADA_FULL_WARP = 0xffffffffu;

/* The live number: rows past it are not read and need not be written. */
__device__ static __forceinline__ uint32_t ada_live(uint64_t params, struct ada_count n)
{
	if (!n.slot)
		return n.imm;
	uint32_t v = reinterpret_cast<const uint32_t *>(params)[n.slot];
	return v < n.imm ? v : n.imm;
}

/* The value of a slot that is no row count (state_copy's src and dst). */
__device__ static __forceinline__ uint32_t ada_value(uint64_t params, struct ada_count n)
{
	return n.slot ? reinterpret_cast<const uint32_t *>(params)[n.slot] : n.imm;
}

/* Element (i0, i1, i2) of a view of T. */
template <typename T>
__device__ static __forceinline__ T *ada_at(const struct ada_view &v, uint64_t i0 = 0,
                                            uint64_t i1 = 0, uint64_t i2 = 0)
{
	return reinterpret_cast<T *>(v.p + i1 * v.nb1 + i2 * v.nb2) + i0;
}

__device__ static __forceinline__ float ada_warp_sum(float x)
{
	for (int d = 16; d; d >>= 1)
		x += __shfl_xor_sync(ADA_FULL_WARP, x, d);
	return x;
}

__device__ static __forceinline__ float ada_warp_max(float x)
{
	for (int d = 16; d; d >>= 1)
		x = fmaxf(x, __shfl_xor_sync(ADA_FULL_WARP, x, d));
	return x;
}

#endif
