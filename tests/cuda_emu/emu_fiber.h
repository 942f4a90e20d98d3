/* emu_fiber.h - the threads of a block as fibers.
 *
 * A fiber runs until it waits: at a barrier, or in a warp-wide function for the
 * other lanes. Who runs next is random. When nobody can run, the kernel has
 * deadlocked, which is reported and ends the process, as is every other use that
 * CUDA leaves undefined and that is noticed. */
#ifndef EMU_FIBER_H
#define EMU_FIBER_H

enum { EMU_STACK = 1 << 16, EMU_FIBER_ROOM = 512, EMU_MAX_THREADS = 1024, EMU_BARRIERS = 16 };

/* Registered by ADA_KERNEL. */
struct emu_kernel {
	const char *name;
	uint32_t args_size, max_threads, min_blocks;
	void (*run)(const void *args);
};

/* What the lanes of a warp do together once all have come: args[lane] is what
 * that lane handed in. */
typedef void emu_together(void *const args[32], uint32_t mask);

struct emu_meeting {
	emu_together *what;
	uint32_t mask, arrived;
};

struct emu_warp {
	uint32_t ready;  /* lanes that can run        */
	uint32_t exited; /* lanes that have returned  */
	uint32_t exists;
	uint32_t n_meetings;
	struct emu_meeting meetings[32];
	void *args[32];
};

struct emu_barrier {
	uint32_t arrived, wanted; /* wanted 0: all that have not returned */
	int count, result;        /* of the predicate, and of the last time */
	uint32_t waiting[32];     /* lanes, by warp */
};

struct emu_block {
	uint3 index;
	dim3 dim, grid;
	unsigned char *dyn_shared;
	uint32_t dyn_bytes;
	const struct emu_kernel *kernel;
	const void *args;
	uint32_t n_threads, n_live;
	uint32_t ready; /* warps with lanes that can run */
	uint64_t random;
	uint32_t turn; /* the lane whose turn it is next, if it can */
	void *outside; /* the stack pointer of who runs the block */
	struct emu_fiber *running;
	bool waited; /* some thread has called ada_wait_inputs() */
	struct emu_warp warps[32];
	struct emu_barrier barriers[EMU_BARRIERS];
	struct emu_fiber *fibers[EMU_MAX_THREADS];
	unsigned char *stacks;
};

/* A cp.async that has not happened yet. */
struct emu_copy {
	void *to;
	const void *from;
	uint32_t bytes, copied; /* written; read of them, the rest is zeros */
};

/* Lies at the top of its own stack, so that a thread finds itself. */
struct emu_fiber {
	void *stack_pointer;
	struct emu_block *block;
	uint3 thread;
	uint32_t index, warp, lane;
	const char *waits_for;
	std::vector<struct emu_copy> *copies;   /* in order of issue           */
	std::vector<uint32_t> *groups;          /* copies in each, the open one last */
};
static_assert(sizeof(struct emu_fiber) <= EMU_FIBER_ROOM, "a fiber fits above its stack");

static inline struct emu_fiber *emu_self()
{
	uintptr_t stack = reinterpret_cast<uintptr_t>(__builtin_frame_address(0)) / EMU_STACK;

	return reinterpret_cast<struct emu_fiber *>((stack + 1) * EMU_STACK - EMU_FIBER_ROOM);
}

bool emu_kernel_add(const struct emu_kernel &k);
const struct emu_kernel *emu_kernel_find(const char *name);

/* Runs all blocks of a launch. */
struct emu_launch {
	const struct emu_kernel *kernel;
	const void *args;
	dim3 grid, block;
	uint32_t dyn_bytes;
};
void emu_run(const struct emu_launch &l);

/* What every lane of `mask` calls, with its own arg; `what` runs once. */
void emu_meet(emu_together *what, const char *name, uint32_t mask, void *arg);
/* Barrier `id` of the block, for `threads` of it (0: all that have not returned).
 * Returns in how many threads the predicate held. */
int emu_barrier_wait(uint32_t id, uint32_t threads, bool predicate);
/* Ends the process with one line that names kernel, block and thread. */
[[noreturn]] __attribute__((format(printf, 1, 2))) void emu_die(const char *fmt, ...);
/* Is [p, p + n) in this block's shared memory? */
bool emu_is_shared(const void *p, size_t n);

static inline void __syncthreads()
{
	emu_barrier_wait(0, 0, false);
}

static inline int __syncthreads_count(int predicate)
{
	return emu_barrier_wait(0, 0, predicate != 0);
}

static inline int __syncthreads_or(int predicate)
{
	return emu_barrier_wait(0, 0, predicate != 0) != 0;
}

static inline int __syncthreads_and(int predicate)
{
	return emu_barrier_wait(0, 0, predicate == 0) == 0;
}

#endif
