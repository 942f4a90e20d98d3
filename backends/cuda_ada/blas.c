/* blas.c - cuBLAS through dlopen().
 *
 * The library computes in column-major order: C = A B^T of row-major operands is,
 * for it, C^T = B A^T with B transposed. */
#include "blas.h"

#include <cublas_v2.h>
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "device.h"

/* What NVIDIA advises for Hopper; more than enough before it. */
enum { WORKSPACE_BYTES = 32 << 20 };

#define BLAS_FUNCTIONS(F)                                                                          \
	F(cublasCreate)                                                                            \
	F(cublasDestroy)                                                                           \
	F(cublasSetStream)                                                                         \
	F(cublasSetWorkspace)                                                                      \
	F(cublasGemmStridedBatchedEx)

struct blas_library {
	void *handle;
#define MEMBER(name) __typeof__(&name) name;
	BLAS_FUNCTIONS(MEMBER)
#undef MEMBER
};

struct ada_blas {
	struct zinc_dev *dev;
	cublasHandle_t handle;
	CUdeviceptr workspace;
};

/* One per process: the library is never closed again. */
static struct blas_library library;
static pthread_mutex_t opening = PTHREAD_MUTEX_INITIALIZER;
static bool tried;

#define NAME_OF(symbol) #symbol

static bool find_functions(struct blas_library *lib)
{
#define FIND(name)                                                                                 \
	*(void **)(void *)&lib->name = dlsym(lib->handle, NAME_OF(name));                          \
	if (!lib->name)                                                                            \
		return false;
	BLAS_FUNCTIONS(FIND)
#undef FIND
	return true;
}

/* Any cuBLAS of the toolkit's major version fits; its functions have not changed
 * since 11. */
static void open_library(struct zinc_dev *dev)
{
	static const char *const names[] = {"libcublas.so.13", "libcublas.so.12",
	                                    "libcublas.so.11"};
	const struct zinc_host *host = dev->host;

	tried = true;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]) && !library.handle; i++) {
		library.handle = dlopen(names[i], RTLD_NOW | RTLD_LOCAL);
		if (library.handle && !find_functions(&library)) {
			dlclose(library.handle);
			library.handle = NULL;
		}
	}
	if (!library.handle)
		host->log(host->ctx, ZINC_LOG_WARN,
		          "libcublas.so.13 (or .12, .11) cannot be opened: long prompts are read "
		          "with slower products; install NVIDIA's cuBLAS runtime");
}

bool ada_blas_at_hand(struct zinc_dev *dev)
{
	bool there;

	pthread_mutex_lock(&opening);
	if (!tried)
		open_library(dev);
	there = library.handle != NULL;
	pthread_mutex_unlock(&opening);
	return there;
}

struct ada_blas *ada_blas_create(struct zinc_dev *dev, struct zinc_err *err)
{
	const struct zinc_host *host = dev->host;
	struct ada_blas *b;
	CUresult r;

	if (!ada_blas_at_hand(dev)) {
		ada_err(err, ZINC_E_UNSUPPORTED, "no cuBLAS library here");
		return NULL;
	}
	b = host->alloc(host->ctx, sizeof(*b), _Alignof(struct ada_blas));
	if (!b) {
		ada_err(err, ZINC_E_NO_MEMORY, "no memory for cuBLAS");
		return NULL;
	}
	memset(b, 0, sizeof(*b));
	b->dev = dev;
	r = ada_enter(dev) ? CUDA_ERROR_DEINITIALIZED
	                   : dev->drv->cuMemAlloc(&b->workspace, WORKSPACE_BYTES);
	if (r != CUDA_SUCCESS) {
		ada_dev_err(dev, err, r, "allocating the workspace of cuBLAS");
		ada_blas_destroy(b);
		return NULL;
	}
	if (library.cublasCreate(&b->handle) != CUBLAS_STATUS_SUCCESS) {
		b->handle = NULL;
		ada_err(err, ZINC_E_NO_MEMORY, "cuBLAS does not start on this GPU");
		ada_blas_destroy(b);
		return NULL;
	}
	return b;
}

void ada_blas_destroy(struct ada_blas *b)
{
	if (!b)
		return;
	if (b->handle)
		library.cublasDestroy(b->handle);
	if (b->workspace)
		b->dev->drv->cuMemFree(b->workspace);
	b->dev->host->free(b->dev->host->ctx, b);
}

static cudaDataType_t data_type(uint32_t dtype)
{
	return dtype == ZINC_F16 ? CUDA_R_16F : dtype == ZINC_BF16 ? CUDA_R_16BF : CUDA_R_32F;
}

int ada_blas_enqueue(struct ada_blas *b, CUstream stream, const struct ada_gemm *g)
{
	cudaDataType_t type = data_type(g->dtype);
	cublasStatus_t s;

	s = library.cublasSetStream(b->handle, (cudaStream_t)stream);
	if (s == CUBLAS_STATUS_SUCCESS)
		s = library.cublasSetWorkspace(b->handle, (void *)(uintptr_t)b->workspace,
		                               WORKSPACE_BYTES);
	if (s == CUBLAS_STATUS_SUCCESS)
		s = library.cublasGemmStridedBatchedEx(
			b->handle, CUBLAS_OP_T, CUBLAS_OP_N, (int)g->n, (int)g->m, (int)g->k,
			&g->alpha, (const void *)(uintptr_t)g->b, type, (int)g->ldb,
			(long long)g->stride_b, (const void *)(uintptr_t)g->a, type, (int)g->lda,
			(long long)g->stride_a, &g->beta, (void *)(uintptr_t)g->c, CUDA_R_32F,
			(int)g->ldc, (long long)g->stride_c, g->n_batch ? (int)g->n_batch : 1,
			CUBLAS_COMPUTE_32F, CUBLAS_GEMM_DEFAULT);
	return s == CUBLAS_STATUS_SUCCESS            ? CUDA_SUCCESS
	       : s == CUBLAS_STATUS_ALLOC_FAILED     ? CUDA_ERROR_OUT_OF_MEMORY
	       : s == CUBLAS_STATUS_INVALID_VALUE    ? CUDA_ERROR_INVALID_VALUE
	                                             : CUDA_ERROR_LAUNCH_FAILED;
}
