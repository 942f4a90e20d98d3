/* buffer.c - buffers. A real backend takes device memory for ZINC_MEM_DEVICE
 * and memory that both sides see for the other kinds. */
#include "proto.h"

#include <string.h>

enum { ALIGN = 64 };

int proto_buf_alloc(struct zinc_dev *dev, uint64_t bytes, uint32_t kind, struct zinc_buf **out,
                    struct zinc_err *err)
{
	const struct zinc_host *host = dev->host;
	struct zinc_buf *buf = NULL;

	(void)kind;
	if (bytes <= SIZE_MAX)
		buf = host->alloc(host->ctx, sizeof(*buf), sizeof(void *));
	if (buf) {
		buf->dev = dev;
		buf->n = bytes;
		buf->bytes = host->alloc(host->ctx, (size_t)bytes, ALIGN);
	}
	if (!buf || !buf->bytes) {
		proto_buf_free(buf);
		return proto_fail(err, ZINC_E_NO_MEMORY, "no memory for a buffer");
	}
	memset(buf->bytes, 0, (size_t)bytes);
	*out = buf;
	return ZINC_OK;
}

void proto_buf_free(struct zinc_buf *buf)
{
	const struct zinc_host *host;

	if (!buf)
		return;
	host = buf->dev->host;
	host->free(host->ctx, buf->bytes);
	host->free(host->ctx, buf);
}

/* Written so that it cannot overflow. */
static int is_inside(const struct zinc_buf *buf, uint64_t off, uint64_t n)
{
	return off <= buf->n && n <= buf->n - off;
}

int proto_buf_write(struct zinc_buf *buf, uint64_t off, const void *from, uint64_t n)
{
	if (!is_inside(buf, off, n))
		return ZINC_E_INVALID;
	if (n)
		memcpy(buf->bytes + off, from, (size_t)n);
	return ZINC_OK;
}

int proto_buf_read(struct zinc_buf *buf, uint64_t off, void *to, uint64_t n)
{
	if (!is_inside(buf, off, n))
		return ZINC_E_INVALID;
	if (n)
		memcpy(to, buf->bytes + off, (size_t)n);
	return ZINC_OK;
}
