/* broken.c - a small plugin that is right in everything but what the build
 * says: every macro below may be given on the command line.
 *
 * As it stands it is a backend with one device and one op. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zinc/plugin.h>

#ifndef SYMBOL
#define SYMBOL zinc_plugin_v0
#endif
#ifndef MAGIC
#define MAGIC ZINC_PLUGIN_MAGIC
#endif
#ifndef KIND
#define KIND ZINC_KIND_BACKEND
#endif
#ifndef INIT
#define INIT init_fine
#endif
#ifndef FINI
#define FINI fini_fine
#endif
#ifndef DEV_COUNT
#define DEV_COUNT count_one
#endif
#ifndef DEV_OPEN
#define DEV_OPEN open_none
#endif
#ifndef DEV_CLASS
#define DEV_CLASS ZINC_DEV_CPU
#endif
#ifndef BACKEND
#define BACKEND &backend
#endif
#ifndef ARCH
#define ARCH NULL
#endif
#ifndef GGUF
#define GGUF "fake"
#endif

#define MAYBE __attribute__((unused)) static

MAYBE void crash(void)
{
	static int *volatile nowhere = (int *)64;

	*nowhere = 0;
}

#ifdef AT_LOAD
__attribute__((constructor)) static void at_load(void)
{
	AT_LOAD;
}
#endif

#ifdef MISSING
void MISSING(void);
#endif

MAYBE int init_fine(const struct zinc_host *host, void **self, struct zinc_err *err)
{
	(void)err;
#ifdef MISSING
	MISSING();
#endif
	*self = (void *)(uintptr_t)host;
	return ZINC_OK;
}

MAYBE int init_crash(const struct zinc_host *host, void **self, struct zinc_err *err)
{
	crash();
	return init_fine(host, self, err);
}

MAYBE int init_abort(const struct zinc_host *host, void **self, struct zinc_err *err)
{
	(void)host, (void)self, (void)err;
	fprintf(stderr, "an assertion of the driver's\n");
	abort();
}

MAYBE int init_exit(const struct zinc_host *host, void **self, struct zinc_err *err)
{
	(void)host, (void)self, (void)err;
	printf("this must not be seen\n");
	_exit(3);
}

MAYBE int init_hang(const struct zinc_host *host, void **self, struct zinc_err *err)
{
	while (pause() < 0)
		;
	return init_fine(host, self, err);
}

/* A helper process outlives the crash and holds every file open. */
MAYBE int init_helper(const struct zinc_host *host, void **self, struct zinc_err *err)
{
	if (fork() == 0)
		while (pause() < 0)
			;
	return init_crash(host, self, err);
}

MAYBE int init_no_device(const struct zinc_host *host, void **self, struct zinc_err *err)
{
	(void)host, (void)self;
	err->code = ZINC_E_NO_DEVICE;
	strcpy(err->msg, "the driver is not installed");
	return ZINC_E_NO_DEVICE;
}

/* Says nothing, and leaves the message without an end. */
MAYBE int init_mute(const struct zinc_host *host, void **self, struct zinc_err *err)
{
	(void)host, (void)self;
	memset(err->msg, '\n', sizeof(err->msg));
	return ZINC_E_IO;
}

/* Allocates and forgets. */
MAYBE int init_leak(const struct zinc_host *host, void **self, struct zinc_err *err)
{
	(void)err;
	*self = host->alloc(host->ctx, 8, 8);
	return *self ? ZINC_OK : ZINC_E_NO_MEMORY;
}

/* Wants the option "mode", which its manifest describes. */
MAYBE int init_option(const struct zinc_host *host, void **self, struct zinc_err *err)
{
	const char *mode = host->option(host->ctx, "mode");

	(void)self;
	if (mode && strcmp(mode, "fast") == 0)
		return ZINC_OK;
	err->code = ZINC_E_INVALID;
	snprintf(err->msg, sizeof(err->msg), "mode is '%s', not fast", mode ? mode : "unset");
	return ZINC_E_INVALID;
}

MAYBE void fini_fine(void *self)
{
	(void)self;
}

MAYBE void fini_crash(void *self)
{
	(void)self;
	crash();
}

MAYBE int count_one(void *self, uint32_t *n, struct zinc_err *err)
{
	(void)self, (void)err;
	*n = 1;
	return ZINC_OK;
}

MAYBE int count_zero(void *self, uint32_t *n, struct zinc_err *err)
{
	(void)self, (void)err;
	*n = 0;
	return ZINC_OK;
}

MAYBE int count_crash(void *self, uint32_t *n, struct zinc_err *err)
{
	crash();
	return count_one(self, n, err);
}

MAYBE int dev_info(void *self, uint32_t i, struct zinc_dev_info *out)
{
	(void)self;
	if (i)
		return ZINC_E_INVALID;
	out->dev_class = DEV_CLASS;
	snprintf(out->name, sizeof(out->name), "device of " ID);
	return ZINC_OK;
}

MAYBE int open_none(void *self, uint32_t i, struct zinc_dev **out, struct zinc_err *err)
{
	(void)self, (void)i, (void)out, (void)err;
	return ZINC_E_NO_DEVICE;
}

/* No test calls what follows, but a plugin must have it. */
static void close_none(struct zinc_dev *d)
{
	(void)d;
}

static int buf_alloc(struct zinc_dev *d, uint64_t n, uint32_t kind, struct zinc_buf **out,
                     struct zinc_err *err)
{
	(void)d, (void)n, (void)kind, (void)out, (void)err;
	return ZINC_E_NO_MEMORY;
}

