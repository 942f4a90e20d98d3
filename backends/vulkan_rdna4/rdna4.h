/* rdna4.h - what the files of the Vulkan backend share.
 *
 * Kernels see memory through 64-bit device addresses: an op turns its views
 * into a struct of addresses and strides, the arguments, and hands it with a
 * shader's name, specialisation constants and the ranges that it reads and
 * writes to rdna4_dispatch(). cmd.c keeps the list, hazard.c finds where
 * barriers must stand, replay.c makes the Vulkan command buffer. */
#ifndef RDNA4_RDNA4_H
#define RDNA4_RDNA4_H

#include <stdatomic.h>
#include <stdbool.h>
#include <pthread.h>
#include <zinc/device.h>
#include <zinc/plugin.h>
#include <zinc/shape.h>
#include <zinc/view.h>

#include "vk.h"

#define RDNA4_VERSION "0.1.0"

enum {
	RDNA4_ALIGN = 256,     /* placement in buffers                        */
	RDNA4_SPEC_MAX = 16,   /* specialisation constants of a shader        */
	RDNA4_RANGES_MAX = 12, /* ranges that one dispatch touches            */
	RDNA4_PUSH_MAX = 120,  /* arguments up to here travel as push constants */
	RDNA4_PUSH_CHAIN = 120, /* behind them: what a chained step waits for  */
	RDNA4_PUSH_ALL = 128,
	RDNA4_ARGS_MAX = 512,
	RDNA4_GROUPS_MAX = 65535 /* workgroups along one dimension, anywhere  */
};

/* A physical device and what matters about it. */
struct rdna4_gpu {
	VkPhysicalDevice handle;
	VkPhysicalDeviceProperties props;
	VkPhysicalDeviceMemoryProperties memory;
	char driver[64];
	char pci[16];
	uint32_t dev_class;   /* enum zinc_dev_class                          */
	uint32_t family;      /* queue family                                 */
	uint32_t timestamp_bits;
	uint32_t subgroup;    /* lanes                                        */
	uint64_t max_alloc;
	bool has_budget;      /* VK_EXT_memory_budget                         */
	bool has_pci;
	bool can_set_subgroup; /* VK_EXT_subgroup_size_control                 */
	bool has_coop;        /* VK_KHR_cooperative_matrix, and 16-bit floats  */
	bool has_dot;         /* VK_KHR_shader_integer_dot_product             */
	bool has_statistics;  /* VK_KHR_pipeline_executable_properties         */
	bool has_memory_model; /* Vulkan's                                      */
	bool starts_in_order; /* workgroups, in the order of their dispatches  */
	bool is_null;         /* compiles, but has no memory and runs nothing  */
	/* F16 matrices that are summed in F32, and signed bytes in 32-bit integers; 0: none
	 * (VK_KHR_cooperative_matrix). */
	uint32_t coop_m, coop_n, coop_k;
	uint32_t byte_m, byte_n, byte_k;
	char lacks[96];       /* why this backend cannot use it; "": it can   */
};

struct rdna4_plugin {
	const struct zinc_host *host;
	void *library;
	struct vk_instance_functions vk;
	VkInstance instance;
	struct rdna4_gpu *gpus;
	uint32_t n_gpus;
	bool opened;
};

struct rdna4_pack;
struct rdna4_pipelines;
struct rdna4_transfer;
struct rdna4_ring;
struct rdna4_table;

struct zinc_dev {
	const struct zinc_host *host;
	struct rdna4_plugin *plugin;
	const struct rdna4_gpu *gpu;
	VkDevice device;
	VkQueue queue;
	pthread_mutex_t queue_lock;
	struct vk_device_functions vk;
	VkPipelineLayout layout;
	struct rdna4_pack *pack;
	struct rdna4_pipelines *pipelines;
	struct rdna4_transfer *transfer;
	struct rdna4_ring *ring;
	struct zinc_buf *alarm; /* where a chained list says that it gave up; NULL: none are */
	atomic_bool unchained;  /* one did, so no more of them                */
	atomic_bool lost;
	pthread_mutex_t tables_lock;
	struct rdna4_table *tables; /* in host memory (table.h) */
	bool inspects; /* opened for what its compiler says, not to run anything */
};

struct zinc_buf {
	struct zinc_dev *dev;
	VkBuffer handle;
	VkDeviceMemory memory;
	VkDeviceAddress address;
	uint64_t bytes;
	uint8_t *map; /* NULL where the host cannot see it */
};

struct zinc_timeline {
	struct zinc_dev *dev;
	VkSemaphore semaphore;
};

/* Bytes of a buffer that a dispatch reads or writes. */
struct rdna4_range {
	const struct zinc_buf *buf;
	uint64_t first, end;
	bool write;
};

/* One dispatch, as an op describes it. The arguments start with the 64-bit
 * address of the parameter slots, which rdna4_dispatch() fills in. */
struct rdna4_call {
	const char *shader; /* "rows/rmsnorm"; static */
	uint32_t spec[RDNA4_SPEC_MAX];
	uint32_t n_spec;
	uint32_t groups[3];
	void *args;
	uint32_t args_bytes, n_ranges;
	const void *more; /* what the call has in memory of its own, NULL: zeros; kernels
	                   * may write it, and it stays as they leave it. Its address
	                   * becomes the last 8 bytes of the arguments.              */
	uint32_t more_bytes;
	bool behind; /* what joins runs behind the rest of its dispatch */
	uint32_t signals; /* workgroups that signal in a chained list (chain.h); 0: all */
	uint64_t flops; /* about, where they are many: long lists are cut by them */
	struct rdna4_range ranges[RDNA4_RANGES_MAX];
};

/* Notes what the call reads and writes; absent views are passed over. */
void rdna4_reads(struct rdna4_call *call, const struct zinc_view *v);
void rdna4_writes(struct rdna4_call *call, const struct zinc_view *v);

/* Nothing recorded so far writes the view's buffer: what it holds is there before any
 * dispatch of the list runs. */
bool rdna4_is_input(const struct zinc_cmd *cmd, const struct zinc_view *v);

/* Appends a dispatch to the op being recorded. */
int rdna4_dispatch(struct zinc_cmd *cmd, struct rdna4_call *call);

/* What a record() function is: asks supports() and scratch(), then calls fn,
 * which dispatches. */
typedef int rdna4_record_fn(struct zinc_cmd *cmd, const void *desc, uint32_t variant);
int rdna4_record(struct zinc_cmd *cmd, const struct zinc_op_impl *op, const void *desc,
                 uint32_t variant, rdna4_record_fn *fn);

struct zinc_dev *rdna4_cmd_dev(const struct zinc_cmd *cmd);
/* All of the list's scratch memory as a view of bytes. */
struct zinc_view rdna4_cmd_scratch(const struct zinc_cmd *cmd);

/* The device's pack has this shader. */
bool rdna4_has_shader(const struct zinc_dev *dev, const char *name);

/* Fills err (NULL ok) and returns code. */
__attribute__((format(printf, 3, 4))) int rdna4_err(struct zinc_err *err, int code,
                                                    const char *fmt, ...);
/* The same from Vulkan's result; what: "allocating 12 MiB". */
int rdna4_vk_err(struct zinc_dev *dev, struct zinc_err *err, VkResult r, const char *what);
/* The same from a status; ZINC_OK is passed on. */
int rdna4_step_err(struct zinc_err *err, int code, const char *what);
/* Without a message. */
int rdna4_status(struct zinc_dev *dev, VkResult r);

void *rdna4_calloc(const struct zinc_host *host, size_t n, size_t bytes);
void rdna4_free(const struct zinc_host *host, void *p);

#endif
