/* emu_switch.h - from one stack to another, in assembly for want of a portable
 * way without system calls. */
#ifndef EMU_SWITCH_H
#define EMU_SWITCH_H

#include <stdint.h>

/* Saves this stack's place in *from and goes on at `to`. */
extern "C" void emu_switch(void **from, void *to);

#if defined(__x86_64__)

enum { EMU_SAVED = 6 }; /* registers under the return address */

asm(R"(
	.text
	.p2align 4
	.hidden emu_switch
	.globl emu_switch
	.type emu_switch, @function
emu_switch:
	pushq %rbp
	pushq %rbx
	pushq %r12
	pushq %r13
	pushq %r14
	pushq %r15
	movq %rsp, (%rdi)
	movq %rsi, %rsp
	popq %r15
	popq %r14
	popq %r13
	popq %r12
	popq %rbx
	popq %rbp
	ret
	.size emu_switch, . - emu_switch
)");

/* A stack that begins with `entry` when it is switched to; top is 16-aligned. */
static inline void *emu_new_stack(void *top, void (*entry)())
{
	void **sp = static_cast<void **>(top);

	*--sp = nullptr; /* entry's return address: none */
	*--sp = reinterpret_cast<void *>(entry);
	for (int i = 0; i < EMU_SAVED; i++)
		*--sp = nullptr;
	return sp;
}

#elif defined(__aarch64__)

asm(R"(
	.text
	.p2align 4
	.hidden emu_switch
	.globl emu_switch
	.type emu_switch, %function
emu_switch:
	stp x29, x30, [sp, #-160]!
	stp x19, x20, [sp, #16]
	stp x21, x22, [sp, #32]
	stp x23, x24, [sp, #48]
	stp x25, x26, [sp, #64]
	stp x27, x28, [sp, #80]
	stp d8, d9, [sp, #96]
	stp d10, d11, [sp, #112]
	stp d12, d13, [sp, #128]
	stp d14, d15, [sp, #144]
	mov x2, sp
	str x2, [x0]
	mov sp, x1
	ldp x19, x20, [sp, #16]
	ldp x21, x22, [sp, #32]
	ldp x23, x24, [sp, #48]
	ldp x25, x26, [sp, #64]
	ldp x27, x28, [sp, #80]
	ldp d8, d9, [sp, #96]
	ldp d10, d11, [sp, #112]
	ldp d12, d13, [sp, #128]
	ldp d14, d15, [sp, #144]
	ldp x29, x30, [sp], #160
	ret
	.size emu_switch, . - emu_switch
)");

static inline void *emu_new_stack(void *top, void (*entry)())
{
	void **sp = static_cast<void **>(top) - 20;

	for (int i = 0; i < 20; i++)
		sp[i] = nullptr;
	sp[1] = reinterpret_cast<void *>(entry);
	return sp;
}

#else
#error "the emulation of CUDA switches stacks on x86-64 and AArch64 only"
#endif
#endif
