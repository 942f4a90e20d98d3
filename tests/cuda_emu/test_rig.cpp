/* test_rig.cpp - see test_rig.h. */
#include "test_rig.h"

void rig_init(struct rig *r)
{
	CUdevice device;

	assert_cu(cuInit(0));
	assert_cu(cuDeviceGet(&device, 0));
	assert_cu(cuDevicePrimaryCtxRetain(&r->context, device));
	assert_cu(cuCtxSetCurrent(r->context));
	assert_cu(cuStreamCreate(&r->stream, CU_STREAM_NON_BLOCKING));
	assert_cu(cuModuleLoadData(&r->module, "none"));
}

void rig_finish(struct rig *r)
{
	assert_cu(cuModuleUnload(r->module));
	assert_cu(cuStreamDestroy(r->stream));
	assert_cu(cuCtxSetCurrent(nullptr));
	assert_cu(cuDevicePrimaryCtxRelease(0));
}

CUdeviceptr rig_upload(const void *from, size_t bytes)
{
	CUdeviceptr p;

	assert_cu(cuMemAlloc(&p, bytes));
	assert_cu(cuMemcpyHtoD(p, from, bytes));
	return p;
}

CUresult rig_launch(struct rig *r, const char *kernel, dim3 grid, dim3 block,
                    const struct test_args &args, unsigned smem)
{
	CUlaunchConfig c = {};
	struct test_args held = args;
	void *pointers[] = {&held};
	CUfunction f;
	CUresult found = cuModuleGetFunction(&f, r->module, kernel);

	if (found != CUDA_SUCCESS)
		return found;
	c.gridDimX = grid.x;
	c.gridDimY = grid.y;
	c.gridDimZ = grid.z;
	c.blockDimX = block.x;
	c.blockDimY = block.y;
	c.blockDimZ = block.z;
	c.sharedMemBytes = smem;
	c.hStream = r->stream;
	return cuLaunchKernelEx(&c, f, pointers, nullptr);
}
