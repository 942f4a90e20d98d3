/* emu_fault.cpp - what a kernel does wrong, told with its name, block and thread:
 * faults of the processor, and the checks that the compiler put into kernels
 * (-fsanitize=alignment,bounds), whose reporting functions are here. */
#include "emu.h"

#include <signal.h>
#include <stdlib.h>
#include <ucontext.h>

#include <mutex>

#include "emu_run.h"

static struct sigaction before[NSIG];

static const char *how(int sig, const void *context)
{
#if defined(__x86_64__)
	const ucontext_t *u = static_cast<const ucontext_t *>(context);

	if (sig == SIGSEGV || sig == SIGBUS)
		return u->uc_mcontext.gregs[REG_ERR] & 2 ? "writes at" : "reads at";
#else
	(void)context;
#endif
	return sig == SIGFPE ? "divides by zero at" : sig == SIGILL ? "reaches a trap at"
	                                                            : "faults at";
}

static void on_fault(int sig, siginfo_t *info, void *context)
{
	char text[256] = "";

	if (!emu_thread.block) {
		sigaction(sig, &before[sig], nullptr);
		return;
	}
	if (sig == SIGSEGV || sig == SIGBUS)
		emu_describe_address(reinterpret_cast<uintptr_t>(info->si_addr), text, sizeof(text));
	emu_die("%s %p%s", how(sig, context), info->si_addr, text);
}

static void watch_process()
{
	struct sigaction sa = {};

	sa.sa_sigaction = on_fault;
	sa.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER;
	for (int sig : {SIGSEGV, SIGBUS, SIGFPE, SIGILL})
		sigaction(sig, &sa, &before[sig]);
}

/* A fiber's stack may be what is wrong: handlers get one of their own. */
void emu_fault_watch()
{
	static std::once_flag once;
	const size_t room = 64 << 10;
	stack_t have = {};

	std::call_once(once, watch_process);
	if (sigaltstack(nullptr, &have) || !(have.ss_flags & SS_DISABLE))
		return;
	have.ss_sp = malloc(room);
	have.ss_size = room;
	have.ss_flags = 0;
	if (have.ss_sp)
		sigaltstack(&have, nullptr);
}

/* The structures that gcc and clang pass to these functions. */
struct san_place {
	const char *file;
	uint32_t line, column;
};

struct san_mismatch {
	struct san_place place;
	const void *type;
	unsigned char log_align, kind;
};

struct san_bounds {
	struct san_place place;
	const void *array_type, *index_type;
};

extern "C" void __ubsan_handle_type_mismatch_v1_abort(struct san_mismatch *m, uintptr_t at)
{
	emu_die("%s:%u: %p is not aligned to %u bytes", m->place.file, m->place.line,
	        reinterpret_cast<void *>(at), 1u << m->log_align);
}

extern "C" void __ubsan_handle_out_of_bounds_abort(struct san_bounds *o, uintptr_t index)
{
	emu_die("%s:%u: index %ld is outside the array", o->place.file, o->place.line,
	        static_cast<long>(index));
}
