/* cublas.cpp - a stand-in for cuBLAS: plain products of matrices on the emulated
 * driver's streams. As there, matrices lie column by column. */
#include "emu_driver.h"

#include <cublas_v2.h>

#include "emu_half.h"

struct cublasContext {
	CUstream stream;
};

EMU_EXPORT cublasStatus_t cublasCreate_v2(cublasHandle_t *out)
{
	if (emu_injected("cublasCreate") != CUDA_SUCCESS)
		return CUBLAS_STATUS_ALLOC_FAILED;
	*out = new cublasContext();
	return CUBLAS_STATUS_SUCCESS;
}

EMU_EXPORT cublasStatus_t cublasDestroy_v2(cublasHandle_t h)
{
	delete h;
	return CUBLAS_STATUS_SUCCESS;
}

EMU_EXPORT cublasStatus_t cublasGetVersion_v2(cublasHandle_t, int *version)
{
	*version = CUBLAS_VERSION;
	return CUBLAS_STATUS_SUCCESS;
}

EMU_EXPORT cublasStatus_t cublasSetStream_v2(cublasHandle_t h, cudaStream_t stream)
{
	h->stream = reinterpret_cast<CUstream>(stream);
	return CUBLAS_STATUS_SUCCESS;
}

EMU_EXPORT cublasStatus_t cublasSetWorkspace_v2(cublasHandle_t, void *p, size_t bytes)
{
	return emu_is_device(reinterpret_cast<CUdeviceptr>(p), bytes)
	               ? CUBLAS_STATUS_SUCCESS : CUBLAS_STATUS_INVALID_VALUE;
}

EMU_EXPORT cublasStatus_t cublasSetMathMode(cublasHandle_t, cublasMath_t)
{
	return CUBLAS_STATUS_SUCCESS;
}

EMU_EXPORT const char *cublasGetStatusString(cublasStatus_t s)
{
	switch (s) {
	case CUBLAS_STATUS_SUCCESS: return "success";
	case CUBLAS_STATUS_ALLOC_FAILED: return "the resource allocation failed";
	case CUBLAS_STATUS_INVALID_VALUE: return "an unsupported value or parameter was passed to the function";
	case CUBLAS_STATUS_NOT_SUPPORTED: return "the functionality requested is not supported";
	default: return "the function failed to launch on the GPU";
	}
}

/* Element (row, column) of the operand as the product sees it. */
struct operand {
	uintptr_t at;
	long long stride;
	cudaDataType_t type;
	int ld;
	bool transposed;
};

struct product {
	struct operand a, b, c;
	int m, n, k, n_batch;
	float alpha, beta;
};

static float load(const struct operand &o, size_t i)
{
	if (o.type == CUDA_R_32F)
		return reinterpret_cast<const float *>(o.at)[i];
	uint16_t h = reinterpret_cast<const uint16_t *>(o.at)[i];

	return o.type == CUDA_R_16F ? ada_f16_to_f32(h) : ada_bf16_to_f32(h);
}

/* `across` vectors of length k, one after the other: rows of A, columns of B. */
static std::vector<float> gather(const struct operand &o, int across, int k, int batch)
{
	const size_t first = static_cast<size_t>(o.stride * batch), ld = static_cast<size_t>(o.ld);
	const size_t n = static_cast<size_t>(across), depth = static_cast<size_t>(k);
	std::vector<float> out(n * depth);

	for (size_t i = 0; i < n; i++)
		for (size_t j = 0; j < depth; j++)
			out[i * depth + j] = load(o, first + (o.transposed ? i * ld + j : j * ld + i));
	return out;
}

static float dot(const float *a, const float *b, size_t n)
{
	float part[8] = {}, sum = 0;
	size_t i = 0;

	for (; i + 8 <= n; i += 8)
		for (size_t j = 0; j < 8; j++)
			part[j] += a[i + j] * b[i + j];
	for (; i < n; i++)
		part[0] += a[i] * b[i];
	for (float p : part)
		sum += p;
	return sum;
}

static void multiply(const struct product &p, int batch)
{
	const size_t k = static_cast<size_t>(p.k);
	std::vector<float> a = gather(p.a, p.m, p.k, batch), b = gather(p.b, p.n, p.k, batch);
	float *c = reinterpret_cast<float *>(p.c.at) + p.c.stride * batch;

	for (size_t j = 0; j < static_cast<size_t>(p.n); j++)
		for (size_t i = 0; i < static_cast<size_t>(p.m); i++) {
			float *to = c + j * static_cast<size_t>(p.c.ld) + i;
			float sum = p.alpha * dot(&a[i * k], &b[j * k], k);

			*to = p.beta == 0 ? sum : sum + p.beta * *to;
		}
}

