/* emu_module.cpp - the driver's modules, functions and launches. Images are not
 * looked into: every module has all kernels. */
#include "emu_driver.h"

#include <string.h>

#include <map>
#include <mutex>

#include "emu.h"
#include "emu_run.h"

enum { SMEM_DEFAULT = 48 << 10, SMEM_MOST = 99 << 10 };

struct CUmod_st {
	int unused;
};

struct CUfunc_st {
	const struct emu_kernel *kernel;
	uint32_t smem;
};

static std::mutex functions_lock;

/* Functions outlive their modules here: nobody is to have one afterwards. */
static CUfunction function_of(const struct emu_kernel *k)
{
	static auto *all = new std::map<const struct emu_kernel *, CUfunction>();
	std::lock_guard<std::mutex> hold(functions_lock);
	CUfunction &f = (*all)[k];

	if (!f)
		f = new CUfunc_st{k, SMEM_DEFAULT};
	return f;
}

EMU_EXPORT CUresult cuModuleLoadData(CUmodule *out, const void *image)
{
	EMU_ENTER(EMU_NO_CAPTURE);
	if (!image)
		return CUDA_ERROR_INVALID_VALUE;
	*out = new CUmod_st();
	emu_handle_add(EMU_MODULE, *out);
	return CUDA_SUCCESS;
}

EMU_EXPORT CUresult cuModuleUnload(CUmodule m)
{
	CUresult entered = emu_enter(__func__, EMU_CONTEXT);

	if (!emu_handle_remove(EMU_MODULE, m))
		return CUDA_ERROR_INVALID_HANDLE;
	delete m;
	return entered;
}

EMU_EXPORT CUresult cuModuleGetFunction(CUfunction *out, CUmodule m, const char *name)
{
	EMU_ENTER(EMU_CONTEXT);
	const struct emu_kernel *k = emu_kernel_find(name);

	if (!emu_handle_is(EMU_MODULE, m))
		return CUDA_ERROR_INVALID_HANDLE;
	if (!k)
		return CUDA_ERROR_NOT_FOUND;
	*out = function_of(k);
	return CUDA_SUCCESS;
}

EMU_EXPORT CUresult cuFuncSetAttribute(CUfunction f, CUfunction_attribute which, int value)
{
	EMU_ENTER(EMU_CONTEXT);
	if (!f)
		return CUDA_ERROR_INVALID_HANDLE;
	if (which == CU_FUNC_ATTRIBUTE_PREFERRED_SHARED_MEMORY_CARVEOUT)
		return CUDA_SUCCESS;
	if (which != CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES || value < 0 || value > SMEM_MOST)
		return CUDA_ERROR_INVALID_VALUE;
	f->smem = static_cast<uint32_t>(value);
	return CUDA_SUCCESS;
}

EMU_EXPORT CUresult cuFuncGetAttribute(int *value, CUfunction_attribute which, CUfunction f)
{
	EMU_ENTER(EMU_CONTEXT);
	if (!f)
		return CUDA_ERROR_INVALID_HANDLE;
	switch (which) {
	case CU_FUNC_ATTRIBUTE_MAX_THREADS_PER_BLOCK:
		*value = static_cast<int>(f->kernel->max_threads);
		return CUDA_SUCCESS;
	case CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES:
		*value = static_cast<int>(f->smem);
		return CUDA_SUCCESS;
	default:
		*value = 0;
		return CUDA_SUCCESS;
	}
}

static CUresult check_launch(const CUlaunchConfig *c, CUfunction f)
{
	const uint64_t threads = static_cast<uint64_t>(c->blockDimX) * c->blockDimY * c->blockDimZ;

	if (!c->gridDimX || !c->gridDimY || !c->gridDimZ || !threads || c->blockDimX > 1024 ||
	    c->blockDimY > 1024 || c->blockDimZ > 64 || threads > EMU_MAX_THREADS)
		return CUDA_ERROR_INVALID_VALUE;
	if (c->gridDimX > 0x7fffffffu || c->gridDimY > 65535 || c->gridDimZ > 65535)
		return CUDA_ERROR_INVALID_VALUE;
	if (c->sharedMemBytes > f->smem)
		return CUDA_ERROR_INVALID_VALUE;
	if (threads > f->kernel->max_threads)
		return CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES;
	for (unsigned i = 0; i < c->numAttrs; i++)
		if (c->attrs[i].id == CU_LAUNCH_ATTRIBUTE_PROGRAMMATIC_STREAM_SERIALIZATION &&
		    emu_compute_capability() < 90)
			return CUDA_ERROR_NOT_SUPPORTED;
	return CUDA_SUCCESS;
}

/* The arguments travel with the launch, at the alignment that they have in CUDA. */
EMU_EXPORT CUresult cuLaunchKernelEx(const CUlaunchConfig *c, CUfunction f, void **args, void **extra)
{
	EMU_ENTER(EMU_CONTEXT);
	if (!c || !f || !args || !args[0] || extra)
		return CUDA_ERROR_INVALID_VALUE;
	CUresult r = check_launch(c, f);

	if (r != CUDA_SUCCESS)
		return r;
	auto held = std::make_shared<std::vector<uint4>>(f->kernel->args_size / sizeof(uint4) + 1);

	memcpy(static_cast<void *>(held->data()), args[0], f->kernel->args_size);
	struct emu_launch l = {f->kernel, held->data(), dim3(c->gridDimX, c->gridDimY, c->gridDimZ),
	                       dim3(c->blockDimX, c->blockDimY, c->blockDimZ), c->sharedMemBytes};

	return emu_enqueue(c->hStream, [=] {
		CUresult injected = emu_injected("kernel");

		if (injected == CUDA_SUCCESS) {
			(void)held;
			emu_run(l);
		}
		return injected;
	});
}
