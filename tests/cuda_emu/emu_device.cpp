/* emu_device.cpp - the driver's functions on the device, its context and its
 * memory. */
#include "emu_driver.h"

#include <stdio.h>
#include <string.h>

#include <mutex>

#include "emu.h"
#include "emu_arena.h"
#include "emu_run.h"

enum { N_SM = 8 };

struct CUctx_st {
	int retained;
};

static struct CUctx_st context;
static std::mutex context_lock;

int emu_compute_capability()
{
	return static_cast<int>(emu_setting("ZINC_EMU_CC", 89));
}

EMU_EXPORT CUresult cuDriverGetVersion(int *version)
{
	EMU_ENTER(EMU_NOTHING);
	*version = static_cast<int>(emu_setting("ZINC_EMU_VERSION", CUDA_VERSION));
	return CUDA_SUCCESS;
}

EMU_EXPORT CUresult cuDeviceGetCount(int *n)
{
	EMU_ENTER(EMU_INIT);
	*n = static_cast<int>(emu_setting("ZINC_EMU_DEVICES", 1));
	return CUDA_SUCCESS;
}

EMU_EXPORT CUresult cuDeviceGet(CUdevice *device, int i)
{
	EMU_ENTER(EMU_INIT);
	if (i < 0 || i >= emu_setting("ZINC_EMU_DEVICES", 1))
		return CUDA_ERROR_INVALID_DEVICE;
	*device = i;
	return CUDA_SUCCESS;
}

EMU_EXPORT CUresult cuDeviceGetName(char *name, int room, CUdevice)
{
	EMU_ENTER(EMU_INIT);
	snprintf(name, static_cast<size_t>(room), "CUDA emulation");
	return CUDA_SUCCESS;
}

EMU_EXPORT CUresult cuDeviceGetPCIBusId(char *text, int room, CUdevice device)
{
	EMU_ENTER(EMU_INIT);
	snprintf(text, static_cast<size_t>(room), "0000:%02x:00.0", device + 1);
	return CUDA_SUCCESS;
}

EMU_EXPORT CUresult cuDeviceTotalMem(size_t *bytes, CUdevice)
{
	EMU_ENTER(EMU_INIT);
	*bytes = emu_arena_total();
	return CUDA_SUCCESS;
}

/* Those of an Ada card, but for the number of multiprocessors. */
static int attribute(CUdevice_attribute which)
{
	switch (which) {
	case CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR: return emu_compute_capability() / 10;
	case CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR: return emu_compute_capability() % 10;
	case CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT: return N_SM;
	case CU_DEVICE_ATTRIBUTE_WARP_SIZE: return 32;
	case CU_DEVICE_ATTRIBUTE_MAX_THREADS_PER_BLOCK: return EMU_MAX_THREADS;
	case CU_DEVICE_ATTRIBUTE_MAX_THREADS_PER_MULTIPROCESSOR: return 1536;
	case CU_DEVICE_ATTRIBUTE_MAX_REGISTERS_PER_BLOCK: return 65536;
	case CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK: return 48 << 10;
	case CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN: return 99 << 10;
	case CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_MULTIPROCESSOR: return 100 << 10;
	case CU_DEVICE_ATTRIBUTE_L2_CACHE_SIZE: return 32 << 20;
	case CU_DEVICE_ATTRIBUTE_CLOCK_RATE: return 2000000;
	case CU_DEVICE_ATTRIBUTE_MEMORY_CLOCK_RATE: return 9000000;
	case CU_DEVICE_ATTRIBUTE_GLOBAL_MEMORY_BUS_WIDTH: return 256;
	case CU_DEVICE_ATTRIBUTE_UNIFIED_ADDRESSING:
	case CU_DEVICE_ATTRIBUTE_CAN_MAP_HOST_MEMORY:
	case CU_DEVICE_ATTRIBUTE_ASYNC_ENGINE_COUNT:
	case CU_DEVICE_ATTRIBUTE_CONCURRENT_KERNELS: return 1;
	default: return 0;
	}
}

EMU_EXPORT CUresult cuDeviceGetAttribute(int *value, CUdevice_attribute which, CUdevice)
{
	EMU_ENTER(EMU_INIT);
	*value = attribute(which);
	return CUDA_SUCCESS;
}

EMU_EXPORT CUresult cuDevicePrimaryCtxRetain(CUcontext *out, CUdevice)
{
	EMU_ENTER(EMU_INIT);
	std::lock_guard<std::mutex> hold(context_lock);

	context.retained++;
	*out = &context;
	return CUDA_SUCCESS;
}

