/* ptx.cuh - the hardware instructions that kernels use, one function each.
 *
 * All of them exist from sm_80 on. Fragment layouts are those of the PTX ISA
 * manual, section "Matrix fragments". tests/cuda_emu has the same functions in
 * plain C++. */
#ifndef ADA_PTX_CUH
#define ADA_PTX_CUH

#include "kernel.cuh"

#ifndef ADA_EMU

/* An address in shared memory, for loops that are short of registers and
 * instructions: the compiler would make it anew from a pointer each time. */
typedef uint32_t ada_shared;

__device__ static __forceinline__ ada_shared ada_shared_of(const void *p)
{
	uint32_t at = (uint32_t)__cvta_generic_to_shared(p);
	asm volatile("" : "+r"(at));
	return at;
}

__device__ static __forceinline__ uint32_t ada_shared_load2(ada_shared at)
{
	uint16_t v;
	asm volatile("ld.shared.u16 %0, [%1];" : "=h"(v) : "r"(at));
	return v;
}

__device__ static __forceinline__ uint32_t ada_shared_load4(ada_shared at)
{
	uint32_t v;
	asm volatile("ld.shared.u32 %0, [%1];" : "=r"(v) : "r"(at));
	return v;
}

__device__ static __forceinline__ uint2 ada_shared_load8(ada_shared at)
{
	uint2 v;
	asm volatile("ld.shared.v2.u32 {%0,%1}, [%2];" : "=r"(v.x), "=r"(v.y) : "r"(at));
	return v;
}

__device__ static __forceinline__ uint4 ada_shared_load16(ada_shared at)
{
	uint4 v;
	asm volatile("ld.shared.v4.u32 {%0,%1,%2,%3}, [%4];"
	             : "=r"(v.x), "=r"(v.y), "=r"(v.z), "=r"(v.w)
	             : "r"(at));
	return v;
}

/* 16 bytes from global to shared memory, past the registers; zeros instead where
 * !inside. Complete after ada_cp_async_wait() and a barrier. */
__device__ static __forceinline__ void ada_cp_async16(void *dst, const void *src, bool inside = true)
{
	uint32_t to = (uint32_t)__cvta_generic_to_shared(dst), bytes = inside ? 16 : 0;
	asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(to), "l"(src), "r"(bytes)
	             : "memory");
}

/* The same for 4 bytes. */
__device__ static __forceinline__ void ada_cp_async4(void *dst, const void *src, bool inside = true)
{
	uint32_t to = (uint32_t)__cvta_generic_to_shared(dst), bytes = inside ? 4 : 0;
	asm volatile("cp.async.ca.shared.global [%0], [%1], 4, %2;" ::"r"(to), "l"(src), "r"(bytes)
	             : "memory");
}

/* The same where `copies`, without a branch. */
__device__ static __forceinline__ void ada_cp_async16_if(bool copies, ada_shared to,
                                                         const void *src, bool inside = true)
{
	asm volatile("{ .reg .pred p; setp.ne.u32 p, %0, 0;\n"
	             "@p cp.async.cg.shared.global [%1], [%2], 16, %3; }" ::"r"((uint32_t)copies),
	             "r"(to), "l"(src), "r"(inside ? 16 : 0)
	             : "memory");
}

__device__ static __forceinline__ void ada_cp_async4_if(bool copies, ada_shared to, const void *src)
{
	asm volatile("{ .reg .pred p; setp.ne.u32 p, %0, 0;\n"
	             "@p cp.async.ca.shared.global [%1], [%2], 4; }" ::"r"((uint32_t)copies),
	             "r"(to), "l"(src)
	             : "memory");
}

/* sum + the products of four unsigned and four signed bytes. */
__device__ static __forceinline__ int32_t ada_dot4_us(uint32_t a, uint32_t b, int32_t sum)
{
	asm("dp4a.u32.s32 %0, %1, %2, %0;" : "+r"(sum) : "r"(a), "r"(b));
	return sum;
}

__device__ static __forceinline__ void ada_cp_async_commit()
{
	asm volatile("cp.async.commit_group;" ::: "memory");
}

/* At most N groups of this thread are still under way. */
template <int N> __device__ static __forceinline__ void ada_cp_async_wait()
{
	asm volatile("cp.async.wait_group %0;" ::"n"(N) : "memory");
}

/* Four 8x8 matrices of 16-bit elements; lane i gives the row address of row i % 8
 * of matrix i / 8. */
