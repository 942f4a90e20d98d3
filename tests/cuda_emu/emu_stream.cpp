/* emu_stream.cpp - the driver's streams, events and graphs.
 *
 * A stream is a queue with a thread of its own, so that a host that does not wait
 * for what it reads, or writes what is still being read, shows. With ZINC_EMU_SYNC=1
 * work is done when it is enqueued, which is quicker. */
#include "emu_driver.h"

#include <string.h>
#include <time.h>
#include <unistd.h>

#include <atomic>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <set>
#include <thread>

#include "emu.h"
#include "emu_run.h"

struct CUstream_st {
	std::mutex lock;
	std::condition_variable changed;
	std::deque<emu_work> queue;
	bool busy = false, stop = false, blocking = true;
	emu_works *captured = nullptr;
	bool counted = false; /* among the captures of a thread */
	std::thread thread;
};

struct CUevent_st {
	std::mutex lock;
	std::condition_variable changed;
	uint64_t recorded = 0, completed = 0;
	bool timed = true;
	double ms = 0;
};

struct CUgraph_st {
	std::shared_ptr<emu_works> works;
};

struct CUgraphExec_st {
	std::shared_ptr<emu_works> works;
};

static std::mutex streams_lock;

static std::set<CUstream> &streams()
{
	static auto *all = new std::set<CUstream>();

	return *all;
}

static void run_stream(CUstream s)
{
	std::unique_lock<std::mutex> hold(s->lock);

	for (;;) {
		s->changed.wait(hold, [&] { return s->stop || !s->queue.empty(); });
		if (s->queue.empty())
			return;
		emu_work work = std::move(s->queue.front());

		s->queue.pop_front();
		s->busy = true;
		hold.unlock();
		CUresult r = emu_lost() == CUDA_SUCCESS ? work() : CUDA_SUCCESS;

		if (r != CUDA_SUCCESS)
			emu_lose_device(r);
		work = nullptr;
		hold.lock();
		s->busy = false;
		s->changed.notify_all();
	}
}

static void drain(CUstream s)
{
	std::unique_lock<std::mutex> hold(s->lock);

	s->changed.wait(hold, [&] { return s->queue.empty() && !s->busy; });
}

static bool is_idle(CUstream s)
{
	std::lock_guard<std::mutex> hold(s->lock);

	return s->queue.empty() && !s->busy;
}

void emu_drain(bool all)
{
	std::lock_guard<std::mutex> hold(streams_lock);

	for (CUstream s : streams())
		if (all || s->blocking)
			drain(s);
}

bool emu_captures(CUstream stream)
{
	return emu_handle_is(EMU_STREAM, stream) && stream->captured;
}

static CUresult do_now(const emu_work &work)
{
	CUresult r = work();

	if (r != CUDA_SUCCESS)
		emu_lose_device(r);
	return r;
}

CUresult emu_enqueue(CUstream stream, const emu_work &work)
{
	static const bool sync = emu_setting("ZINC_EMU_SYNC", 0);

	if (!stream) {
		emu_drain(false);
		return do_now(work);
	}
	if (!emu_handle_is(EMU_STREAM, stream))
		return CUDA_ERROR_INVALID_HANDLE;
	std::unique_lock<std::mutex> hold(stream->lock);

	if (stream->captured) {
		stream->captured->push_back(work);
		return CUDA_SUCCESS;
	}
	if (sync) {
		hold.unlock();
		do_now(work);
		return CUDA_SUCCESS;
	}
	stream->queue.push_back(work);
	stream->changed.notify_all();
	return CUDA_SUCCESS;
}

EMU_EXPORT CUresult cuStreamCreate(CUstream *out, unsigned flags)
{
	EMU_ENTER(EMU_CONTEXT);
	CUstream s = new CUstream_st();
	std::lock_guard<std::mutex> hold(streams_lock);

	s->blocking = !(flags & CU_STREAM_NON_BLOCKING);
	s->thread = std::thread(run_stream, s);
	streams().insert(s);
	emu_handle_add(EMU_STREAM, s);
	*out = s;
	return CUDA_SUCCESS;
}

EMU_EXPORT CUresult cuStreamDestroy(CUstream s)
{
	CUresult entered = emu_enter(__func__, EMU_CONTEXT);

	if (entered != CUDA_SUCCESS && entered != emu_lost())
		return entered;
	if (!emu_handle_remove(EMU_STREAM, s))
		return CUDA_ERROR_INVALID_HANDLE;
	{
		std::lock_guard<std::mutex> all(streams_lock);
		std::lock_guard<std::mutex> hold(s->lock);

		streams().erase(s);
		s->stop = true;
		s->changed.notify_all();
	}
	s->thread.join();
	delete s;
	return entered;
}

