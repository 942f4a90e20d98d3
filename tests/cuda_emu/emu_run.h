/* emu_run.h - between the parts of the emulation that run kernels. */
#ifndef EMU_RUN_H
#define EMU_RUN_H

#include "emu_fiber.h"

/* emu_fiber.cpp */
void emu_block_create(struct emu_block *b);
void emu_block_run(struct emu_block *b);

/* What the emulation keeps per operating system thread. All thread-local variables
 * that start as zeros are taken for shared memory of kernels and poisoned, so
 * there is no other one, and this one has a member that is never 0. */
struct emu_thread {
	uint32_t mark;
	struct emu_block *block; /* that it runs */
	unsigned char *shared;   /* its __shared__ variables, once looked for */
	size_t shared_bytes;
	void *context;       /* cuCtxSetCurrent()                     */
	uint32_t n_captures; /* streams that it captures              */
};
extern __thread struct emu_thread emu_thread;

/* emu_shared.cpp: shared memory that holds rubbish. */
struct emu_shared;
struct emu_shared *emu_shared_create();
/* Before and after each block, and after the last block of a launch. */
void emu_shared_begin(struct emu_shared *s, struct emu_block *b);
void emu_shared_end(struct emu_shared *s, struct emu_block *b);
void emu_shared_leave(struct emu_shared *s, const struct emu_kernel *k);

/* emu_fault.cpp: faults of kernels end the process with a message. */
void emu_fault_watch();

/* emu_arena.cpp: what lies at an address, for messages. */
void emu_describe_address(uintptr_t at, char *text, size_t room);

/* A number from the environment. */
long emu_setting(const char *name, long otherwise);

#endif
