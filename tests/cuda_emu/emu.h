/* emu.h - CUDA C++ for the processor: what kernels include instead of the CUDA
 * headers when ADA_EMU is set.
 *
 * A kernel becomes a C++ function that every thread of a block runs on a fiber
 * of its own (emu_fiber.h); this file maps the keywords, the others the types,
 * the arithmetic, the warp functions and the functions of ptx.cuh and num.cuh.
 *
 * Made to find mistakes, not to be fast: shared memory, registers that nobody
 * set, and the targets of copies under way hold rubbish, fibers and blocks run in
 * a random order (ZINC_EMU_SEED), misaligned and out-of-bounds accesses end the
 * process with the kernel's name, block and thread. */
#ifndef EMU_H
#define EMU_H

#include <assert.h>
#include <float.h>
#include <limits.h>
#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <type_traits>
#include <vector>

#define __global__
#define __device__
#define __host__
#define __constant__ __attribute__((unused))
#define __forceinline__ inline
#ifdef ADA_EMU /* kernels; the headers of the C++ library use the word themselves */
#define __noinline__ __attribute__((noinline))
#endif
#define __restrict__ __restrict
#define __align__(n) __attribute__((aligned(n)))
#define __launch_bounds__(...)
#define __grid_constant__
/* One operating system thread runs all threads of a block. */
#define __shared__ static __thread
#define warpSize 32

#include "emu_vec.h"
#include "emu_fiber.h"
#include "emu_num.h"
#include "emu_atomic.h"
#include "emu_warp.h"
#include "emu_ptx.h"

#define threadIdx (emu_self()->thread)
#define blockIdx (emu_self()->block->index)
#define blockDim (emu_self()->block->dim)
#define gridDim (emu_self()->block->grid)

#define ADA_KERNEL(name, args_t, threads, min_blocks)                                              \
	extern "C" void name(const args_t &a);                                                     \
	static const struct emu_kernel name##_emu = {                                              \
	        #name, sizeof(args_t), threads, min_blocks,                                        \
	        [](const void *args) { name(*static_cast<const args_t *>(args)); }};               \
	static const bool name##_listed = emu_kernel_add(name##_emu);                              \
	extern "C" void name(const args_t &a)

#define ADA_DYN_SHARED(type, name)                                                                 \
	type *name = reinterpret_cast<type *>(emu_self()->block->dyn_shared)

/* Launches of the emulation do not overlap, but each must have waited. */
static inline void ada_wait_inputs()
{
	emu_self()->block->waited = true;
}

static inline void ada_release_next()
{
}

#endif