static void buf_free(struct zinc_buf *b)
{
	(void)b;
}

static int buf_write(struct zinc_buf *b, uint64_t off, const void *p, uint64_t n)
{
	(void)b, (void)off, (void)p, (void)n;
	return ZINC_E_IO;
}

static int buf_read(struct zinc_buf *b, uint64_t off, void *p, uint64_t n)
{
	(void)b, (void)off, (void)p, (void)n;
	return ZINC_E_IO;
}

static int cmd_begin(struct zinc_dev *d, uint32_t flags, struct zinc_buf *scratch,
                     struct zinc_cmd **out, struct zinc_err *err)
{
	(void)d, (void)flags, (void)scratch, (void)out, (void)err;
	return ZINC_E_NO_MEMORY;
}

static int cmd_end(struct zinc_cmd *c, struct zinc_err *err)
{
	(void)c, (void)err;
	return ZINC_E_INTERNAL;
}

static void cmd_free(struct zinc_cmd *c)
{
	(void)c;
}

static int submit(struct zinc_dev *d, const struct zinc_submit *s, struct zinc_err *err)
{
	(void)d, (void)s, (void)err;
	return ZINC_E_INTERNAL;
}

static int tl_create(struct zinc_dev *d, uint64_t initial, struct zinc_timeline **out)
{
	(void)d, (void)initial, (void)out;
	return ZINC_E_NO_MEMORY;
}

static int tl_wait(struct zinc_timeline *tl, uint64_t value, uint64_t ns)
{
	(void)tl, (void)value, (void)ns;
	return ZINC_E_TIMEOUT;
}

static int tl_value(struct zinc_timeline *tl, uint64_t *out)
{
	(void)tl, (void)out;
	return ZINC_E_INTERNAL;
}

static void tl_free(struct zinc_timeline *tl)
{
	(void)tl;
}

static int supports(struct zinc_dev *d, const void *desc, uint32_t variant)
{
	(void)d, (void)desc, (void)variant;
	return ZINC_E_UNSUPPORTED;
}

static int record(struct zinc_cmd *c, const void *desc, uint32_t variant)
{
	(void)c, (void)desc, (void)variant;
	return ZINC_E_UNSUPPORTED;
}

static const struct zinc_variant variants[] = { { "plain", 0, ZINC_NUM_F32 } };

static const struct zinc_op_impl add = {
	.struct_size = sizeof(add), .op = ZINC_OP_ADD, .name = "add",
	.desc_size = sizeof(struct zinc_op_binary), .n_variants = 1, .variants = variants,
	.supports = supports, .record = record,
};

static const struct zinc_op_impl *const ops[] = { &add };

MAYBE const struct zinc_backend backend = {
	.struct_size = sizeof(backend), .n_ops = 1, .ops = ops,
	.dev_count = DEV_COUNT, .dev_info = dev_info, .dev_open = DEV_OPEN,
	.dev_close = close_none, .buf_alloc = buf_alloc, .buf_free = buf_free,
	.buf_write = buf_write, .buf_read = buf_read, .cmd_begin = cmd_begin,
	.cmd_end = cmd_end, .cmd_free = cmd_free, .submit = submit, .tl_create = tl_create,
	.tl_wait = tl_wait, .tl_value = tl_value, .tl_free = tl_free,
};

static int arch_open(const struct zinc_arch_host *h, const struct zinc_meta *m, void **model,
                     struct zinc_err *err)
{
	(void)h, (void)m, (void)model, (void)err;
	return ZINC_E_UNSUPPORTED;
}

static void arch_close(void *model)
{
	(void)model;
}

static int arch_info(void *model, struct zinc_arch_info *out)
{
	(void)model, (void)out;
	return ZINC_E_UNSUPPORTED;
}

static int arch_weights(void *model, const struct zinc_weight_decl **list, uint32_t *n)
{
	(void)model, (void)list, (void)n;
	return ZINC_E_UNSUPPORTED;
}

static int arch_constants(void *model, const struct zinc_const_decl **list, uint32_t *n)
{
	(void)model, (void)list, (void)n;
	return ZINC_E_UNSUPPORTED;
}

static int arch_states(void *model, const struct zinc_state_decl **list, uint32_t *n)
{
	(void)model, (void)list, (void)n;
	return ZINC_E_UNSUPPORTED;
}

static int arch_tokenizer(void *model, struct zinc_tok_spec *out, struct zinc_err *err)
{
	(void)model, (void)out, (void)err;
	return ZINC_E_UNSUPPORTED;
}

static void arch_build(void *model, struct zinc_graph *g, const struct zinc_shape *shape)
{
	(void)model, (void)g, (void)shape;
}

static const char *const names[] = { GGUF, NULL };

MAYBE const struct zinc_arch arch = {
	.struct_size = sizeof(arch), .gguf_names = names, .open = arch_open, .close = arch_close,
	.info = arch_info, .weights = arch_weights, .constants = arch_constants,
	.states = arch_states, .tokenizer = arch_tokenizer, .build = arch_build,
};

extern ZINC_EXPORT const struct zinc_plugin SYMBOL;
const struct zinc_plugin SYMBOL = {
	.magic = MAGIC, .struct_size = sizeof(struct zinc_plugin),
	.abi_minor = ZINC_ABI_MINOR, .kind = KIND, .id = ID, .version = "1",
	.init = INIT, .fini = FINI, .backend = BACKEND, .arch = ARCH,
};
