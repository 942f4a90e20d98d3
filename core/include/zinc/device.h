/* SPDX-License-Identifier: MIT */
/* device.h - what a backend plugin implements.
 *
 * Thread tags:  [any]  from any thread at any time
 *               [dev]  the core serialises the calls per device
 *               [cmd]  one thread at a time per command list
 *
 * Errors are negative enum zinc_status values; see status.h. A function that
 * takes a struct zinc_err fills it on failure; it may be NULL. */
#ifndef ZINC_DEVICE_H
#define ZINC_DEVICE_H

#include <zinc/op.h>
#include <zinc/status.h>

#ifdef __cplusplus
extern "C" {
#endif

struct zinc_dev;      /* an open device                                   */
struct zinc_cmd;      /* a recorded list of ops, submitted many times     */
struct zinc_timeline; /* a counter that only grows                        */

enum zinc_dev_class {
	ZINC_DEV_CPU = 0,
	ZINC_DEV_IGPU = 1,
	ZINC_DEV_DGPU = 2,
	ZINC_DEV_SOFT = 3 /* a GPU API emulated on the CPU; never chosen by itself */
};

struct zinc_dev_info {
	uint32_t struct_size; /* set by the caller                      */
	uint32_t dev_class;   /* enum zinc_dev_class                    */
	char name[64];        /* as its maker names it                  */
	char driver[64];      /* with version; part of cache keys       */
	char pci[16];         /* "0000:03:00.0" or ""                   */
	uint64_t mem_total;   /* bytes                                  */
	uint64_t mem_budget;  /* bytes this process may use now         */
	uint32_t buf_align;   /* bytes; placement inside a buffer       */
	uint32_t n_queues;
};

/* Memory kinds of buf_alloc. */
enum zinc_mem {
	ZINC_MEM_DEVICE = 0, /* weights, caches, temporaries: fastest for the device */
	ZINC_MEM_UPLOAD = 1, /* batch tables: the host writes, the device reads     */
	ZINC_MEM_READBACK = 2 /* logits: the device writes, the host reads          */
};

/* How a weight is used, so that a backend can choose a layout for it. */
enum zinc_weight_role {
	ZINC_ROLE_LINEAR = 1 << 0,  /* w or gate_w of dmmv and mmq  */
	ZINC_ROLE_EXPERTS = 1 << 1, /* the same, expert form        */
	ZINC_ROLE_TABLE = 1 << 2,   /* rows fetched by embed        */
	ZINC_ROLE_VECTOR = 1 << 3   /* norms, biases, small tensors */
};

struct zinc_weight_use {
	uint32_t struct_size;
	uint32_t roles;        /* bits of enum zinc_weight_role; several may be
	                        * set (a tied head is TABLE and LINEAR)       */
	struct zinc_view view; /* dtype, ne and nb as in the file; buf NULL   */
};

struct zinc_weight_layout {
	uint32_t struct_size;
	uint32_t layout;    /* 0: GGUF order, the file's own bytes            */
	uint64_t bytes;     /* size in that layout                            */
	uint64_t row_bytes; /* from one row (dimension 1) to the next in that
	                     * layout: nb[1] of the view, nb[2] = nb[1] * ne[1]
	                     * and so on, so that a window of rows has the right
	                     * offset. A layout that interleaves R rows is given
	                     * whole groups of R rows only by those who ask it
	                     * (supports() declines other windows). Not 0.     */
};

/* The layout in which this backend's dmmv and mmq read x. */
struct zinc_act_layout {
	uint32_t struct_size;
	uint32_t layout;    /* 0: plain F32, no quant_act needed */
	uint64_t row_bytes; /* bytes of one row of K elements    */
};

/* "When `tl` has reached `value`". */
struct zinc_point {
	struct zinc_timeline *tl;
	uint64_t value;
};

struct zinc_submit {
	uint32_t struct_size;
	uint32_t queue;
	struct zinc_cmd *const *cmds; /* run in order                          */
	const struct zinc_point *wait, *signal;
	const uint32_t *params; /* ZINC_SLOT_COUNT values, copied before return */
	uint32_t n_cmds, n_wait, n_signal, pad0;
};

/* One kernel (family) of an op. */
struct zinc_variant {
	const char *name;  /* "cols8", "tile64"; static                        */
	uint32_t max_cols; /* made for up to this many columns (tokens of the
	                    * recording); 0: any number                        */
	uint32_t numerics; /* enum zinc_numerics                               */
};

/* One op of one backend; lives in the plugin's read-only data. */
struct zinc_op_impl {
	uint32_t struct_size;
	uint32_t op;        /* enum zinc_op                                   */
	const char *name;   /* "dmmv"                                         */
	uint32_t desc_size; /* sizeof the descriptor this was compiled with   */
	uint32_t n_variants;
	/* At least one, in order of preference: the core takes the first that is
	 * made for enough columns, is of a numerics class the run allows, and
	 * whose supports() agrees. Within a class max_cols ascends, 0 last. */
	const struct zinc_variant *variants;
	uint64_t wtypes;    /* ZINC_TBIT mask of weight dtypes; 0: no weight  */

	/* [any] ZINC_OK promises that record() with this descriptor and variant
	 * fails only for want of memory or a lost device. ZINC_E_UNSUPPORTED
	 * declines. The views may have buf set to any non-NULL pointer: only
	 * shapes and dtypes count. Must not allocate. */
	int (*supports)(struct zinc_dev *dev, const void *desc, uint32_t variant);
	/* [any] Bytes of scratch memory this op needs while it runs; NULL: 0. */
	uint64_t (*scratch)(struct zinc_dev *dev, const void *desc, uint32_t variant);
	/* [cmd] Appends the op. The descriptor is copied. Errors stick to the
	 * list and surface at cmd_end(). */
	int (*record)(struct zinc_cmd *cmd, const void *desc, uint32_t variant);
};

/* A number that the device's compiler does not tell. */
#define ZINC_KERNEL_UNTOLD UINT64_MAX

/* What the device's compiler makes of one kernel. The strings are the callee's, valid
 * during the call that hands them over. */
struct zinc_kernel_info {
	uint32_t struct_size;
	uint32_t op;           /* enum zinc_op                                */
	const char *variant;   /* of the op                                   */
	const char *made_for;  /* the case, in a few words: "Q4_K, with gate" */
	const char *kernel;    /* the backend's own name of it                */
	const char *constants; /* what it was specialised with; ""            */
	uint64_t registers;    /* of an invocation                            */
	uint64_t spills;       /* registers that live in memory               */
	uint64_t shared_bytes; /* of a workgroup                              */
	uint64_t in_flight;    /* subgroups that one SIMD unit holds at once  */
	uint64_t instructions;
	uint64_t cycles;       /* that a subgroup takes of its SIMD unit, estimated:
	                        * inverse throughput                          */
};

/* Part of a buffer. */
struct zinc_span {
	struct zinc_buf *buf;
	uint64_t off, bytes;
};

/* What a device reaches at most, as it measured itself; 0: not measured. */
struct zinc_peaks {
	uint32_t struct_size; /* set by the caller */
	uint32_t pad0;
	uint64_t read_bytes_per_s; /* a plain read of memory                         */
	uint64_t int8_ops_per_s;   /* products of 8-bit integers and their additions,
	                            * each an operation, of values in registers      */
};

#define ZINC_CMD_PROFILE 1u /* cmd_begin flag: keep times for cmd_times() */

struct zinc_backend {
	uint32_t struct_size;
	uint32_t n_ops;
	const struct zinc_op_impl *const *ops;

	/* [dev] Cheap: may open the driver, must not create contexts. Zero
	 * devices is ZINC_E_NO_DEVICE with a reason. */
	int (*dev_count)(void *self, uint32_t *n, struct zinc_err *err);
	int (*dev_info)(void *self, uint32_t i, struct zinc_dev_info *out);
	/* [dev] *out is the caller's until dev_close(). */
	int (*dev_open)(void *self, uint32_t i, struct zinc_dev **out, struct zinc_err *err);
	void (*dev_close)(struct zinc_dev *dev); /* NULL ok */

	/* [any] kind: enum zinc_mem. The buffer is zeroed. */
	int (*buf_alloc)(struct zinc_dev *, uint64_t bytes, uint32_t kind, struct zinc_buf **out,
	                 struct zinc_err *err);
	/* [any] Optional. A buffer over host memory that stays valid and
	 * unchanged until buf_free(); ZINC_E_UNSUPPORTED where the device cannot
	 * read it in place at full speed. */
	int (*buf_import)(struct zinc_dev *, const void *host, uint64_t bytes,
	                  struct zinc_buf **out, struct zinc_err *err);
	void (*buf_free)(struct zinc_buf *); /* NULL ok */
	/* [any] Complete before return; the caller orders them against work that
	 * is in flight. Out of range is ZINC_E_INVALID. */
	int (*buf_write)(struct zinc_buf *, uint64_t off, const void *, uint64_t n);
	int (*buf_read)(struct zinc_buf *, uint64_t off, void *, uint64_t n);

	/* [any] Optional (NULL: every weight keeps GGUF order). Products take GGUF order as
	 * well, and variants of a strict class give the same bits in either: with a device
	 * of class CPU the core may run on the imported file first, and go over to packed
	 * weights between two submits. */
	int (*weight_layout)(struct zinc_dev *, const struct zinc_weight_use *,
	                     struct zinc_weight_layout *out);
	/* [any] Writes the file's bytes in `layout` to dst at off. Several
	 * weights are packed at once from several threads. Where buf_import()
	 * took the file and the layout's size is all rows times row_bytes, a
	 * weight may come in parts, each with a use of its own: whole matrices
	 * of experts, or rows of one matrix from a multiple of 256 on. */
	int (*weight_pack)(struct zinc_dev *, const struct zinc_weight_use *, uint32_t layout,
	                   const void *src, struct zinc_buf *dst, uint64_t off,
	                   struct zinc_err *err);
	/* [any] Optional (NULL: plain F32). How dmmv or mmq (`op`) with this
	 * descriptor and variant wants x. */
	int (*act_layout)(struct zinc_dev *, uint32_t op, const struct zinc_op_linear *desc,
	                  uint32_t variant, struct zinc_act_layout *out);

	/* [cmd] scratch: at least the largest scratch() of the ops recorded, or
	 * NULL when that is 0; it must outlive the list. flags: ZINC_CMD_*. */
	int (*cmd_begin)(struct zinc_dev *, uint32_t flags, struct zinc_buf *scratch,
	                 struct zinc_cmd **out, struct zinc_err *err);
	int (*cmd_end)(struct zinc_cmd *, struct zinc_err *err);
	void (*cmd_free)(struct zinc_cmd *); /* NULL ok */
	/* [cmd] Optional. Nanoseconds of each op of the last finished submit, in
	 * recording order; *n in: room, out: ops. */
	int (*cmd_times)(struct zinc_cmd *, uint64_t *ns, uint32_t *n);

	/* [any] Ops of one list run in order, each seeing the results of all
	 * before it. May return before the work is done; never allocates. */
	int (*submit)(struct zinc_dev *, const struct zinc_submit *, struct zinc_err *err);
	int (*tl_create)(struct zinc_dev *, uint64_t initial, struct zinc_timeline **out);
	int (*tl_wait)(struct zinc_timeline *, uint64_t value, uint64_t timeout_ns);
	int (*tl_value)(struct zinc_timeline *, uint64_t *out);
	void (*tl_free)(struct zinc_timeline *); /* NULL ok */

	/* Since minor 2. [dev] Optional. Compiles for device i the kernels that models
	 * of today bind and tells of each, in an order of the backend's own. The device
	 * need not be able to run anything. ZINC_E_UNSUPPORTED with the reason where its
	 * driver tells nothing. */
	int (*dev_kernels)(void *self, uint32_t i,
	                   void (*tell)(void *ctx, const struct zinc_kernel_info *), void *ctx,
	                   struct zinc_err *err);
	/* Since minor 3. [dev] Optional. Measures with all that the device computes with,
	 * nothing else running: reading the bytes of all spans once, and products. The
	 * best of a few runs counts. */
	int (*dev_peaks)(struct zinc_dev *, const struct zinc_span *spans, uint32_t n_spans,
	                 struct zinc_peaks *out, struct zinc_err *err);
	/* later minors append here */
};

/* Reserved for tensor parallel runs: what all_reduce will be handed. A host
 * that offers none passes NULL. */
struct zinc_communicator;

#ifdef __cplusplus
}
#endif
#endif /* ZINC_DEVICE_H */
