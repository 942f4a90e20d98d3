/* emu_state.cpp - what is the same for all driver functions: errors, failures on
 * request, handles.
 *
 * ZINC_EMU_FAIL=WHAT:K[+][:ERROR][,...] lets the K-th (and with + every later) call
 * of the driver function WHAT return ERROR, CUDA_ERROR_ left off, OUT_OF_MEMORY if
 * not given. WHAT "kernel" is a kernel that fails while it runs, so that the stream
 * learns of it. After an error like LAUNCH_FAILED the device is lost. */
#include "emu_driver.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <atomic>
#include <map>
#include <mutex>
#include <set>
#include <string>

#include "emu.h"
#include "emu_run.h"

/* The driver's text for each error that this one returns. */
static const struct error {
	CUresult code;
	const char *name, *text;
} ERRORS[] = {
#define ERROR(name, text) {CUDA_ERROR_##name, "CUDA_ERROR_" #name, text}
        {CUDA_SUCCESS, "CUDA_SUCCESS", "no error"},
        ERROR(INVALID_VALUE, "invalid argument"),
        ERROR(OUT_OF_MEMORY, "out of memory"),
        ERROR(NOT_INITIALIZED, "initialization error"),
        ERROR(DEINITIALIZED, "driver shutting down"),
        ERROR(NO_DEVICE, "no CUDA-capable device is detected"),
        ERROR(INVALID_DEVICE, "invalid device ordinal"),
        ERROR(INVALID_CONTEXT, "invalid device context"),
        ERROR(NO_BINARY_FOR_GPU, "no kernel image is available for execution on the device"),
        ERROR(UNSUPPORTED_PTX_VERSION, "the provided PTX was compiled with an unsupported toolchain."),
        ERROR(ECC_UNCORRECTABLE, "uncorrectable ECC error encountered"),
        ERROR(INVALID_IMAGE, "device kernel image is invalid"),
        ERROR(INVALID_HANDLE, "invalid resource handle"),
        ERROR(NOT_FOUND, "named symbol not found"),
        ERROR(NOT_READY, "device not ready"),
        ERROR(ILLEGAL_ADDRESS, "an illegal memory access was encountered"),
        ERROR(LAUNCH_OUT_OF_RESOURCES, "too many resources requested for launch"),
        ERROR(LAUNCH_TIMEOUT, "the launch timed out and was terminated"),
        ERROR(LAUNCH_FAILED, "unspecified launch failure"),
        ERROR(NOT_SUPPORTED, "operation not supported"),
        ERROR(SYSTEM_DRIVER_MISMATCH, "system has unsupported display driver / cuda driver combination"),
        ERROR(STREAM_CAPTURE_UNSUPPORTED, "operation not permitted when stream is capturing"),
        ERROR(STREAM_CAPTURE_INVALIDATED, "operation failed due to a previous error during capture"),
        ERROR(ILLEGAL_STATE, "the operation cannot be performed in the present state"),
        ERROR(UNKNOWN, "unknown error"),
#undef ERROR
};

static const struct error *find_error(CUresult code)
{
	for (const struct error &e : ERRORS)
		if (e.code == code)
			return &e;
	return nullptr;
}

EMU_EXPORT CUresult cuGetErrorName(CUresult code, const char **out)
{
	const struct error *e = find_error(code);

	*out = e ? e->name : nullptr;
	return e ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE;
}

EMU_EXPORT CUresult cuGetErrorString(CUresult code, const char **out)
{
	const struct error *e = find_error(code);

	*out = e ? e->text : nullptr;
	return e ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE;
}

static CUresult error_of_name(const char *name, size_t n)
{
	const size_t prefix = strlen("CUDA_ERROR_");

	for (const struct error &e : ERRORS)
		if (strlen(e.name) == prefix + n && !strncmp(e.name + prefix, name, n))
			return e.code;
	emu_die("ZINC_EMU_FAIL: unknown error %.*s", static_cast<int>(n), name);
}

/* Does "WHAT:K[+][:ERROR]" mean call number `call` of `what`? */
static CUresult rule_result(const char *rule, size_t n, const char *what, long call)
{
	const size_t n_what = strlen(what);
	char *rest;
	long k;

	if (n <= n_what || strncmp(rule, what, n_what) || rule[n_what] != ':')
		return CUDA_SUCCESS;
	k = strtol(rule + n_what + 1, &rest, 10);
	if (*rest == '+' ? call < k : call != k)
		return CUDA_SUCCESS;
	rest += *rest == '+';
	if (*rest != ':')
		return CUDA_ERROR_OUT_OF_MEMORY;
	return error_of_name(rest + 1, static_cast<size_t>(rule + n - rest - 1));
}

