/* test_rig.h - memory and launches for the tests of the emulation. */
#ifndef TEST_RIG_H
#define TEST_RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

extern "C" {
#include <cmocka.h>
}
#include <cuda.h>

#include <vector>

#include "emu_vec.h"
#include "test_kernels.h"

#define assert_cu(call) assert_int_equal(call, CUDA_SUCCESS)

/* The driver started, a context current, a stream, the kernels. */
struct rig {
	CUcontext context;
	CUstream stream;
	CUmodule module;
};

void rig_init(struct rig *r);
void rig_finish(struct rig *r);
CUdeviceptr rig_upload(const void *from, size_t bytes);
CUresult rig_launch(struct rig *r, const char *kernel, dim3 grid, dim3 block,
                    const struct test_args &args, unsigned smem = 0);

/* Runs a kernel on one block over `in`; returns its n_out results. */
template <typename Out, typename In>
std::vector<Out> rig_run(const char *kernel, dim3 grid, dim3 block, const std::vector<In> &in,
                         size_t n_out, uint32_t option = 0)
{
	struct rig r;
	std::vector<Out> out(n_out);
	struct test_args a = {};

	rig_init(&r);
	a.in = in.empty() ? 0 : rig_upload(in.data(), in.size() * sizeof(In));
	assert_cu(cuMemAlloc(reinterpret_cast<CUdeviceptr *>(&a.out), n_out * sizeof(Out)));
	assert_cu(cuMemsetD8(a.out, 0, n_out * sizeof(Out)));
	a.n = static_cast<uint32_t>(in.size());
	a.option = option;
	assert_cu(rig_launch(&r, kernel, grid, block, a, 1024));
	assert_cu(cuStreamSynchronize(r.stream));
	assert_cu(cuMemcpyDtoH(out.data(), a.out, n_out * sizeof(Out)));
	assert_cu(cuMemFree(a.out));
	assert_cu(cuMemFree(a.in));
	rig_finish(&r);
	return out;
}

#endif