/* A stream that may be waited for. */
static CUresult check_stream(CUstream s)
{
	if (s && !emu_handle_is(EMU_STREAM, s))
		return CUDA_ERROR_INVALID_HANDLE;
	return s && s->captured ? CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED : CUDA_SUCCESS;
}

EMU_EXPORT CUresult cuStreamSynchronize(CUstream s)
{
	EMU_ENTER(EMU_CONTEXT);
	CUresult r = check_stream(s);

	if (r != CUDA_SUCCESS)
		return r;
	if (s)
		drain(s);
	else
		emu_drain(false);
	return emu_lost();
}

EMU_EXPORT CUresult cuStreamQuery(CUstream s)
{
	EMU_ENTER(EMU_CONTEXT);
	CUresult r = check_stream(s);

	if (r != CUDA_SUCCESS || !s)
		return r;
	return is_idle(s) ? emu_lost() : CUDA_ERROR_NOT_READY;
}

EMU_EXPORT CUresult cuStreamWriteValue64(CUstream s, CUdeviceptr to, cuuint64_t value, unsigned)
{
	EMU_ENTER(EMU_CONTEXT);
	if (to % 8 || !emu_is_device(to, 8))
		return CUDA_ERROR_INVALID_VALUE;
	return emu_enqueue(s, [=] {
		__atomic_store_n(reinterpret_cast<uint64_t *>(to), value, __ATOMIC_SEQ_CST);
		return CUDA_SUCCESS;
	});
}

static bool holds(uint64_t have, uint64_t want, unsigned flags)
{
	switch (flags & 3) {
	case CU_STREAM_WAIT_VALUE_GEQ: return static_cast<int64_t>(have - want) >= 0;
	case CU_STREAM_WAIT_VALUE_EQ: return have == want;
	case CU_STREAM_WAIT_VALUE_AND: return (have & want) != 0;
	default: return ~(have | want) != 0;
	}
}

EMU_EXPORT CUresult cuStreamWaitValue64(CUstream s, CUdeviceptr at, cuuint64_t value, unsigned flags)
{
	EMU_ENTER(EMU_CONTEXT);
	if (at % 8 || !emu_is_device(at, 8))
		return CUDA_ERROR_INVALID_VALUE;
	return emu_enqueue(s, [=] {
		const uint64_t *p = reinterpret_cast<const uint64_t *>(at);

		while (!holds(__atomic_load_n(p, __ATOMIC_SEQ_CST), value, flags) &&
		       emu_lost() == CUDA_SUCCESS)
			usleep(100);
		return CUDA_SUCCESS;
	});
}

EMU_EXPORT CUresult cuEventCreate(CUevent *out, unsigned flags)
{
	EMU_ENTER(EMU_CONTEXT);
	*out = new CUevent_st();
	(*out)->timed = !(flags & CU_EVENT_DISABLE_TIMING);
	emu_handle_add(EMU_EVENT, *out);
	return CUDA_SUCCESS;
}

EMU_EXPORT CUresult cuEventDestroy(CUevent e)
{
	CUresult entered = emu_enter(__func__, EMU_CONTEXT);

	if (entered != CUDA_SUCCESS && entered != emu_lost())
		return entered;
	if (!emu_handle_remove(EMU_EVENT, e))
		return CUDA_ERROR_INVALID_HANDLE;
	emu_drain(true);
	delete e;
	return entered;
}

static CUresult complete(CUevent e, uint64_t turn)
{
	std::lock_guard<std::mutex> hold(e->lock);
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	e->ms = static_cast<double>(t.tv_sec) * 1e3 + static_cast<double>(t.tv_nsec) * 1e-6;
	e->completed = turn;
	e->changed.notify_all();
	return CUDA_SUCCESS;
}

EMU_EXPORT CUresult cuEventRecord(CUevent e, CUstream s)
{
	EMU_ENTER(EMU_CONTEXT);
	uint64_t turn;

	if (!emu_handle_is(EMU_EVENT, e))
		return CUDA_ERROR_INVALID_HANDLE;
	if (s && emu_captures(s))
		return CUDA_ERROR_NOT_SUPPORTED;
	{
		std::lock_guard<std::mutex> hold(e->lock);

		turn = ++e->recorded;
	}
	return emu_enqueue(s, [=] { return complete(e, turn); });
}

static CUresult wait_for(CUevent e, uint64_t turn)
{
	std::unique_lock<std::mutex> hold(e->lock);

	while (e->completed < turn && emu_lost() == CUDA_SUCCESS)
		e->changed.wait_for(hold, std::chrono::milliseconds(10));
	return CUDA_SUCCESS;
}