CUresult emu_injected(const char *what)
{
	static std::mutex *lock = new std::mutex();
	static auto *calls = new std::map<std::string, long>();
	const char *rule = getenv("ZINC_EMU_FAIL");
	std::lock_guard<std::mutex> hold(*lock);
	long call;

	if (!rule)
		return CUDA_SUCCESS;
	call = ++(*calls)[what];
	while (*rule) {
		size_t n = strcspn(rule, ",");
		CUresult r = rule_result(rule, n, what, call);

		if (r != CUDA_SUCCESS)
			return r;
		rule += n + (rule[n] == ',');
	}
	return CUDA_SUCCESS;
}

static std::atomic<int> lost;
static std::atomic<bool> initialised;

/* Errors after which a context is of no use. */
static bool is_fatal(CUresult r)
{
	return r == CUDA_ERROR_LAUNCH_FAILED || r == CUDA_ERROR_ILLEGAL_ADDRESS ||
	       r == CUDA_ERROR_ECC_UNCORRECTABLE || r == CUDA_ERROR_LAUNCH_TIMEOUT ||
	       r == CUDA_ERROR_UNKNOWN;
}

void emu_lose_device(CUresult why)
{
	int none = CUDA_SUCCESS;

	lost.compare_exchange_strong(none, why);
}

CUresult emu_lost()
{
	return static_cast<CUresult>(lost.load());
}

/* "cuMemAlloc_v2" is cuMemAlloc to whoever asks for its failure. */
static CUresult injected_into(const char *function)
{
	std::string name = function;
	size_t version = name.rfind("_v");

	if (version != std::string::npos)
		name.resize(version);
	if (name == "cuGraphInstantiateWithFlags")
		name = "cuGraphInstantiate";
	return emu_injected(name.c_str());
}

CUresult emu_enter(const char *function, enum emu_needs needs)
{
	CUresult r = injected_into(function);

	if (is_fatal(r))
		emu_lose_device(r);
	if (r != CUDA_SUCCESS)
		return r;
	if (needs != EMU_NOTHING && !initialised)
		return CUDA_ERROR_NOT_INITIALIZED;
	if (needs < EMU_CONTEXT)
		return CUDA_SUCCESS;
	if (!emu_thread.context)
		return CUDA_ERROR_INVALID_CONTEXT;
	if (emu_lost() != CUDA_SUCCESS)
		return emu_lost();
	if (needs == EMU_NO_CAPTURE && emu_thread.n_captures)
		return CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED;
	return CUDA_SUCCESS;
}

EMU_EXPORT CUresult cuInit(unsigned flags)
{
	EMU_ENTER(EMU_NOTHING);
	if (flags)
		return CUDA_ERROR_INVALID_VALUE;
	if (!emu_setting("ZINC_EMU_DEVICES", 1))
		return CUDA_ERROR_NO_DEVICE;
	initialised = true;
	return CUDA_SUCCESS;
}

static std::mutex handles_lock;

static std::set<const void *> *handles()
{
	static auto *all = new std::set<const void *>[EMU_KINDS];

	return all;
}

void emu_handle_add(enum emu_kind kind, const void *handle)
{
	std::lock_guard<std::mutex> hold(handles_lock);

	handles()[kind].insert(handle);
}

bool emu_handle_remove(enum emu_kind kind, const void *handle)
{
	std::lock_guard<std::mutex> hold(handles_lock);

	return handles()[kind].erase(handle) == 1;
}

bool emu_handle_is(enum emu_kind kind, const void *handle)
{
	std::lock_guard<std::mutex> hold(handles_lock);

	return handles()[kind].count(handle) == 1;
}

void emu_handles_clear()
{
	static const char *const NAMES[EMU_KINDS] = {"streams", "events", "modules", "graphs",
	                                             "executable graphs"};
	std::lock_guard<std::mutex> hold(handles_lock);

	for (int kind = 0; kind < EMU_KINDS; kind++) {
		if (!handles()[kind].empty())
			fprintf(stderr, "cuda emulation: the context goes with %zu %s left\n",
			        handles()[kind].size(), NAMES[kind]);
		handles()[kind].clear();
	}
	lost = CUDA_SUCCESS;
}
