/* minimal.h - the functions of a backend that loads and computes nothing, in
 * the types of whatever interface was included before. */
#ifndef TESTS_ABI_MINIMAL_H
#define TESTS_ABI_MINIMAL_H

#include <string.h>

static int minimal_init(const struct zinc_host *host, void **self, struct zinc_err *err)
{
	(void)err;
	*self = (void *)(uintptr_t)host;
	return ZINC_OK;
}

static void minimal_fini(void *self)
{
	(void)self;
}

static int minimal_count(void *self, uint32_t *n, struct zinc_err *err)
{
	(void)self, (void)err;
	*n = 1;
	return ZINC_OK;
}

static int minimal_info(void *self, uint32_t i, struct zinc_dev_info *out)
{
	(void)self, (void)i;
	out->dev_class = 0;
	strcpy(out->name, "minimal");
	return ZINC_OK;
}

static int minimal_open(void *self, uint32_t i, struct zinc_dev **out, struct zinc_err *err)
{
	(void)self, (void)i, (void)out, (void)err;
	return ZINC_E_INTERNAL;
}

static void minimal_close(struct zinc_dev *d)
{
	(void)d;
}

static int minimal_alloc(struct zinc_dev *d, uint64_t n, uint32_t kind, struct zinc_buf **out,
                         struct zinc_err *err)
{
	(void)d, (void)n, (void)kind, (void)out, (void)err;
	return ZINC_E_INTERNAL;
}

static void minimal_free(struct zinc_buf *b)
{
	(void)b;
}

static int minimal_write(struct zinc_buf *b, uint64_t off, const void *p, uint64_t n)
{
	(void)b, (void)off, (void)p, (void)n;
	return ZINC_E_INTERNAL;
}

static int minimal_read(struct zinc_buf *b, uint64_t off, void *p, uint64_t n)
{
	(void)b, (void)off, (void)p, (void)n;
	return ZINC_E_INTERNAL;
}

static int minimal_begin(struct zinc_dev *d, uint32_t flags, struct zinc_buf *scratch,
                         struct zinc_cmd **out, struct zinc_err *err)
{
	(void)d, (void)flags, (void)scratch, (void)out, (void)err;
	return ZINC_E_INTERNAL;
}

static int minimal_end(struct zinc_cmd *c, struct zinc_err *err)
{
	(void)c, (void)err;
	return ZINC_E_INTERNAL;
}

static void minimal_cmd_free(struct zinc_cmd *c)
{
	(void)c;
}

static int minimal_submit(struct zinc_dev *d, const struct zinc_submit *s, struct zinc_err *err)
{
	(void)d, (void)s, (void)err;
	return ZINC_E_INTERNAL;
}

static int minimal_tl_create(struct zinc_dev *d, uint64_t initial, struct zinc_timeline **out)
{
	(void)d, (void)initial, (void)out;
	return ZINC_E_INTERNAL;
}

static int minimal_tl_wait(struct zinc_timeline *tl, uint64_t value, uint64_t ns)
{
	(void)tl, (void)value, (void)ns;
	return ZINC_E_INTERNAL;
}

static int minimal_tl_value(struct zinc_timeline *tl, uint64_t *out)
{
	(void)tl, (void)out;
	return ZINC_E_INTERNAL;
}

static void minimal_tl_free(struct zinc_timeline *tl)
{
	(void)tl;
}

#define MINIMAL_FUNCTIONS                                                                          \
	.dev_count = minimal_count, .dev_info = minimal_info, .dev_open = minimal_open,            \
	.dev_close = minimal_close, .buf_alloc = minimal_alloc, .buf_free = minimal_free,          \
	.buf_write = minimal_write, .buf_read = minimal_read, .cmd_begin = minimal_begin,          \
	.cmd_end = minimal_end, .cmd_free = minimal_cmd_free, .submit = minimal_submit,            \
	.tl_create = minimal_tl_create, .tl_wait = minimal_tl_wait,                                \
	.tl_value = minimal_tl_value, .tl_free = minimal_tl_free

#endif
