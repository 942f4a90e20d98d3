/* buffer.c - buffers are host memory, of whatever kind they are asked for. */
#include "null.h"

#include <string.h>

enum { ALIGN = 64 };

static struct zinc_buf *buf_create(struct zinc_dev *dev, uint64_t n)
{
	const struct zinc_host *host = dev->host;
	struct zinc_buf *buf = host->alloc(host->ctx, sizeof(*buf), sizeof(void *));

	if (buf)
		*buf = (struct zinc_buf){ .dev = dev, .n = n };
	return buf;
}

int null_buf_alloc(struct zinc_dev *dev, uint64_t bytes, uint32_t kind, struct zinc_buf **out,
                   struct zinc_err *err)
{
	const struct zinc_host *host = dev->host;
	struct zinc_buf *buf = bytes <= SIZE_MAX ? buf_create(dev, bytes) : NULL;

	(void)kind;
	if (buf)
		buf->bytes = host->alloc(host->ctx, (size_t)bytes, ALIGN);
	if (!buf || !buf->bytes) {
		null_buf_free(buf);
		return null_fail(err, ZINC_E_NO_MEMORY, "no memory for a buffer", "");
	}
	memset(buf->bytes, 0, (size_t)bytes);
	*out = buf;
	return ZINC_OK;
}

int null_buf_import(struct zinc_dev *dev, const void *host, uint64_t bytes,
                    struct zinc_buf **out, struct zinc_err *err)
{
	struct zinc_buf *buf = buf_create(dev, bytes);

	if (!buf)
		return null_fail(err, ZINC_E_NO_MEMORY, "no memory for a buffer", "");
	buf->bytes = (unsigned char *)(uintptr_t)host;
	buf->imported = 1;
	*out = buf;
	return ZINC_OK;
}

void null_buf_free(struct zinc_buf *buf)
{
	const struct zinc_host *host;

	if (!buf)
		return;
	host = buf->dev->host;
	if (!buf->imported)
		host->free(host->ctx, buf->bytes);
	host->free(host->ctx, buf);
}

static int is_inside(const struct zinc_buf *buf, uint64_t off, uint64_t n)
{
	return off <= buf->n && n <= buf->n - off;
}

int null_buf_write(struct zinc_buf *buf, uint64_t off, const void *from, uint64_t n)
{
	if (buf->imported || !is_inside(buf, off, n))
		return ZINC_E_INVALID;
	if (n)
		memcpy(buf->bytes + off, from, (size_t)n);
	return ZINC_OK;
}

int null_buf_read(struct zinc_buf *buf, uint64_t off, void *to, uint64_t n)
{
	if (!is_inside(buf, off, n))
		return ZINC_E_INVALID;
	if (n)
		memcpy(to, buf->bytes + off, (size_t)n);
	return ZINC_OK;
}