/* With the last one the context goes, and all that was made in it. */
EMU_EXPORT CUresult cuDevicePrimaryCtxRelease(CUdevice)
{
	EMU_ENTER(EMU_INIT);
	std::lock_guard<std::mutex> hold(context_lock);
	size_t left;

	if (!context.retained)
		return CUDA_ERROR_INVALID_CONTEXT;
	if (--context.retained)
		return CUDA_SUCCESS;
	emu_drain(true);
	left = emu_arena_clear();
	if (left)
		fprintf(stderr, "cuda emulation: the context goes with %zu allocations left\n", left);
	emu_handles_clear();
	return CUDA_SUCCESS;
}

EMU_EXPORT CUresult cuCtxSetCurrent(CUcontext ctx)
{
	EMU_ENTER(EMU_INIT);
	if (ctx && (ctx != &context || !context.retained))
		return CUDA_ERROR_INVALID_CONTEXT;
	emu_thread.context = ctx;
	return CUDA_SUCCESS;
}

EMU_EXPORT CUresult cuCtxGetCurrent(CUcontext *ctx)
{
	EMU_ENTER(EMU_INIT);
	*ctx = static_cast<CUcontext>(emu_thread.context);
	return CUDA_SUCCESS;
}

EMU_EXPORT CUresult cuCtxSynchronize()
{
	EMU_ENTER(EMU_NO_CAPTURE);
	emu_drain(true);
	return emu_lost();
}

EMU_EXPORT CUresult cuMemGetInfo(size_t *unused, size_t *total)
{
	EMU_ENTER(EMU_CONTEXT);
	*total = emu_arena_total();
	*unused = *total - emu_arena_used();
	return CUDA_SUCCESS;
}

EMU_EXPORT CUresult cuMemAlloc(CUdeviceptr *out, size_t bytes)
{
	EMU_ENTER(EMU_NO_CAPTURE);
	if (!out || !bytes)
		return CUDA_ERROR_INVALID_VALUE;
	*out = emu_arena_alloc(EMU_DEVICE, bytes);
	return *out ? CUDA_SUCCESS : CUDA_ERROR_OUT_OF_MEMORY;
}

/* A lost device frees nothing, but who tried has not forgotten it. Freeing waits
 * for all work, as the driver does. */
static CUresult free_memory(enum emu_memory kind, uintptr_t at, CUresult entered)
{
	if (entered != CUDA_SUCCESS && entered != emu_lost())
		return entered;
	if (!at)
		return CUDA_SUCCESS;
	emu_drain(true);
	if (!emu_arena_free(kind, at))
		return CUDA_ERROR_INVALID_VALUE;
	return entered;
}

EMU_EXPORT CUresult cuMemFree(CUdeviceptr p)
{
	return free_memory(EMU_DEVICE, p, emu_enter(__func__, EMU_NO_CAPTURE));
}

EMU_EXPORT CUresult cuMemFreeHost(void *p)
{
	return free_memory(EMU_PINNED, reinterpret_cast<uintptr_t>(p),
	                   emu_enter(__func__, EMU_NO_CAPTURE));
}

EMU_EXPORT CUresult cuMemHostAlloc(void **out, size_t bytes, unsigned)
{
	EMU_ENTER(EMU_NO_CAPTURE);
	if (!out || !bytes)
		return CUDA_ERROR_INVALID_VALUE;
	*out = reinterpret_cast<void *>(emu_arena_alloc(EMU_PINNED, bytes));
	return *out ? CUDA_SUCCESS : CUDA_ERROR_OUT_OF_MEMORY;
}

EMU_EXPORT CUresult cuMemHostGetDevicePointer(CUdeviceptr *out, void *p, unsigned flags)
{
	EMU_ENTER(EMU_CONTEXT);
	if (flags || !emu_is_pinned(p, 1))
		return CUDA_ERROR_INVALID_VALUE;
	*out = reinterpret_cast<CUdeviceptr>(p);
	return CUDA_SUCCESS;
}

bool emu_is_pinned(const void *p, size_t n)
{
	return emu_arena_has(EMU_PINNED, reinterpret_cast<uintptr_t>(p), n);
}

/* Pinned memory has the same address on the device. */
bool emu_is_device(CUdeviceptr p, size_t n)
{
	return emu_arena_has(EMU_DEVICE, p, n) || emu_arena_has(EMU_PINNED, p, n);
}
