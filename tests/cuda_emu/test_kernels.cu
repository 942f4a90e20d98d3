/* test_kernels.cu - kernels that test the emulation; test_emu.cpp checks them. */
#include "num.cuh"
#include "ptx.cuh"
#include "test_kernels.h"

template <typename T> static T *at(uint64_t p, uint64_t i = 0)
{
	return reinterpret_cast<T *>(p) + i;
}

static uint32_t global_thread()
{
	return blockIdx.x * blockDim.x + threadIdx.x;
}

/* out[i] = i + 1 for each thread of the grid. */
ADA_KERNEL(test_count, struct test_args, 1024, 1)
{
	ada_wait_inputs();
	uint32_t block = (blockIdx.z * gridDim.y + blockIdx.y) * gridDim.x + blockIdx.x;
	uint32_t thread = (threadIdx.z * blockDim.y + threadIdx.y) * blockDim.x + threadIdx.x;
	uint32_t i = block * blockDim.x * blockDim.y * blockDim.z + thread;

	*at<uint32_t>(a.out, i) = i + 1;
}

/* Eight shuffles of the lane's number times 3. */
ADA_KERNEL(test_shuffle, struct test_args, 32, 1)
{
	ada_wait_inputs();
	uint32_t lane = threadIdx.x;
	uint32_t x = 3 * lane;
	uint32_t *out = at<uint32_t>(a.out, 8 * lane);

	out[0] = __shfl_sync(ADA_FULL_WARP, x, 5);
	out[1] = __shfl_sync(ADA_FULL_WARP, x, lane + 1, 8);
	out[2] = __shfl_up_sync(ADA_FULL_WARP, x, 3);
	out[3] = __shfl_up_sync(ADA_FULL_WARP, x, 1, 4);
	out[4] = __shfl_down_sync(ADA_FULL_WARP, x, 7);
	out[5] = __shfl_down_sync(ADA_FULL_WARP, x, 2, 16);
	out[6] = __shfl_xor_sync(ADA_FULL_WARP, x, 21);
	out[7] = (uint32_t)(__shfl_xor_sync(ADA_FULL_WARP, (uint64_t)x << 32, 1) >> 32);
}

/* Votes on the lane's number; the halves of the warp vote apart. */
ADA_KERNEL(test_vote, struct test_args, 32, 1)
{
	ada_wait_inputs();
	uint32_t lane = threadIdx.x, half = lane < 16 ? 0xffffu : 0xffff0000u;
	uint32_t *out = at<uint32_t>(a.out, 8 * lane);

	out[0] = __ballot_sync(ADA_FULL_WARP, lane % 3 == 0);
	out[1] = __ballot_sync(half, lane % 3 == 0);
	out[2] = (uint32_t)__any_sync(half, lane == 3);
	out[3] = (uint32_t)__all_sync(half, lane < 20);
	out[4] = __match_any_sync(ADA_FULL_WARP, lane % 5);
	out[5] = __reduce_add_sync(half, lane);
	out[6] = (uint32_t)__reduce_max_sync(ADA_FULL_WARP, (int)lane - 40);
	out[7] = __reduce_or_sync(ADA_FULL_WARP, 1u << lane / 2);
}

/* The sum of n inputs by a block, in[i] read by thread i, in a tree. Threads past
 * n leave first. */
ADA_KERNEL(test_tree, struct test_args, 1024, 1)
{
	__shared__ float part[1024];
	uint32_t i = threadIdx.x;

	ada_wait_inputs();
	if (i >= a.n)
		return;
	part[i] = at<float>(a.in)[i];
	for (uint32_t half = a.n / 2; half; half /= 2) {
		__syncthreads();
		if (i < half)
			part[i] += part[i + half];
	}
	if (i == 0)
		*at<float>(a.out) = part[0];
}

/* Predicates over the block. */
ADA_KERNEL(test_predicates, struct test_args, 256, 1)
{
	ada_wait_inputs();
	int n = __syncthreads_count(threadIdx.x % 3 == 0);
	int any = __syncthreads_or(threadIdx.x == 77), none = __syncthreads_or(threadIdx.x == 777);
	int all = __syncthreads_and(threadIdx.x < 256), some = __syncthreads_and(threadIdx.x < 255);

	*at<uint32_t>(a.out, threadIdx.x) = (uint32_t)(n * 16 + any * 8 + none * 4 + all * 2 + some);
}

