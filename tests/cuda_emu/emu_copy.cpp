/* emu_copy.cpp - the driver's copies and fills. */
#include "emu_driver.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static void *at(CUdeviceptr p)
{
	return reinterpret_cast<void *>(p);
}

static CUresult copy_in(CUdeviceptr to, const void *from, size_t n, CUstream stream)
{
	if (!n)
		return CUDA_SUCCESS;
	if (!from || !emu_is_device(to, n))
		return CUDA_ERROR_INVALID_VALUE;
	/* Pageable memory is read before the call returns. */
	if (!emu_is_pinned(from, n) && !emu_captures(stream)) {
		auto held = std::make_shared<std::vector<char>>(static_cast<const char *>(from),
		                                                static_cast<const char *>(from) + n);

		return emu_enqueue(stream, [=] {
			memcpy(at(to), held->data(), n);
			return CUDA_SUCCESS;
		});
	}
	return emu_enqueue(stream, [=] {
		memcpy(at(to), from, n);
		return CUDA_SUCCESS;
	});
}

static CUresult copy_out(void *to, CUdeviceptr from, size_t n, CUstream stream)
{
	if (!n)
		return CUDA_SUCCESS;
	if (!to || !emu_is_device(from, n))
		return CUDA_ERROR_INVALID_VALUE;
	return emu_enqueue(stream, [=] {
		memcpy(to, at(from), n);
		return CUDA_SUCCESS;
	});
}

static CUresult copy_within(CUdeviceptr to, CUdeviceptr from, size_t n, CUstream stream)
{
	if (!n)
		return CUDA_SUCCESS;
	if (!emu_is_device(to, n) || !emu_is_device(from, n))
		return CUDA_ERROR_INVALID_VALUE;
	return emu_enqueue(stream, [=] {
		memmove(at(to), at(from), n);
		return CUDA_SUCCESS;
	});
}

/* Whole pages that become zeros need not be there. */
static void fill_now(CUdeviceptr to, unsigned char value, size_t n)
{
	const uintptr_t page = static_cast<uintptr_t>(sysconf(_SC_PAGESIZE));
	uintptr_t begin = (to + page - 1) / page * page, end = (to + n) / page * page;

	if (value || begin >= end || n < (1 << 20) || madvise(at(begin), end - begin, MADV_DONTNEED)) {
		memset(at(to), value, n);
		return;
	}
	memset(at(to), 0, begin - to);
	memset(at(end), 0, to + n - end);
}

static CUresult fill(CUdeviceptr to, unsigned char value, size_t n, CUstream stream)
{
	if (!n)
		return CUDA_SUCCESS;
	if (!emu_is_device(to, n))
		return CUDA_ERROR_INVALID_VALUE;
	return emu_enqueue(stream, [=] {
		fill_now(to, value, n);
		return CUDA_SUCCESS;
	});
}

EMU_EXPORT CUresult cuMemcpyHtoD(CUdeviceptr to, const void *from, size_t n)
{
	EMU_ENTER(EMU_NO_CAPTURE);
	return copy_in(to, from, n, nullptr);
}

EMU_EXPORT CUresult cuMemcpyHtoDAsync(CUdeviceptr to, const void *from, size_t n, CUstream stream)
{
	EMU_ENTER(EMU_CONTEXT);
	return copy_in(to, from, n, stream);
}

EMU_EXPORT CUresult cuMemcpyDtoH(void *to, CUdeviceptr from, size_t n)
{
	EMU_ENTER(EMU_NO_CAPTURE);
	return copy_out(to, from, n, nullptr);
}

EMU_EXPORT CUresult cuMemcpyDtoHAsync(void *to, CUdeviceptr from, size_t n, CUstream stream)
{
	EMU_ENTER(EMU_CONTEXT);
	return copy_out(to, from, n, stream);
}

EMU_EXPORT CUresult cuMemcpyDtoDAsync(CUdeviceptr to, CUdeviceptr from, size_t n, CUstream stream)
{
	EMU_ENTER(EMU_CONTEXT);
	return copy_within(to, from, n, stream);
}

EMU_EXPORT CUresult cuMemsetD8(CUdeviceptr to, unsigned char value, size_t n)
{
	EMU_ENTER(EMU_NO_CAPTURE);
	return fill(to, value, n, nullptr);
}

EMU_EXPORT CUresult cuMemsetD8Async(CUdeviceptr to, unsigned char value, size_t n, CUstream stream)
{
	EMU_ENTER(EMU_CONTEXT);
	return fill(to, value, n, stream);
}
