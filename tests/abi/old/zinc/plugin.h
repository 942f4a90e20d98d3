/* plugin.h - the interface as a plugin of an earlier minor version saw it: as
 * much as a small backend needs, with fields that were appended since missing
 * from zinc_plugin, zinc_op_rmsnorm and zinc_op_linear.
 *
 * It is a copy on purpose and does not change when core/include does. */
#ifndef ZINC_OLD_PLUGIN_H
#define ZINC_OLD_PLUGIN_H

#include <stddef.h>
#include <stdint.h>

struct zinc_buf;
struct zinc_dev;
struct zinc_cmd;
struct zinc_timeline;
struct zinc_submit;
struct zinc_op_linear;

struct zinc_err {
	int32_t code, native;
	char msg[248];
};

struct zinc_view {
	struct zinc_buf *buf;
	uint64_t off;
	uint32_t dtype, layout;
	uint32_t ne[4];
	uint64_t nb[4];
};

struct zinc_u32 {
	uint32_t imm, slot;
};

/* before `residual`, `sum`, `gate` and `after` */
struct zinc_op_rmsnorm {
	uint32_t struct_size, flags;
	struct zinc_view x, weight, y;
	struct zinc_u32 n;
	float eps;
	uint32_t pad0;
};

/* before `gate_w` and `residual` */
struct zinc_op_linear {
	uint32_t struct_size, flags;
	struct zinc_view w, x, y;
	struct zinc_u32 n;
	float scale;
	uint32_t act;
	struct zinc_view ids, expert_first, perm;
};

struct zinc_variant {
	const char *name;
	uint32_t max_cols, numerics;
};

struct zinc_op_impl {
	uint32_t struct_size, op;
	const char *name;
	uint32_t desc_size, n_variants;
	const struct zinc_variant *variants;
	uint64_t wtypes;
	int (*supports)(struct zinc_dev *, const void *desc, uint32_t variant);
	uint64_t (*scratch)(struct zinc_dev *, const void *desc, uint32_t variant);
	int (*record)(struct zinc_cmd *, const void *desc, uint32_t variant);
};

struct zinc_dev_info {
	uint32_t struct_size, dev_class;
	char name[64], driver[64], pci[16];
	uint64_t mem_total, mem_budget;
	uint32_t buf_align, n_queues;
};

struct zinc_backend {
	uint32_t struct_size, n_ops;
	const struct zinc_op_impl *const *ops;
	int (*dev_count)(void *self, uint32_t *n, struct zinc_err *err);
	int (*dev_info)(void *self, uint32_t i, struct zinc_dev_info *out);
	int (*dev_open)(void *self, uint32_t i, struct zinc_dev **out, struct zinc_err *err);
	void (*dev_close)(struct zinc_dev *);
	int (*buf_alloc)(struct zinc_dev *, uint64_t, uint32_t, struct zinc_buf **,
	                 struct zinc_err *);
	void *buf_import;
	void (*buf_free)(struct zinc_buf *);
	int (*buf_write)(struct zinc_buf *, uint64_t, const void *, uint64_t);
	int (*buf_read)(struct zinc_buf *, uint64_t, void *, uint64_t);
	void *weight_layout, *weight_pack, *act_layout;
	int (*cmd_begin)(struct zinc_dev *, uint32_t, struct zinc_buf *, struct zinc_cmd **,
	                 struct zinc_err *);
	int (*cmd_end)(struct zinc_cmd *, struct zinc_err *);
	void (*cmd_free)(struct zinc_cmd *);
	void *cmd_times;
	int (*submit)(struct zinc_dev *, const struct zinc_submit *, struct zinc_err *);
	int (*tl_create)(struct zinc_dev *, uint64_t, struct zinc_timeline **);
	int (*tl_wait)(struct zinc_timeline *, uint64_t, uint64_t);
	int (*tl_value)(struct zinc_timeline *, uint64_t *);
	void (*tl_free)(struct zinc_timeline *);
};

struct zinc_host;

/* before `arch` */
struct zinc_plugin {
	uint32_t magic, struct_size, abi_minor, kind;
	const char *id, *version;
	int (*init)(const struct zinc_host *, void **self, struct zinc_err *);
	void (*fini)(void *self);
	const struct zinc_backend *backend;
};

#define ZINC_OK 0
#define ZINC_E_UNSUPPORTED (-1)
#define ZINC_E_INTERNAL (-9)
#define ZINC_OP_DMMV 3
#define ZINC_OP_RMSNORM 6

extern __attribute__((visibility("default"))) const struct zinc_plugin zinc_plugin_v0;

#endif
