/* submit.c - running recorded lists.
 *
 * All work of a device is on one stream, so what a submit waits for has happened
 * once it was enqueued before. */
#include "dense.h"
#include "device.h"
#include "table.h"

#include <string.h>

static int check_waits(const struct zinc_submit *s, struct zinc_err *err)
{
	for (uint32_t i = 0; i < s->n_wait; i++)
		if (!ada_tl_is_due(s->wait[i].tl, s->wait[i].value))
			return ada_err(err, ZINC_E_INVALID,
			               "a submit waits for what nothing before it signals");
	for (uint32_t i = 0; i < s->n_cmds; i++)
		if (!ada_cmd_is_ready(s->cmds[i]))
			return ada_err(err, ZINC_E_INVALID,
			               "a command list was submitted that did not end well");
	return ZINC_OK;
}

/* The set's last copy has left long ago, except after very many submits in a
 * row. */
static CUresult send_params(struct zinc_dev *dev, const uint32_t *params)
{
	uint32_t *set = dev->param_sets + (size_t)dev->next_set * ZINC_SLOT_COUNT;
	const size_t n = ZINC_SLOT_COUNT * sizeof(*set);
	CUresult r = CUDA_SUCCESS;

	if (!params)
		return r;
	if (!dev->next_set)
		r = dev->drv->cuStreamSynchronize(dev->stream);
	dev->next_set = (dev->next_set + 1) % ADA_PARAM_SETS;
	memcpy(set, params, n);
	return r == CUDA_SUCCESS ? dev->drv->cuMemcpyHtoDAsync(dev->params, set, n, dev->stream)
	                         : r;
}

int ada_submit(struct zinc_dev *dev, const struct zinc_submit *s, struct zinc_err *err)
{
	CUresult r;
	int rc = check_waits(s, err);

	if (rc)
		return rc;
	if (ada_enter(dev))
		return ada_err(err, ZINC_E_DEVICE_LOST, "the GPU is lost; restart the program");
	r = ada_buf_flush(dev);
	if (r == CUDA_SUCCESS)
		r = send_params(dev, s->params);
	if (r == CUDA_SUCCESS)
		r = ada_dense_fill(dev);
	for (uint32_t i = 0; i < s->n_cmds && r == CUDA_SUCCESS; i++) {
		bool reads = false;

		r = ada_cmd_want_rows(s->cmds[i], s->params, &reads);
		if (r == CUDA_SUCCESS)
			r = ada_cmd_enqueue(s->cmds[i]);
		if (r == CUDA_SUCCESS && reads)
			r = ada_tables_in_use(dev);
	}
	for (uint32_t i = 0; i < s->n_signal && r == CUDA_SUCCESS; i++)
		r = ada_tl_enqueue(s->signal[i].tl, s->signal[i].value);
	return r == CUDA_SUCCESS ? ZINC_OK : ada_dev_err(dev, err, r, "submitting work to the GPU");
}
