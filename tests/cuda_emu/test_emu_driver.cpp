/* test_emu_driver.cpp - the emulated driver: what it refuses, the order of work,
 * graphs, and failures on request. */
#include <stdlib.h>

#include "test_rig.h"

static int setup(void **state)
{
	struct rig *r = new rig();

	unsetenv("ZINC_EMU_FAIL");
	rig_init(r);
	*state = r;
	return 0;
}

static int teardown(void **state)
{
	struct rig *r = static_cast<struct rig *>(*state);

	unsetenv("ZINC_EMU_FAIL");
	rig_finish(r);
	delete r;
	return 0;
}

static struct rig *rig_of(void **state)
{
	return static_cast<struct rig *>(*state);
}

static CUdeviceptr device_memory(size_t bytes)
{
	CUdeviceptr p;

	assert_cu(cuMemAlloc(&p, bytes));
	return p;
}

static void memory_is_limited_and_comes_back(void **)
{
	size_t before, after, total;
	CUdeviceptr p, q;

	assert_cu(cuMemGetInfo(&before, &total));
	assert_int_equal(total, size_t(8192) << 20);
	p = device_memory(before - 4096);
	assert_int_equal(cuMemAlloc(&q, 8192), CUDA_ERROR_OUT_OF_MEMORY);
	assert_cu(cuMemFree(p));
	assert_cu(cuMemGetInfo(&after, &total));
	assert_int_equal(before, after);
	assert_int_equal(cuMemFree(p), CUDA_ERROR_INVALID_VALUE);
	assert_int_equal(cuMemAlloc(&q, 0), CUDA_ERROR_INVALID_VALUE);
}

static void copies_outside_of_memory_are_refused(void **state)
{
	CUdeviceptr p = device_memory(100);
	char host[200] = {};

	assert_cu(cuMemcpyHtoDAsync(p, host, 100, rig_of(state)->stream));
	assert_int_equal(cuMemcpyHtoDAsync(p, host, 101, rig_of(state)->stream), CUDA_ERROR_INVALID_VALUE);
	assert_int_equal(cuMemcpyDtoH(host, p + 50, 51), CUDA_ERROR_INVALID_VALUE);
	assert_int_equal(cuMemsetD8(p + 100, 0, 1), CUDA_ERROR_INVALID_VALUE);
	assert_int_equal(cuStreamWriteValue64(rig_of(state)->stream, p + 4, 1, 0), CUDA_ERROR_INVALID_VALUE);
	assert_cu(cuStreamSynchronize(rig_of(state)->stream));
	assert_cu(cuMemFree(p));
}

static void launches_that_no_card_takes_are_refused(void **state)
{
	struct rig *r = rig_of(state);
	struct test_args a = {};

	assert_int_equal(rig_launch(r, "test_nothing", 1, 1, a), CUDA_ERROR_NOT_FOUND);
	assert_int_equal(rig_launch(r, "test_count", dim3(1, 0, 1), 32, a), CUDA_ERROR_INVALID_VALUE);
	assert_int_equal(rig_launch(r, "test_count", dim3(1, 65536, 1), 32, a), CUDA_ERROR_INVALID_VALUE);
	assert_int_equal(rig_launch(r, "test_count", 1, 1025, a), CUDA_ERROR_INVALID_VALUE);
	assert_int_equal(rig_launch(r, "test_shuffle", 1, 64, a), CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES);
	assert_int_equal(rig_launch(r, "test_count", 1, 32, a, (48 << 10) + 16), CUDA_ERROR_INVALID_VALUE);
}

