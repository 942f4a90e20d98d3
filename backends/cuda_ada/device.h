/* device.h - an open device, as its own files see it; ops see ada.h. */
#ifndef ADA_DEVICE_H
#define ADA_DEVICE_H

#include <pthread.h>

#include "ada.h"
#include "driver.h"

enum { ADA_PARAM_SETS = 256 };

/* What the plugin keeps between init() and fini(). */
struct ada_self {
	const struct zinc_host *host;
	struct ada_driver drv; /* open while drv.library is set */
	struct zinc_dev *open; /* devices that are open now     */
};

struct ada_kernel; /* kernels.c */
struct ada_choices; /* choice.h  */
struct ada_dense_list; /* dense.c */

/* Tables in host memory, table.c. */
struct ada_tables {
	pthread_mutex_t lock;
	struct ada_table *first;
	CUstream copy; /* rows on their way to the device */
	CUevent busy;  /* the last list that reads a table */
};

struct zinc_dev {
	struct ada_self *self;
	struct zinc_dev *next;
	const struct zinc_host *host;
	const struct ada_driver *drv;
	uint32_t index;
	CUdevice device;
	CUcontext ctx;
	CUstream stream;  /* all work of the device, in order */
	CUstream capture; /* where lists become graphs        */
	pthread_mutex_t capture_lock;
	struct ada_limits limits;
	bool lost;
	struct ada_choices *choices; /* NULL: nothing was measured here */

	/* The parameter slots as kernels read them, and pinned sets that wait to
	 * be copied there. */
	CUdeviceptr params;
	uint32_t *param_sets;
	uint32_t next_set;

	pthread_mutex_t dense_lock;
	struct ada_dense_list *dense;
	struct ada_tables tables;

	pthread_mutex_t lock; /* of everything below */
	struct zinc_buf *uploads;
	uint8_t *bounce; /* pinned, transfer.c */
	CUdeviceptr stage;
	uint64_t stage_bytes;
	bool stage_busy;
	CUmodule *modules;
	struct ada_kernel *kernels;
	struct ada_blas *blas;
};

/* Makes the device's context current in this thread; what every entry point
 * that reaches the driver begins with. */
int ada_enter(struct zinc_dev *dev);
/* ada_cu_err(); remembers a lost device. */
int ada_dev_err(struct zinc_dev *dev, struct zinc_err *err, CUresult r, const char *what);

/* kernels.c */
struct ada_function {
	CUfunction f;
	uint32_t smem_set; /* dynamic shared memory it is allowed so far */
};
/* The kernel of this name, from whichever image has it. */
int ada_kernel_find(struct zinc_dev *dev, const char *name, struct ada_function **out,
                    struct zinc_err *err);
int ada_kernels_init(struct zinc_dev *dev, struct zinc_err *err);
void ada_kernels_finish(struct zinc_dev *dev);
CUresult ada_kernel_launch(struct zinc_dev *dev, CUstream stream, struct ada_function *f,
                           const struct ada_launch *l);

/* transfer.c: copies through pinned memory, complete on return. */
int ada_copy_in(struct zinc_dev *dev, CUdeviceptr to, const void *from, uint64_t n);
int ada_copy_out(struct zinc_dev *dev, void *to, CUdeviceptr from, uint64_t n);
void ada_transfer_finish(struct zinc_dev *dev);

/* The functions of struct zinc_backend, by file. */
int ada_dev_count(void *self, uint32_t *n, struct zinc_err *err);
int ada_dev_info(void *self, uint32_t i, struct zinc_dev_info *out);
int ada_dev_open(void *self, uint32_t i, struct zinc_dev **out, struct zinc_err *err);
void ada_dev_close(struct zinc_dev *dev);

int ada_buf_alloc(struct zinc_dev *dev, uint64_t bytes, uint32_t kind, struct zinc_buf **out,
                  struct zinc_err *err);
void ada_buf_free(struct zinc_buf *buf);
int ada_buf_write(struct zinc_buf *buf, uint64_t off, const void *from, uint64_t n);
int ada_buf_read(struct zinc_buf *buf, uint64_t off, void *to, uint64_t n);
/* Enqueues what buf_write() left in UPLOAD buffers. */
CUresult ada_buf_flush(struct zinc_dev *dev);

int ada_cmd_begin(struct zinc_dev *dev, uint32_t flags, struct zinc_buf *scratch,
                  struct zinc_cmd **out, struct zinc_err *err);
int ada_cmd_end(struct zinc_cmd *cmd, struct zinc_err *err);
void ada_cmd_free(struct zinc_cmd *cmd);
int ada_cmd_times(struct zinc_cmd *cmd, uint64_t *ns, uint32_t *n);
/* Enqueues what a list that has ended wants of tables in host memory, if anything; true:
 * it reads some. */
CUresult ada_cmd_want_rows(struct zinc_cmd *cmd, const uint32_t *params, bool *reads);
/* Enqueues a list that has ended. */
CUresult ada_cmd_enqueue(struct zinc_cmd *cmd);
bool ada_cmd_is_ready(const struct zinc_cmd *cmd);

int ada_submit(struct zinc_dev *dev, const struct zinc_submit *s, struct zinc_err *err);
int ada_tl_create(struct zinc_dev *dev, uint64_t initial, struct zinc_timeline **out);
int ada_tl_wait(struct zinc_timeline *tl, uint64_t value, uint64_t timeout_ns);
int ada_tl_value(struct zinc_timeline *tl, uint64_t *out);
void ada_tl_free(struct zinc_timeline *tl);
/* A value that a submit before this one signals? */
bool ada_tl_is_due(const struct zinc_timeline *tl, uint64_t value);
CUresult ada_tl_enqueue(struct zinc_timeline *tl, uint64_t value);

#endif
