/* run_now.c - one launch outside any list, as packing weights needs it. */
#include "device.h"

int ada_run_now(struct zinc_dev *dev, const struct ada_launch *l, struct zinc_err *err)
{
	struct ada_function *f;
	CUresult r;
	int rc;

	if (ada_enter(dev))
		return ada_err(err, ZINC_E_DEVICE_LOST, "the GPU is lost; restart the program");
	rc = ada_kernel_find(dev, l->kernel, &f, err);
	if (rc)
		return rc;
	r = ada_kernel_launch(dev, dev->stream, f, l);
	if (r == CUDA_SUCCESS)
		r = dev->drv->cuStreamSynchronize(dev->stream);
	return r == CUDA_SUCCESS ? ZINC_OK : ada_dev_err(dev, err, r, l->kernel);
}
