/* proto.h - shared by the files of this backend: a "device" in host memory that
 * runs a recorded list when it is submitted. */
#ifndef PROTO_H
#define PROTO_H

#include <zinc/plugin.h>
#include <zinc/shape.h>
#include <zinc/view.h>

struct zinc_dev {
	const struct zinc_host *host;
};

struct zinc_buf {
	struct zinc_dev *dev;
	unsigned char *bytes;
	uint64_t n;
};

/* One recorded op: its descriptor, and what runs it. */
struct proto_step {
	void (*run)(const struct proto_step *step, const uint32_t *params);
	uint32_t op; /* enum zinc_op */
	uint32_t pad0;
	union {
		struct zinc_op_binary binary;
		struct zinc_op_unary unary;
	} desc;
};

struct zinc_cmd {
	struct zinc_dev *dev;
	struct proto_step *steps;
	uint32_t n, room;
	int status; /* the first error while recording */
};

enum { PROTO_N_OPS = 4 };
extern const struct zinc_op_impl *const proto_ops[PROTO_N_OPS];

/* Fills err (which may be NULL) and returns code. */
int proto_fail(struct zinc_err *err, int code, const char *msg);

int proto_dev_count(void *self, uint32_t *n, struct zinc_err *err);
int proto_dev_info(void *self, uint32_t i, struct zinc_dev_info *out);
int proto_dev_open(void *self, uint32_t i, struct zinc_dev **out, struct zinc_err *err);
void proto_dev_close(struct zinc_dev *dev);

int proto_buf_alloc(struct zinc_dev *dev, uint64_t bytes, uint32_t kind, struct zinc_buf **out,
                    struct zinc_err *err);
void proto_buf_free(struct zinc_buf *buf);
int proto_buf_write(struct zinc_buf *buf, uint64_t off, const void *from, uint64_t n);
int proto_buf_read(struct zinc_buf *buf, uint64_t off, void *to, uint64_t n);

int proto_cmd_begin(struct zinc_dev *dev, uint32_t flags, struct zinc_buf *scratch,
                    struct zinc_cmd **out, struct zinc_err *err);
int proto_cmd_end(struct zinc_cmd *cmd, struct zinc_err *err);
void proto_cmd_free(struct zinc_cmd *cmd);
/* Room for one more step, zeroed; NULL: the error sticks to the list. */
struct proto_step *proto_cmd_step(struct zinc_cmd *cmd);
int proto_submit(struct zinc_dev *dev, const struct zinc_submit *s, struct zinc_err *err);

int proto_tl_create(struct zinc_dev *dev, uint64_t initial, struct zinc_timeline **out);
int proto_tl_wait(struct zinc_timeline *tl, uint64_t value, uint64_t timeout_ns);
int proto_tl_value(struct zinc_timeline *tl, uint64_t *out);
void proto_tl_free(struct zinc_timeline *tl);
void proto_tl_signal(struct zinc_timeline *tl, uint64_t value);

#endif