/* What static and dynamic shared memory hold at first; then writes to them. */
ADA_KERNEL(test_poison, struct test_args, 32, 1)
{
	__shared__ uint32_t fixed[32];
	ADA_DYN_SHARED(uint32_t, dynamic);

	ada_wait_inputs();
	at<uint32_t>(a.out, 64 * blockIdx.x)[threadIdx.x] = fixed[threadIdx.x];
	at<uint32_t>(a.out, 64 * blockIdx.x)[32 + threadIdx.x] = dynamic[threadIdx.x];
	fixed[threadIdx.x] = dynamic[threadIdx.x] = 7;
}

/* Each thread copies 16 bytes by cp.async in two groups of 2 and 1 copies, and
 * writes what it finds before, between and after the waits. */
ADA_KERNEL(test_async, struct test_args, 32, 1)
{
	__shared__ uint4 to[3][32];
	uint4 *out = at<uint4>(a.out, 9 * threadIdx.x);

	ada_wait_inputs();
	for (int i = 0; i < 3; i++) {
		to[i][threadIdx.x] = make_uint4(1, 2, 3, 4);
		ada_cp_async16(&to[i][threadIdx.x], at<uint4>(a.in, 3 * threadIdx.x + i), i != 1);
		if (i)
			ada_cp_async_commit();
	}
	for (int i = 0; i < 3; i++)
		out[i] = to[i][threadIdx.x];
	ada_cp_async_wait<1>();
	for (int i = 0; i < 3; i++)
		out[3 + i] = to[i][threadIdx.x];
	ada_cp_async_wait<0>();
	for (int i = 0; i < 3; i++)
		out[6 + i] = to[i][threadIdx.x];
}

/* D = A B^T of S8 by fragments that follow the manual's formulas; A 16x32, B 8x32
 * and then D 16x8. option 1: the product of depth 16. */
ADA_KERNEL(test_mma_s8, struct test_args, 32, 1)
{
	const int8_t *m = at<int8_t>(a.in), *n = m + 16 * 32;
	uint32_t g = threadIdx.x / 4, t = threadIdx.x % 4;
	uint32_t fa[4] = {}, fb[2] = {};
	int32_t c[4] = {};

	ada_wait_inputs();
	for (uint32_t i = 0; i < 16; i++) {
		bool upper = a.option ? i < 4 : i < 4 || (i >= 8 && i < 12);
		uint32_t row = upper ? g : g + 8, col = t * 4 + (i & 3) + (i < 8 ? 0 : 16);

		fa[i / 4] |= (uint32_t)(uint8_t)m[32 * row + col] << 8 * (i % 4);
	}
	for (uint32_t i = 0; i < 8; i++)
		fb[i / 4] |= (uint32_t)(uint8_t)n[32 * g + t * 4 + (i & 3) + (i < 4 ? 0 : 16)]
		             << 8 * (i % 4);
	if (a.option)
		ada_mma_s8_k16(c, fa, fb);
	else
		ada_mma_s8(c, fa, fb);
	for (uint32_t i = 0; i < 4; i++)
		*at<int32_t>(a.out, 8 * (i < 2 ? g : g + 8) + t * 2 + (i & 1)) = c[i];
}

/* The same of 16-bit elements, A 16x16, B 8x16, D in F32. option 1: BF16. The
 * fragments come through shared memory and ldmatrix; option 2: B lies as 16x8 and
 * is transposed on the way. */
