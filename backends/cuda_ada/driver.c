/* driver.c - opening the CUDA driver, and what its errors mean. */
#include "driver.h"

#include <dlfcn.h>
#include <string.h>

#include "ada.h"

#define NAME_OF(symbol) #symbol

static int find_functions(struct ada_driver *drv, struct zinc_err *err)
{
#define FIND(name)                                                                                 \
	*(void **)(void *)&drv->name = dlsym(drv->library, NAME_OF(name));                         \
	if (!drv->name)                                                                            \
		return ada_err(err, ZINC_E_NO_DEVICE,                                              \
		               "libcuda.so.1 lacks %s: the NVIDIA driver is older than this "      \
		               "build's CUDA %d.%d; update the driver", NAME_OF(name),             \
		               CUDA_VERSION / 1000, CUDA_VERSION % 1000 / 10);
	ADA_DRIVER_FUNCTIONS(FIND)
#undef FIND
	return ZINC_OK;
}

static int start(struct ada_driver *drv, struct zinc_err *err)
{
	CUresult r = drv->cuInit(0);

	if (r == CUDA_ERROR_NO_DEVICE)
		return ada_err(err, ZINC_E_NO_DEVICE, "the NVIDIA driver sees no GPU");
	if (r == CUDA_ERROR_SYSTEM_DRIVER_MISMATCH)
		return ada_err(err, ZINC_E_NO_DEVICE,
		               "the NVIDIA kernel module and libcuda.so.1 are of different "
		               "versions; reload the module or reboot");
	if (r != CUDA_SUCCESS) {
		ada_cu_err(drv, err, r, "the NVIDIA driver does not start");
		if (err)
			err->code = ZINC_E_NO_DEVICE;
		return ZINC_E_NO_DEVICE;
	}
	drv->cuDriverGetVersion(&drv->version);
	return ZINC_OK;
}

int ada_driver_open(struct ada_driver *drv, struct zinc_err *err)
{
	int rc;

	memset(drv, 0, sizeof(*drv));
	drv->library = dlopen("libcuda.so.1", RTLD_NOW | RTLD_LOCAL);
	if (!drv->library)
		return ada_err(err, ZINC_E_NO_DEVICE,
		               "no NVIDIA driver here: libcuda.so.1 cannot be opened");
	rc = find_functions(drv, err);
	if (!rc)
		rc = start(drv, err);
	if (rc)
		ada_driver_close(drv);
	return rc;
}

void ada_driver_close(struct ada_driver *drv)
{
	if (drv->library)
		dlclose(drv->library);
	drv->library = NULL;
}

int ada_status(CUresult r)
{
	switch (r) {
	case CUDA_SUCCESS: return ZINC_OK;
	case CUDA_ERROR_OUT_OF_MEMORY: return ZINC_E_NO_MEMORY;
	case CUDA_ERROR_INVALID_VALUE:
	case CUDA_ERROR_INVALID_HANDLE: return ZINC_E_INVALID;
	case CUDA_ERROR_NO_DEVICE:
	case CUDA_ERROR_NO_BINARY_FOR_GPU:
	case CUDA_ERROR_UNSUPPORTED_PTX_VERSION: return ZINC_E_NO_DEVICE;
	case CUDA_ERROR_NOT_SUPPORTED: return ZINC_E_UNSUPPORTED;
	/* After any other the context is lost. */
	default: return ZINC_E_DEVICE_LOST;
	}
}

int ada_cu_err(const struct ada_driver *drv, struct zinc_err *err, CUresult r, const char *what)
{
	const char *name = "an unknown error", *text = "";
	int code = ada_status(r);

	drv->cuGetErrorName(r, &name);
	drv->cuGetErrorString(r, &text);
	ada_err(err, code, "%s: %s (%s)", what, text ? text : "", name ? name : "");
	if (err)
		err->native = (int)r;
	return code;
}
