/* emu_driver.h - between the parts of the stand-in for the CUDA driver. */
#ifndef EMU_DRIVER_H
#define EMU_DRIVER_H

#include <cuda.h>

#include <functional>
#include <memory>
#include <vector>

#define EMU_EXPORT extern "C" __attribute__((visibility("default")))

/* What a function needs to have happened before. */
enum emu_needs { EMU_NOTHING, EMU_INIT, EMU_CONTEXT, EMU_NO_CAPTURE };

/* What each function begins with: is it to fail (ZINC_EMU_FAIL), is the device
 * lost, is what it needs there? EMU_NO_CAPTURE: a context, and this thread captures
 * no stream. */
CUresult emu_enter(const char *function, enum emu_needs needs);

#define EMU_ENTER(needs)                                                                           \
	do {                                                                                       \
		CUresult entered = emu_enter(__func__, needs);                                     \
		if (entered != CUDA_SUCCESS)                                                       \
			return entered;                                                            \
	} while (0)

/* Is the next run of `what` ("kernel", or a function) to fail, and how? */
EMU_EXPORT CUresult emu_injected(const char *what);
/* The error of an asynchronous piece of work; every later call reports it. */
void emu_lose_device(CUresult why);
CUresult emu_lost();

/* Handles that are alive, by what they are. */
enum emu_kind { EMU_STREAM, EMU_EVENT, EMU_MODULE, EMU_GRAPH, EMU_GRAPH_EXEC, EMU_KINDS };
void emu_handle_add(enum emu_kind kind, const void *handle);
bool emu_handle_remove(enum emu_kind kind, const void *handle);
bool emu_handle_is(enum emu_kind kind, const void *handle);
/* Forgets all of them; writes a line per kind that was left. */
void emu_handles_clear();

/* One piece of work of a stream. */
typedef std::function<CUresult()> emu_work;
typedef std::vector<emu_work> emu_works;

/* Runs it after what is on the stream already, or adds it to what the stream
 * captures. NULL: the legacy stream, complete on return. */
EMU_EXPORT CUresult emu_enqueue(CUstream stream, const emu_work &work);
bool emu_captures(CUstream stream);
/* Waits for all streams; for those that are not CU_STREAM_NON_BLOCKING only. */
void emu_drain(bool all);

EMU_EXPORT bool emu_is_device(CUdeviceptr p, size_t n);
bool emu_is_pinned(const void *p, size_t n);

int emu_compute_capability();

#endif