ADA_KERNEL(test_mma_16, struct test_args, 32, 1)
{
	__shared__ __align__(16) uint16_t m[16][16], n[16][8], nt[8][16];
	uint32_t lane = threadIdx.x, g = lane / 4, t = lane % 4;
	uint32_t fa[4], fb[2];
	float c[4] = {};

	ada_wait_inputs();
	for (uint32_t i = lane; i < 256; i += 32)
		m[i / 16][i % 16] = at<uint16_t>(a.in)[i];
	for (uint32_t i = lane; i < 128; i += 32) {
		nt[i / 16][i % 16] = at<uint16_t>(a.in, 256)[i];
		n[i % 16][i / 16] = at<uint16_t>(a.in, 256)[i];
	}
	__syncwarp();
	ada_ldmatrix_x4(fa, &m[lane % 16][lane / 16 * 8]);
	if (a.option & 2)
		ada_ldmatrix_x2_trans(fb, n[lane % 16]);
	else
		ada_ldmatrix_x2(fb, &nt[lane % 8][lane / 8 % 2 * 8]);
	if (a.option & 1)
		ada_mma_bf16(c, fa, fb);
	else
		ada_mma_f16(c, fa, fb);
	for (uint32_t i = 0; i < 4; i++)
		*at<float>(a.out, 8 * (i < 2 ? g : g + 8) + t * 2 + (i & 1)) = c[i];
}

/* The same of F32 elements read as TF32, A 16x8, B 8x8. */
ADA_KERNEL(test_mma_tf32, struct test_args, 32, 1)
{
	const uint32_t *m = at<uint32_t>(a.in), *n = m + 128;
	uint32_t g = threadIdx.x / 4, t = threadIdx.x % 4;
	uint32_t fa[4] = {m[8 * g + t], m[8 * (g + 8) + t], m[8 * g + t + 4], m[8 * (g + 8) + t + 4]};
	uint32_t fb[2] = {n[8 * g + t], n[8 * g + t + 4]};
	float c[4] = {};

	ada_wait_inputs();
	ada_mma_tf32(c, fa, fb);
	for (uint32_t i = 0; i < 4; i++)
		*at<float>(a.out, 8 * (i < 2 ? g : g + 8) + t * 2 + (i & 1)) = c[i];
}

/* The transpose of an 8x8 matrix of 16-bit elements, by movmatrix and by
 * ldmatrix. */
ADA_KERNEL(test_transpose, struct test_args, 32, 1)
{
	__shared__ __align__(16) uint16_t rows[32][8];
	uint32_t lane = threadIdx.x, r[4];

	ada_wait_inputs();
	for (uint32_t i = 0; i < 8; i++)
		rows[lane][i] = at<uint16_t>(a.in)[(8 * lane + i) % 64];
	__syncwarp();
	ada_ldmatrix_x4_trans(r, rows[lane]);
	at<uint32_t>(a.out)[lane] = ada_movmatrix_trans(at<uint32_t>(a.in)[lane]);
	at<uint32_t>(a.out)[32 + lane] = r[3];
}

/* Adds to counters from all blocks; the last block to come writes the total. */
ADA_KERNEL(test_atomic, struct test_args, 256, 1)
{
	__shared__ bool last;
	uint32_t *out = at<uint32_t>(a.out);

	ada_wait_inputs();
	atomicAdd(&out[0], 1u);
	atomicMax(&out[1], global_thread());
	atomicAdd(at<float>(a.out, 2), 0.5f);
	__threadfence();
	__syncthreads();
	if (threadIdx.x == 0)
		last = atomicAdd(&out[3], 1u) == gridDim.x - 1;
	__syncthreads();
	if (last && threadIdx.x == 0)
		out[4] = out[0];
}

/* What ends the process, one kind per option. */
ADA_KERNEL(test_mistake, struct test_args, 64, 1)
{
	__shared__ uint32_t some[64];
	uint32_t i = threadIdx.x;

	if (a.option == 7)
		return;
	ada_wait_inputs();
	switch (a.option) {
	case 0: /* one warp's lanes at a barrier and in a warp function */
		if (i < 48)
			__syncthreads();
		else
			__syncwarp();
		break;
	case 1:
		if (i % 32 != 9)
			__syncwarp();
		break;
	case 2: *at<uint32_t>(a.out, a.n) = 1; break;
	case 3: *at<uint4>(a.out + 4) = make_uint4(0, 0, 0, 0); break;
	case 4:
		some[a.n] = 1;
		*at<uint32_t>(a.out) = some[0];
		break;
	case 5: ada_cp_async16(at<uint4>(a.out), at<uint4>(a.in)); break;
	case 6: __shfl_sync(0xffff0000u, i, 0); break;
	default: break;
	}
}