static void large_shared_memory_needs_permission(void **state)
{
	struct rig *r = rig_of(state);
	CUdeviceptr p = device_memory(4 * 64);
	struct test_args a = {0, p, 0, 0};
	CUfunction f;

	assert_cu(cuModuleGetFunction(&f, r->module, "test_poison"));
	assert_int_equal(rig_launch(r, "test_poison", 1, 32, a, 64 << 10), CUDA_ERROR_INVALID_VALUE);
	assert_int_equal(cuFuncSetAttribute(f, CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES, 100 << 10),
	                 CUDA_ERROR_INVALID_VALUE);
	assert_cu(cuFuncSetAttribute(f, CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES, 64 << 10));
	assert_cu(rig_launch(r, "test_poison", 1, 32, a, 64 << 10));
	assert_cu(cuStreamSynchronize(r->stream));
	assert_cu(cuMemFree(p));
}

/* A copy and a kernel that wait for nobody; the host's view afterwards. */
static void a_stream_keeps_its_order(void **state)
{
	struct rig *r = rig_of(state);
	uint32_t *pinned, *value;
	CUdeviceptr p = device_memory(4 * 64), value_at;

	assert_cu(cuMemHostAlloc(reinterpret_cast<void **>(&pinned), 4 * 64, 0));
	assert_cu(cuMemHostAlloc(reinterpret_cast<void **>(&value), 8, CU_MEMHOSTALLOC_DEVICEMAP));
	assert_cu(cuMemHostGetDevicePointer(&value_at, value, 0));
	*reinterpret_cast<uint64_t *>(value) = 0;
	assert_cu(cuMemsetD8Async(p, 0, 4 * 64, r->stream));
	assert_cu(rig_launch(r, "test_count", 2, 32, {0, p, 0, 0}));
	assert_cu(cuMemcpyDtoHAsync(pinned, p, 4 * 64, r->stream));
	assert_cu(cuStreamWriteValue64(r->stream, value_at, 5, 0));
	while (__atomic_load_n(reinterpret_cast<uint64_t *>(value), __ATOMIC_ACQUIRE) < 5)
		;
	for (uint32_t i = 0; i < 64; i++)
		assert_int_equal(pinned[i], i + 1);
	assert_cu(cuMemFreeHost(pinned));
	assert_cu(cuMemFreeHost(value));
	assert_cu(cuMemFree(p));
}

/* Captured work runs at each launch of the graph, not before, with the arguments
 * of the capture. */
static void a_graph_replays_what_was_captured(void **state)
{
	struct rig *r = rig_of(state);
	CUdeviceptr p = device_memory(4 * 32), q;
	uint32_t out[32] = {}, first;
	CUgraphExec exec;
	CUgraph graph;

	assert_cu(cuMemsetD8(p, 0, 4 * 32));
	assert_cu(cuStreamBeginCapture(r->stream, CU_STREAM_CAPTURE_MODE_THREAD_LOCAL));
	assert_cu(rig_launch(r, "test_count", 1, 32, {0, p, 0, 0}));
	assert_int_equal(cuMemAlloc(&q, 16), CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED);
	assert_int_equal(cuStreamSynchronize(r->stream), CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED);
	assert_cu(cuStreamEndCapture(r->stream, &graph));
	assert_cu(cuGraphInstantiate(&exec, graph, 0));
	assert_cu(cuGraphDestroy(graph));
	assert_cu(cuStreamSynchronize(r->stream));
	assert_cu(cuMemcpyDtoH(&first, p, 4));
	assert_int_equal(first, 0);
	for (int i = 0; i < 2; i++) {
		assert_cu(cuMemsetD8(p, 0, 4 * 32));
		assert_cu(cuGraphLaunch(exec, r->stream));
		assert_cu(cuStreamSynchronize(r->stream));
		assert_cu(cuMemcpyDtoH(out, p, sizeof(out)));
		assert_int_equal(out[31], 32);
	}
	assert_cu(cuGraphExecDestroy(exec));
	assert_int_equal(cuGraphLaunch(exec, r->stream), CUDA_ERROR_INVALID_VALUE);
	assert_cu(cuMemFree(p));
}