EMU_EXPORT CUresult cuStreamWaitEvent(CUstream s, CUevent e, unsigned)
{
	EMU_ENTER(EMU_CONTEXT);
	uint64_t turn;

	if (!emu_handle_is(EMU_EVENT, e))
		return CUDA_ERROR_INVALID_HANDLE;
	if (s && emu_captures(s))
		return CUDA_ERROR_NOT_SUPPORTED;
	{
		std::lock_guard<std::mutex> hold(e->lock);

		turn = e->recorded;
	}
	return emu_enqueue(s, [=] { return wait_for(e, turn); });
}

EMU_EXPORT CUresult cuEventSynchronize(CUevent e)
{
	EMU_ENTER(EMU_CONTEXT);
	if (!emu_handle_is(EMU_EVENT, e))
		return CUDA_ERROR_INVALID_HANDLE;
	wait_for(e, e->recorded);
	return emu_lost();
}

EMU_EXPORT CUresult cuEventQuery(CUevent e)
{
	EMU_ENTER(EMU_CONTEXT);
	if (!emu_handle_is(EMU_EVENT, e))
		return CUDA_ERROR_INVALID_HANDLE;
	std::lock_guard<std::mutex> hold(e->lock);

	return e->completed == e->recorded ? CUDA_SUCCESS : CUDA_ERROR_NOT_READY;
}

EMU_EXPORT CUresult cuEventElapsedTime(float *ms, CUevent from, CUevent to)
{
	EMU_ENTER(EMU_CONTEXT);
	for (CUevent e : {from, to}) {
		if (!emu_handle_is(EMU_EVENT, e) || !e->timed || !e->recorded)
			return CUDA_ERROR_INVALID_HANDLE;
		std::lock_guard<std::mutex> hold(e->lock);

		if (e->completed != e->recorded)
			return CUDA_ERROR_NOT_READY;
	}
	*ms = static_cast<float>(to->ms - from->ms);
	return CUDA_SUCCESS;
}

EMU_EXPORT CUresult cuStreamBeginCapture(CUstream s, CUstreamCaptureMode mode)
{
	EMU_ENTER(EMU_CONTEXT);
	if (!emu_handle_is(EMU_STREAM, s))
		return CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED;
	if (s->captured)
		return CUDA_ERROR_ILLEGAL_STATE;
	std::lock_guard<std::mutex> hold(s->lock);

	s->captured = new emu_works();
	s->counted = mode != CU_STREAM_CAPTURE_MODE_RELAXED;
	emu_thread.n_captures += s->counted;
	return CUDA_SUCCESS;
}

EMU_EXPORT CUresult cuStreamEndCapture(CUstream s, CUgraph *out)
{
	CUresult entered = emu_enter(__func__, EMU_CONTEXT);

	*out = nullptr;
	if (!emu_captures(s))
		return CUDA_ERROR_ILLEGAL_STATE;
	std::lock_guard<std::mutex> hold(s->lock);
	std::shared_ptr<emu_works> works(s->captured);

	s->captured = nullptr;
	emu_thread.n_captures -= s->counted;
	if (entered != CUDA_SUCCESS)
		return entered;
	*out = new CUgraph_st{works};
	emu_handle_add(EMU_GRAPH, *out);
	return CUDA_SUCCESS;
}

EMU_EXPORT CUresult cuGraphDestroy(CUgraph g)
{
	CUresult entered = emu_enter(__func__, EMU_CONTEXT);

	if (!emu_handle_remove(EMU_GRAPH, g))
		return CUDA_ERROR_INVALID_VALUE;
	delete g;
	return entered;
}

EMU_EXPORT CUresult cuGraphInstantiate(CUgraphExec *out, CUgraph g, unsigned long long)
{
	EMU_ENTER(EMU_CONTEXT);
	if (!emu_handle_is(EMU_GRAPH, g))
		return CUDA_ERROR_INVALID_VALUE;
	*out = new CUgraphExec_st{g->works};
	emu_handle_add(EMU_GRAPH_EXEC, *out);
	return CUDA_SUCCESS;
}

EMU_EXPORT CUresult cuGraphExecDestroy(CUgraphExec g)
{
	CUresult entered = emu_enter(__func__, EMU_CONTEXT);

	if (!emu_handle_remove(EMU_GRAPH_EXEC, g))
		return CUDA_ERROR_INVALID_VALUE;
	delete g;
	return entered;
}

EMU_EXPORT CUresult cuGraphLaunch(CUgraphExec g, CUstream s)
{
	EMU_ENTER(EMU_CONTEXT);
	if (!emu_handle_is(EMU_GRAPH_EXEC, g))
		return CUDA_ERROR_INVALID_VALUE;
	std::shared_ptr<emu_works> works = g->works;

	return emu_enqueue(s, [works] {
		for (const emu_work &work : *works) {
			CUresult r = work();

			if (r != CUDA_SUCCESS)
				return r;
		}
		return CUDA_SUCCESS;
	});
}
