/* null.h - what the files of the null backend share. */
#ifndef NULL_NULL_H
#define NULL_NULL_H

#include <zinc/plugin.h>

/* A device is as much as the way to its host: there is nothing else here. */
struct zinc_dev {
	const struct zinc_host *host;
};

struct zinc_buf {
	struct zinc_dev *dev;
	unsigned char *bytes;
	uint64_t n;
	uint32_t imported; /* the bytes belong to the host and are read only */
};

/* A recording: the ids of its ops, in order. */
struct zinc_cmd {
	struct zinc_dev *dev;
	uint32_t *ops;
	uint32_t n, room;
	int status;          /* the first error, which sticks */
	const char *culprit; /* the op it came from           */
};

/* ops.c: all ops but linear, which no backend sees, and all_reduce. */
enum { NULL_N_OPS = ZINC_OP_COUNT - 3 };
extern const struct zinc_op_impl *const null_ops[NULL_N_OPS];

/* Appends an op to the recording; what every record() ends with. */
int null_cmd_append(struct zinc_cmd *cmd, uint32_t op, const char *name);

/* The functions of struct zinc_backend, by file. */
int null_dev_count(void *self, uint32_t *n, struct zinc_err *err);
int null_dev_info(void *self, uint32_t i, struct zinc_dev_info *out);
int null_dev_open(void *self, uint32_t i, struct zinc_dev **out, struct zinc_err *err);
void null_dev_close(struct zinc_dev *dev);

int null_buf_alloc(struct zinc_dev *dev, uint64_t bytes, uint32_t kind, struct zinc_buf **out,
                   struct zinc_err *err);
int null_buf_import(struct zinc_dev *dev, const void *host, uint64_t bytes,
                    struct zinc_buf **out, struct zinc_err *err);
void null_buf_free(struct zinc_buf *buf);
int null_buf_write(struct zinc_buf *buf, uint64_t off, const void *from, uint64_t n);
int null_buf_read(struct zinc_buf *buf, uint64_t off, void *to, uint64_t n);

int null_cmd_begin(struct zinc_dev *dev, uint32_t flags, struct zinc_buf *scratch,
                   struct zinc_cmd **out, struct zinc_err *err);
int null_cmd_end(struct zinc_cmd *cmd, struct zinc_err *err);
void null_cmd_free(struct zinc_cmd *cmd);
int null_submit(struct zinc_dev *dev, const struct zinc_submit *s, struct zinc_err *err);

int null_tl_create(struct zinc_dev *dev, uint64_t initial, struct zinc_timeline **out);
int null_tl_wait(struct zinc_timeline *tl, uint64_t value, uint64_t timeout_ns);
int null_tl_value(struct zinc_timeline *tl, uint64_t *out);
void null_tl_signal(struct zinc_timeline *tl, uint64_t value);
void null_tl_free(struct zinc_timeline *tl);

/* Fills err, which may be NULL, and returns code. */
int null_fail(struct zinc_err *err, int code, const char *msg, const char *what);

#endif
