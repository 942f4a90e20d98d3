/* driver.h - the CUDA driver, opened at run time.
 *
 * The driver's library belongs to the machine's driver installation, so the
 * plugin loads and answers without it. Function names are those of <cuda.h>,
 * which maps some of them to versioned symbols. */
#ifndef ADA_DRIVER_H
#define ADA_DRIVER_H

#include <cuda.h>
#include <zinc/plugin.h>

#define ADA_DRIVER_FUNCTIONS(F)                                                                    \
	F(cuInit)                                                                                  \
	F(cuDriverGetVersion)                                                                      \
	F(cuGetErrorName)                                                                          \
	F(cuGetErrorString)                                                                        \
	F(cuDeviceGetCount)                                                                        \
	F(cuDeviceGet)                                                                             \
	F(cuDeviceGetName)                                                                         \
	F(cuDeviceGetAttribute)                                                                    \
	F(cuDeviceGetPCIBusId)                                                                     \
	F(cuDeviceTotalMem)                                                                        \
	F(cuDevicePrimaryCtxRetain)                                                                \
	F(cuDevicePrimaryCtxRelease)                                                               \
	F(cuCtxSetCurrent)                                                                         \
	F(cuMemGetInfo)                                                                            \
	F(cuMemAlloc)                                                                              \
	F(cuMemFree)                                                                               \
	F(cuMemHostAlloc)                                                                          \
	F(cuMemFreeHost)                                                                           \
	F(cuMemHostGetDevicePointer)                                                               \
	F(cuMemcpyHtoDAsync)                                                                       \
	F(cuMemcpyDtoHAsync)                                                                       \
	F(cuMemcpyDtoDAsync)                                                                       \
	F(cuMemsetD8Async)                                                                         \
	F(cuStreamCreate)                                                                          \
	F(cuStreamDestroy)                                                                         \
	F(cuStreamSynchronize)                                                                     \
	F(cuStreamQuery)                                                                           \
	F(cuStreamWaitEvent)                                                                       \
	F(cuStreamWriteValue64)                                                                    \
	F(cuStreamBeginCapture)                                                                    \
	F(cuStreamEndCapture)                                                                      \
	F(cuEventCreate)                                                                           \
	F(cuEventRecord)                                                                           \
	F(cuEventSynchronize)                                                                      \
	F(cuEventElapsedTime)                                                                      \
	F(cuEventDestroy)                                                                          \
	F(cuModuleLoadData)                                                                        \
	F(cuModuleUnload)                                                                          \
	F(cuModuleGetFunction)                                                                     \
	F(cuFuncSetAttribute)                                                                      \
	F(cuFuncGetAttribute)                                                                      \
	F(cuLaunchKernelEx)                                                                        \
	F(cuGraphInstantiate)                                                                      \
	F(cuGraphLaunch)                                                                           \
	F(cuGraphExecDestroy)                                                                      \
	F(cuGraphDestroy)

struct ada_driver {
	void *library;
	int version; /* 13000 for 13.0: the newest CUDA that it serves */
#define ADA_DRIVER_MEMBER(name) __typeof__(&name) name;
	ADA_DRIVER_FUNCTIONS(ADA_DRIVER_MEMBER)
#undef ADA_DRIVER_MEMBER
};

/* Opens the driver and starts it. ZINC_E_NO_DEVICE with a reason where there is
 * none, or one that cannot run here. */
int ada_driver_open(struct ada_driver *drv, struct zinc_err *err);
void ada_driver_close(struct ada_driver *drv);

/* enum zinc_status for a result that is not CUDA_SUCCESS. */
int ada_status(CUresult r);
/* Fills err: "WHAT: out of memory (CUDA_ERROR_OUT_OF_MEMORY)"; returns the status. */
int ada_cu_err(const struct ada_driver *drv, struct zinc_err *err, CUresult r, const char *what);

#endif