static void events_tell_when_work_is_done(void **state)
{
	struct rig *r = rig_of(state);
	CUdeviceptr p = device_memory(4 * 1024);
	CUevent from, to;
	float ms = -1;

	assert_cu(cuEventCreate(&from, CU_EVENT_DEFAULT));
	assert_cu(cuEventCreate(&to, CU_EVENT_DEFAULT));
	assert_int_equal(cuEventElapsedTime(&ms, from, to), CUDA_ERROR_INVALID_HANDLE);
	assert_cu(cuEventRecord(from, r->stream));
	assert_cu(rig_launch(r, "test_count", 1, 1024, {0, p, 0, 0}));
	assert_cu(cuEventRecord(to, r->stream));
	assert_cu(cuEventSynchronize(to));
	assert_cu(cuEventQuery(to));
	assert_cu(cuEventElapsedTime(&ms, from, to));
	assert_true(ms >= 0);
	assert_cu(cuEventDestroy(from));
	assert_cu(cuEventDestroy(to));
	assert_int_equal(cuEventRecord(to, r->stream), CUDA_ERROR_INVALID_HANDLE);
	assert_cu(cuMemFree(p));
}

static void a_thread_without_a_context_is_refused(void **)
{
	CUdeviceptr p;
	CUcontext ctx;

	assert_cu(cuCtxGetCurrent(&ctx));
	assert_cu(cuCtxSetCurrent(nullptr));
	assert_int_equal(cuMemAlloc(&p, 16), CUDA_ERROR_INVALID_CONTEXT);
	assert_cu(cuCtxSetCurrent(ctx));
}

/* Calls are counted from the moment the variable is set. */
static void calls_fail_on_request(void **)
{
	CUdeviceptr p, q, s;

	setenv("ZINC_EMU_FAIL", "cuMemAlloc:2,cuMemFree:1:INVALID_HANDLE", 1);
	p = device_memory(16);
	assert_int_equal(cuMemAlloc(&q, 16), CUDA_ERROR_OUT_OF_MEMORY);
	s = device_memory(16);
	assert_int_equal(cuMemFree(p), CUDA_ERROR_INVALID_HANDLE);
	assert_cu(cuMemFree(p));
	assert_cu(cuMemFree(s));
}

/* The launch is accepted; everything after it reports the loss, and what the host
 * gives back counts as given back. */
static void a_kernel_that_fails_loses_the_device(void **state)
{
	struct rig *r = rig_of(state);
	CUdeviceptr p = device_memory(4 * 32), q;

	setenv("ZINC_EMU_FAIL", "kernel:1:LAUNCH_FAILED", 1);
	assert_cu(rig_launch(r, "test_count", 1, 32, {0, p, 0, 0}));
	assert_int_equal(cuStreamSynchronize(r->stream), CUDA_ERROR_LAUNCH_FAILED);
	assert_int_equal(cuMemAlloc(&q, 16), CUDA_ERROR_LAUNCH_FAILED);
	assert_int_equal(cuStreamQuery(r->stream), CUDA_ERROR_LAUNCH_FAILED);
	assert_int_equal(cuMemFree(p), CUDA_ERROR_LAUNCH_FAILED);
	assert_int_equal(cuModuleUnload(r->module), CUDA_ERROR_LAUNCH_FAILED);
	assert_int_equal(cuStreamDestroy(r->stream), CUDA_ERROR_LAUNCH_FAILED);
	assert_cu(cuDevicePrimaryCtxRelease(0));
	unsetenv("ZINC_EMU_FAIL");
	rig_init(r);
}

int main()
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(memory_is_limited_and_comes_back),
	        cmocka_unit_test(copies_outside_of_memory_are_refused),
	        cmocka_unit_test(launches_that_no_card_takes_are_refused),
	        cmocka_unit_test(large_shared_memory_needs_permission),
	        cmocka_unit_test(a_stream_keeps_its_order),
	        cmocka_unit_test(a_graph_replays_what_was_captured),
	        cmocka_unit_test(events_tell_when_work_is_done),
	        cmocka_unit_test(a_thread_without_a_context_is_refused),
	        cmocka_unit_test(calls_fail_on_request),
	        cmocka_unit_test(a_kernel_that_fails_loses_the_device),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
