/* err.c - error values, and Vulkan's results as zinc's. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "rdna4.h"

int rdna4_err(struct zinc_err *err, int code, const char *fmt, ...)
{
	va_list args;

	if (!err)
		return code;
	err->code = code;
	err->native = 0;
	va_start(args, fmt);
	vsnprintf(err->msg, sizeof(err->msg), fmt, args);
	va_end(args);
	return code;
}

int rdna4_status(struct zinc_dev *dev, VkResult r)
{
	switch (r) {
	case VK_SUCCESS:
		return ZINC_OK;
	case VK_TIMEOUT:
	case VK_NOT_READY:
		return ZINC_E_TIMEOUT;
	case VK_ERROR_OUT_OF_HOST_MEMORY:
	case VK_ERROR_OUT_OF_DEVICE_MEMORY:
	case VK_ERROR_TOO_MANY_OBJECTS:
	case VK_ERROR_FRAGMENTATION:
		return ZINC_E_NO_MEMORY;
	case VK_ERROR_DEVICE_LOST:
		if (dev)
			atomic_store(&dev->lost, true);
		return ZINC_E_DEVICE_LOST;
	case VK_ERROR_INCOMPATIBLE_DRIVER:
	case VK_ERROR_INITIALIZATION_FAILED:
		return ZINC_E_NO_DEVICE;
	default:
		return ZINC_E_INTERNAL;
	}
}

static const char *reason(int code)
{
	switch (code) {
	case ZINC_E_NO_MEMORY: return "out of memory";
	case ZINC_E_DEVICE_LOST: return "the device was lost; start again";
	case ZINC_E_TIMEOUT: return "it took too long";
	case ZINC_E_NO_DEVICE: return "the driver does not start";
	default: return "the driver failed";
	}
}

int rdna4_vk_err(struct zinc_dev *dev, struct zinc_err *err, VkResult r, const char *what)
{
	int code = rdna4_status(dev, r);

	if (!code)
		return ZINC_OK;
	rdna4_err(err, code, "Vulkan: %s: %s (VkResult %d)", what, reason(code), (int)r);
	if (err)
		err->native = (int32_t)r;
	return code;
}

int rdna4_step_err(struct zinc_err *err, int code, const char *what)
{
	return code ? rdna4_err(err, code, "Vulkan: %s: %s", what, reason(code)) : ZINC_OK;
}

void *rdna4_calloc(const struct zinc_host *host, size_t n, size_t bytes)
{
	size_t all = n * bytes;
	void *p;

	if (bytes && all / bytes != n)
		return NULL;
	p = host->alloc(host->ctx, all ? all : 1, 16);
	if (p)
		memset(p, 0, all);
	return p;
}

void rdna4_free(const struct zinc_host *host, void *p)
{
	host->free(host->ctx, p);
}