__device__ static __forceinline__ void ada_ldmatrix_x4(uint32_t r[4], const void *row)
{
	uint32_t from = (uint32_t)__cvta_generic_to_shared(row);
	asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0,%1,%2,%3}, [%4];"
	             : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
	             : "r"(from)
	             : "memory");
}

__device__ static __forceinline__ void ada_ldmatrix_x4_trans(uint32_t r[4], const void *row)
{
	uint32_t from = (uint32_t)__cvta_generic_to_shared(row);
	asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0,%1,%2,%3}, [%4];"
	             : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
	             : "r"(from)
	             : "memory");
}

/* Two matrices; lanes 0 to 15 give the addresses. */
__device__ static __forceinline__ void ada_ldmatrix_x2(uint32_t r[2], const void *row)
{
	uint32_t from = (uint32_t)__cvta_generic_to_shared(row);
	asm volatile("ldmatrix.sync.aligned.m8n8.x2.shared.b16 {%0,%1}, [%2];"
	             : "=r"(r[0]), "=r"(r[1])
	             : "r"(from)
	             : "memory");
}

__device__ static __forceinline__ void ada_ldmatrix_x2_trans(uint32_t r[2], const void *row)
{
	uint32_t from = (uint32_t)__cvta_generic_to_shared(row);
	asm volatile("ldmatrix.sync.aligned.m8n8.x2.trans.shared.b16 {%0,%1}, [%2];"
	             : "=r"(r[0]), "=r"(r[1])
	             : "r"(from)
	             : "memory");
}

/* c += a b, A 16x32 row-major, B 32x8 column-major, signed 8 bits, 32-bit sums. */
__device__ static __forceinline__ void ada_mma_s8(int32_t c[4], const uint32_t a[4],
                                                  const uint32_t b[2])
{
	asm volatile("mma.sync.aligned.m16n8k32.row.col.s32.s8.s8.s32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, "
	             "{%8,%9}, {%0,%1,%2,%3};"
	             : "+r"(c[0]), "+r"(c[1]), "+r"(c[2]), "+r"(c[3])
	             : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}

/* The same, A 16x16 and B 16x8. */
__device__ static __forceinline__ void ada_mma_s8_k16(int32_t c[4], const uint32_t a[2],
                                                      const uint32_t b[1])
{
	asm volatile("mma.sync.aligned.m16n8k16.row.col.s32.s8.s8.s32 {%0,%1,%2,%3}, {%4,%5}, {%6}, "
	             "{%0,%1,%2,%3};"
	             : "+r"(c[0]), "+r"(c[1]), "+r"(c[2]), "+r"(c[3])
	             : "r"(a[0]), "r"(a[1]), "r"(b[0]));
}

/* c += a b, A 16x16 row-major, B 16x8 column-major, F32 sums. */
__device__ static __forceinline__ void ada_mma_f16(float c[4], const uint32_t a[4],
                                                   const uint32_t b[2])
{
	asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0,%1,%2,%3}, "
	             "{%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
	             : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
	             : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}

__device__ static __forceinline__ void ada_mma_bf16(float c[4], const uint32_t a[4],
                                                    const uint32_t b[2])
{
	asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0,%1,%2,%3}, "
	             "{%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
	             : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
	             : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}

/* The same with TF32 operands (F32 bits), A 16x8 and B 8x8. */
__device__ static __forceinline__ void ada_mma_tf32(float c[4], const uint32_t a[4],
                                                    const uint32_t b[2])
{
	asm volatile("mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 {%0,%1,%2,%3}, "
	             "{%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
	             : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
	             : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}

/* 16 bytes of a constant that is read once: kept out of the way of L1. */
__device__ static __forceinline__ uint4 ada_load_stream(const void *p)
{
	uint4 v;
	asm volatile("ld.global.nc.L1::no_allocate.v4.u32 {%0,%1,%2,%3}, [%4];"
	             : "=r"(v.x), "=r"(v.y), "=r"(v.z), "=r"(v.w)
	             : "l"(p));
	return v;
}

/* The same value, unknown to the compiler: it is kept in a register instead of
 * being computed again at each use. */
__device__ static __forceinline__ uint32_t ada_keep(uint32_t x)
{
	asm volatile("" : "+r"(x));
	return x;
}

/* Brings the 128 bytes around p to L2: no access in the sense of the language, so
 * it may come before ada_wait_inputs(). */
__device__ static __forceinline__ void ada_prefetch(const void *p)
{
	asm volatile("prefetch.global.L2 [%0];" ::"l"(p));
}

#endif /* ADA_EMU */
#endif