static bool is_input(cudaDataType_t t)
{
	return t == CUDA_R_16F || t == CUDA_R_16BF || t == CUDA_R_32F;
}

/* Is what the product touches memory of the device? */
static bool is_inside(const struct operand &o, int rows, int columns, int n_batch, size_t bytes)
{
	long long last = o.stride * (n_batch - 1) + static_cast<long long>(columns - 1) * o.ld + rows;

	return o.ld >= rows && emu_is_device(o.at, static_cast<size_t>(last) * bytes);
}

static cublasStatus_t check(const struct product &p)
{
	const size_t bytes = p.a.type == CUDA_R_32F ? 4 : 2;

	if (p.m <= 0 || p.n <= 0 || p.k <= 0 || p.n_batch <= 0)
		return CUBLAS_STATUS_INVALID_VALUE;
	if (!is_input(p.a.type) || p.b.type != p.a.type || p.c.type != CUDA_R_32F)
		return CUBLAS_STATUS_NOT_SUPPORTED;
	if (!is_inside(p.a, p.a.transposed ? p.k : p.m, p.a.transposed ? p.m : p.k, p.n_batch, bytes) ||
	    !is_inside(p.b, p.b.transposed ? p.k : p.n, p.b.transposed ? p.n : p.k, p.n_batch, bytes) ||
	    !is_inside(p.c, p.m, p.n, p.n_batch, 4))
		return CUBLAS_STATUS_INVALID_VALUE;
	return CUBLAS_STATUS_SUCCESS;
}

static cublasStatus_t enqueue(cublasHandle_t h, const struct product &p)
{
	cublasStatus_t s = check(p);

	if (s != CUBLAS_STATUS_SUCCESS)
		return s;
	if (emu_injected("cublasGemm") != CUDA_SUCCESS)
		return CUBLAS_STATUS_EXECUTION_FAILED;
	CUresult r = emu_enqueue(h->stream, [=] {
		for (int i = 0; i < p.n_batch; i++)
			multiply(p, i);
		return CUDA_SUCCESS;
	});

	return r == CUDA_SUCCESS ? CUBLAS_STATUS_SUCCESS : CUBLAS_STATUS_EXECUTION_FAILED;
}

EMU_EXPORT cublasStatus_t
cublasGemmStridedBatchedEx(cublasHandle_t h, cublasOperation_t op_a, cublasOperation_t op_b, int m,
                           int n, int k, const void *alpha, const void *a, cudaDataType_t a_type,
                           int lda, long long stride_a, const void *b, cudaDataType_t b_type,
                           int ldb, long long stride_b, const void *beta, void *c,
                           cudaDataType_t c_type, int ldc, long long stride_c, int n_batch,
                           cublasComputeType_t compute, cublasGemmAlgo_t)
{
	struct product p = {
	        {reinterpret_cast<uintptr_t>(a), stride_a, a_type, lda, op_a != CUBLAS_OP_N},
	        /* B is gathered by columns, so that the plain one lies as A transposed. */
	        {reinterpret_cast<uintptr_t>(b), stride_b, b_type, ldb, op_b == CUBLAS_OP_N},
	        {reinterpret_cast<uintptr_t>(c), stride_c, c_type, ldc, false},
	        m, n, k, n_batch,
	        *static_cast<const float *>(alpha), *static_cast<const float *>(beta)};

	if (compute != CUBLAS_COMPUTE_32F)
		return CUBLAS_STATUS_NOT_SUPPORTED;
	return enqueue(h, p);
}

EMU_EXPORT cublasStatus_t
cublasGemmEx(cublasHandle_t h, cublasOperation_t op_a, cublasOperation_t op_b, int m, int n, int k,
             const void *alpha, const void *a, cudaDataType_t a_type, int lda, const void *b,
             cudaDataType_t b_type, int ldb, const void *beta, void *c, cudaDataType_t c_type,
             int ldc, cublasComputeType_t compute, cublasGemmAlgo_t algo)
{
	return cublasGemmStridedBatchedEx(h, op_a, op_b, m, n, k, alpha, a, a_type, lda, 0, b, b_type,
	                                  ldb, 0, beta, c, c_type, ldc, 0, 1, compute, algo);
}
