/* cmd.c - recording: launches with copies of their arguments, captured into one
 * CUDA graph when the list ends.
 *
 * A list with ZINC_CMD_PROFILE keeps an event before each op instead and is
 * launched piece by piece. */
#include "device.h"

#include <stdio.h>
#include <string.h>

#include "blas.h"
#include "dense.h"
#include "table.h"

enum { ARGS_ALIGN = 16 };

enum item_kind { ITEM_LAUNCH, ITEM_GEMM, ITEM_ZERO };

struct item {
	enum item_kind kind;
	uint32_t op;      /* index of the op in the list       */
	uint32_t last_op; /* of the last op whose work it does */
	struct ada_function *f;
	struct ada_launch launch; /* args: set when enqueued, the blob may move */
	uint64_t args;            /* offset in the blob                         */
	struct ada_gemm gemm;
	struct ada_dense *unless; /* LAUNCH: left out while it exists */
	uint64_t address, bytes; /* ZERO */
};

struct list {
	void *mem;
	uint64_t used, room;
};

/* Rows of a table in host memory that the list reads, by ids that the host wrote. */
struct want {
	uint64_t place, off;
	const struct zinc_buf *ids;
	struct zinc_u32 n;
};

struct zinc_cmd {
	struct zinc_dev *dev;
	struct zinc_buf *scratch;
	uint32_t flags, n_ops;
	bool ended;
	const struct zinc_op_impl *op; /* being recorded */
	struct list items, blob, wants;
	CUgraphExec graph;
	bool has_dense;
	uint64_t generation; /* of dense copies, when captured */
	CUevent *events; /* n_ops + 1, with ZINC_CMD_PROFILE */
	struct zinc_err err;
};

/* Room for n more bytes; NULL when memory is out, nothing changed. */
static void *list_add(const struct zinc_host *host, struct list *l, uint64_t n)
{
	uint64_t room = l->room ? l->room : 4096;
	void *at, *bigger;

	while (room < l->used + n)
		room *= 2;
	if (room != l->room) {
		bigger = host->alloc(host->ctx, room, ARGS_ALIGN);
		if (!bigger)
			return NULL;
		if (l->used)
			memcpy(bigger, l->mem, l->used);
		host->free(host->ctx, l->mem);
		l->mem = bigger;
		l->room = room;
	}
	at = (uint8_t *)l->mem + l->used;
	l->used += n;
	return at;
}

int ada_cmd_begin(struct zinc_dev *dev, uint32_t flags, struct zinc_buf *scratch,
                  struct zinc_cmd **out, struct zinc_err *err)
{
	struct zinc_cmd *cmd;

	if (flags & ~ZINC_CMD_PROFILE)
		return ada_err(err, ZINC_E_UNSUPPORTED, "unknown command list flags %#x", flags);
	if (ada_enter(dev))
		return ada_err(err, ZINC_E_DEVICE_LOST, "the GPU is lost; restart the program");
	cmd = dev->host->alloc(dev->host->ctx, sizeof(*cmd), _Alignof(struct zinc_cmd));
	if (!cmd)
		return ada_err(err, ZINC_E_NO_MEMORY, "no memory for a command list");
	memset(cmd, 0, sizeof(*cmd));
	cmd->dev = dev;
	cmd->scratch = scratch;
	cmd->flags = flags;
	*out = cmd;
	return ZINC_OK;
}

int ada_op_begin(struct zinc_cmd *cmd, const struct zinc_op_impl *op, const void *desc,
                 uint32_t variant)
{
	uint64_t have = cmd->scratch ? cmd->scratch->bytes : 0;

	if (cmd->err.code)
		return cmd->err.code;
	cmd->op = op;
	if (cmd->ended)
		return ada_err(&cmd->err, ZINC_E_INVALID, "%s recorded after cmd_end()", op->name);
	if (op->supports(cmd->dev, desc, variant) != ZINC_OK)
		return ada_err(&cmd->err, ZINC_E_UNSUPPORTED,
		               "%s, op %u of the list, was recorded though supports() declines it",
		               op->name, cmd->n_ops);
	if (op->scratch && op->scratch(cmd->dev, desc, variant) > have)
		return ada_err(&cmd->err, ZINC_E_INVALID,
		               "%s, op %u of the list, needs more than the %llu bytes of scratch "
		               "memory given to cmd_begin()", op->name, cmd->n_ops,
		               (unsigned long long)have);
	cmd->n_ops++;
	return ZINC_OK;
}

static struct item *add_item(struct zinc_cmd *cmd, enum item_kind kind)
{
	struct item *it;

	if (cmd->err.code)
		return NULL;
	it = list_add(cmd->dev->host, &cmd->items, sizeof(*it));
	if (!it) {
		ada_err(&cmd->err, ZINC_E_NO_MEMORY, "no memory to record %s, op %u of the list",
		        cmd->op->name, cmd->n_ops - 1);
		return NULL;
	}
	memset(it, 0, sizeof(*it));
	it->kind = kind;
	it->op = it->last_op = cmd->n_ops - 1;
	return it;
}

/* Dynamic shared memory past the default needs a permission per kernel. */
static int allow_smem(struct zinc_cmd *cmd, struct ada_function *f, const struct ada_launch *l)
{
	CUresult r;

	if (l->smem <= f->smem_set)
		return ZINC_OK;
	r = cmd->dev->drv->cuFuncSetAttribute(f->f, CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES,
	                                      (int)l->smem);
	if (r != CUDA_SUCCESS)
		return ada_dev_err(cmd->dev, &cmd->err, r, l->kernel);
	f->smem_set = l->smem;
	return ZINC_OK;
}

int ada_launch(struct zinc_cmd *cmd, const struct ada_launch *l)
{
	uint64_t n = (l->args_size + ARGS_ALIGN - 1) / ARGS_ALIGN * ARGS_ALIGN;
	struct ada_function *f = NULL;
	struct item *it;
	void *args;

	if (cmd->err.code || ada_kernel_find(cmd->dev, l->kernel, &f, &cmd->err) ||
	    allow_smem(cmd, f, l))
		return cmd->err.code;
	it = add_item(cmd, ITEM_LAUNCH);
	if (!it)
		return cmd->err.code;
	args = list_add(cmd->dev->host, &cmd->blob, n);
	if (!args)
		return ada_err(&cmd->err, ZINC_E_NO_MEMORY,
		               "no memory to record %s, op %u of the list", cmd->op->name,
		               cmd->n_ops - 1);
	memcpy(args, l->args, l->args_size);
	it->f = f;
	it->launch = *l;
	it->args = cmd->blob.used - n;
	return ZINC_OK;
}

/* The item recorded last (1), or the one before (2). */
static struct item *item_back(struct zinc_cmd *cmd, uint32_t back)
{
	uint64_t n = cmd->items.used / sizeof(struct item);

	return n >= back ? (struct item *)cmd->items.mem + n - back : NULL;
}

const struct ada_launch *ada_launch_before(struct zinc_cmd *cmd, uint32_t back)
{
	uint32_t next_op = cmd->n_ops - 1;
	struct item *it = NULL;

	for (uint32_t i = 1; i <= back; i++) {
		it = item_back(cmd, i);
		if (cmd->err.code || !it || it->kind != ITEM_LAUNCH || it->last_op + 1 < next_op)
			return NULL;
		next_op = it->op;
	}
	it->launch.args = (const uint8_t *)cmd->blob.mem + it->args;
	return &it->launch;
}

int ada_launch_instead(struct zinc_cmd *cmd, uint32_t count, const struct ada_launch *l)
{
	struct item *first = item_back(cmd, count);
	uint32_t op = first->op;
	int rc;

	cmd->items.used -= count * sizeof(*first);
	cmd->blob.used = first->args;
	rc = ada_launch(cmd, l);
	if (!rc)
		item_back(cmd, 1)->op = op;
	return rc;
}

int ada_gemm(struct zinc_cmd *cmd, const struct ada_gemm *g)
{
	struct zinc_dev *dev = cmd->dev;
	struct item *it;

	if (!cmd->err.code && !dev->blas)
		dev->blas = ada_blas_create(dev, &cmd->err);
	it = add_item(cmd, ITEM_GEMM);
	if (it)
		it->gemm = *g;
	cmd->has_dense |= g->dense != NULL;
	return cmd->err.code;
}

int ada_launch_unless(struct zinc_cmd *cmd, struct ada_dense *d, const struct ada_launch *l)
{
	if (!ada_launch(cmd, l))
		item_back(cmd, 1)->unless = d;
	return cmd->err.code;
}

int ada_cmd_fail(struct zinc_cmd *cmd, int code, const char *why)
{
	if (!cmd->err.code)
		ada_err(&cmd->err, code, "%s, op %u of the list: %s", cmd->op->name,
		        cmd->n_ops - 1, why);
	return cmd->err.code;
}

void ada_cmd_note_ids(struct zinc_cmd *cmd, uint64_t place, const struct zinc_view *ids,
                      struct zinc_u32 n)
{
	struct want *w;

	if (cmd->err.code || ids->buf->kind != ZINC_MEM_UPLOAD)
		return;
	w = list_add(cmd->dev->host, &cmd->wants, sizeof(*w));
	if (w)
		*w = (struct want){place, ids->off, ids->buf, n};
}

CUresult ada_cmd_want_rows(struct zinc_cmd *cmd, const uint32_t *params, bool *reads)
{
	const struct want *w = cmd->wants.mem;
	CUresult r = CUDA_SUCCESS;

	for (uint64_t i = 0; i < cmd->wants.used / sizeof(*w) && r == CUDA_SUCCESS; i++) {
		struct ada_table *t = ada_table_find(cmd->dev, w[i].place);
		uint32_t n = w[i].n.slot && params ? params[w[i].n.slot] : w[i].n.imm;

		if (!t)
			continue;
		*reads = true;
		r = ada_table_want(cmd->dev, t, (const int32_t *)(w[i].ids->host + w[i].off),
		                   n < w[i].n.imm ? n : w[i].n.imm);
	}
	return r;
}

int ada_fill_zero(struct zinc_cmd *cmd, uint64_t address, uint64_t bytes)
{
	struct item *it = add_item(cmd, ITEM_ZERO);

	if (it) {
		it->address = address;
		it->bytes = bytes;
	}
	return cmd->err.code;
}

int ada_cmd_status(const struct zinc_cmd *cmd)
{
	return cmd->err.code;
}

struct zinc_dev *ada_cmd_dev(struct zinc_cmd *cmd)
{
	return cmd->dev;
}

uint64_t ada_params(const struct zinc_cmd *cmd)
{
	return cmd->dev->params;
}

uint64_t ada_scratch(const struct zinc_cmd *cmd)
{
	return cmd->scratch ? cmd->scratch->address : 0;
}

uint64_t ada_scratch_bytes(const struct zinc_cmd *cmd)
{
	return cmd->scratch ? cmd->scratch->bytes : 0;
}

static CUresult enqueue_item(struct zinc_cmd *cmd, CUstream stream, const struct item *it)
{
	struct zinc_dev *dev = cmd->dev;
	struct ada_launch l = it->launch;
	struct ada_gemm g = it->gemm;

	switch (it->kind) {
	case ITEM_GEMM:
		if (ada_dense_address(g.dense))
			g.b = ada_dense_address(g.dense) + g.dense_off;
		return (CUresult)ada_blas_enqueue(dev->blas, stream, &g);
	case ITEM_ZERO:
		return dev->drv->cuMemsetD8Async(it->address, 0, it->bytes, stream);
	default:
		if (ada_dense_address(it->unless))
			return CUDA_SUCCESS;
		l.args = (const uint8_t *)cmd->blob.mem + it->args;
		return ada_kernel_launch(dev, stream, it->f, &l);
	}
}

static CUresult enqueue_items(struct zinc_cmd *cmd, CUstream stream)
{
	const struct item *items = cmd->items.mem;
	uint64_t n = cmd->items.used / sizeof(*items);
	CUresult r = CUDA_SUCCESS;
	uint32_t next = 0; /* the first op whose event is not recorded yet */

	for (uint64_t i = 0; i < n && r == CUDA_SUCCESS; i++) {
		for (; cmd->events && next <= items[i].op && r == CUDA_SUCCESS; next++)
			r = cmd->dev->drv->cuEventRecord(cmd->events[next], stream);
		if (r == CUDA_SUCCESS)
			r = enqueue_item(cmd, stream, &items[i]);
	}
	for (; cmd->events && next <= cmd->n_ops && r == CUDA_SUCCESS; next++)
		r = cmd->dev->drv->cuEventRecord(cmd->events[next], stream);
	return r;
}

/* On a stream of its own and in thread-local mode, so that other threads may
 * copy and allocate meanwhile. */
static CUresult capture(struct zinc_cmd *cmd)
{
	const struct ada_driver *drv = cmd->dev->drv;
	CUstream stream = cmd->dev->capture;
	CUgraph graph = NULL;
	CUresult r, end;

	cmd->generation = ada_dense_generation(cmd->dev);
	r = drv->cuStreamBeginCapture(stream, CU_STREAM_CAPTURE_MODE_THREAD_LOCAL);
	if (r != CUDA_SUCCESS)
		return r;
	r = enqueue_items(cmd, stream);
	end = drv->cuStreamEndCapture(stream, &graph);
	if (r == CUDA_SUCCESS)
		r = end;
	if (r == CUDA_SUCCESS)
		r = drv->cuGraphInstantiate(&cmd->graph, graph, 0);
	if (graph)
		drv->cuGraphDestroy(graph);
	return r;
}

static CUresult make_events(struct zinc_cmd *cmd)
{
	const struct zinc_host *host = cmd->dev->host;
	size_t n = (cmd->n_ops + 1) * sizeof(CUevent);
	CUresult r = CUDA_SUCCESS;

	cmd->events = host->alloc(host->ctx, n, sizeof(void *));
	if (!cmd->events)
		return CUDA_ERROR_OUT_OF_MEMORY;
	memset(cmd->events, 0, n);
	for (uint32_t i = 0; i <= cmd->n_ops && r == CUDA_SUCCESS; i++)
		r = cmd->dev->drv->cuEventCreate(&cmd->events[i], CU_EVENT_DEFAULT);
	return r;
}

/* How much of a step's time is launches is told by their number. */
static void tell_launches(const struct zinc_cmd *cmd)
{
	const struct zinc_host *host = cmd->dev->host;
	const struct item *items = cmd->items.mem;
	unsigned n = 0;
	char text[64];

	for (uint64_t i = 0; i < cmd->items.used / sizeof(*items); i++)
		n += !ada_dense_address(items[i].unless);
	snprintf(text, sizeof(text), "%u ops recorded as %u launches", cmd->n_ops, n);
	host->log(host->ctx, ZINC_LOG_DEBUG, text);
}

int ada_cmd_end(struct zinc_cmd *cmd, struct zinc_err *err)
{
	CUresult r = CUDA_SUCCESS;

	if (!cmd->err.code && cmd->ended)
		ada_err(&cmd->err, ZINC_E_INVALID, "cmd_end() was called twice");
	if (!cmd->err.code && ada_enter(cmd->dev))
		ada_err(&cmd->err, ZINC_E_DEVICE_LOST, "the GPU is lost; restart the program");
	pthread_mutex_lock(&cmd->dev->capture_lock);
	if (!cmd->err.code && cmd->items.used)
		r = cmd->flags & ZINC_CMD_PROFILE ? make_events(cmd) : capture(cmd);
	if (r == CUDA_ERROR_OUT_OF_MEMORY && !cmd->events && ada_dense_drop(cmd->dev))
		r = capture(cmd);
	pthread_mutex_unlock(&cmd->dev->capture_lock);
	if (r != CUDA_SUCCESS)
		ada_dev_err(cmd->dev, &cmd->err, r, "making a graph of the recorded ops");
	else if (!cmd->err.code)
		tell_launches(cmd);
	cmd->ended = true;
	if (err && cmd->err.code)
		*err = cmd->err;
	return cmd->err.code;
}

void ada_cmd_free(struct zinc_cmd *cmd)
{
	const struct ada_driver *drv;
	const struct zinc_host *host;

	if (!cmd)
		return;
	drv = cmd->dev->drv;
	host = cmd->dev->host;
	drv->cuCtxSetCurrent(cmd->dev->ctx);
	if (cmd->graph)
		drv->cuGraphExecDestroy(cmd->graph);
	for (uint32_t i = 0; cmd->events && i <= cmd->n_ops; i++)
		if (cmd->events[i])
			drv->cuEventDestroy(cmd->events[i]);
	host->free(host->ctx, cmd->events);
	host->free(host->ctx, cmd->items.mem);
	host->free(host->ctx, cmd->blob.mem);
	host->free(host->ctx, cmd->wants.mem);
	host->free(host->ctx, cmd);
}

bool ada_cmd_is_ready(const struct zinc_cmd *cmd)
{
	return cmd->ended && !cmd->err.code;
}

/* Copies of weights that the graph reads may be gone. */
static CUresult capture_again(struct zinc_cmd *cmd)
{
	const struct ada_driver *drv = cmd->dev->drv;
	CUresult r;

	if (!cmd->has_dense || cmd->generation == ada_dense_generation(cmd->dev))
		return CUDA_SUCCESS;
	r = drv->cuStreamSynchronize(cmd->dev->stream);
	drv->cuGraphExecDestroy(cmd->graph);
	cmd->graph = NULL;
	pthread_mutex_lock(&cmd->dev->capture_lock);
	if (r == CUDA_SUCCESS)
		r = capture(cmd);
	pthread_mutex_unlock(&cmd->dev->capture_lock);
	return r;
}

CUresult ada_cmd_enqueue(struct zinc_cmd *cmd)
{
	CUresult r = cmd->graph ? capture_again(cmd) : CUDA_SUCCESS;

	if (r != CUDA_SUCCESS)
		return r;
	if (cmd->graph)
		return cmd->dev->drv->cuGraphLaunch(cmd->graph, cmd->dev->stream);
	return enqueue_items(cmd, cmd->dev->stream);
}

int ada_cmd_times(struct zinc_cmd *cmd, uint64_t *ns, uint32_t *n)
{
	const struct ada_driver *drv = cmd->dev->drv;
	uint32_t room = *n;

	if (!(cmd->flags & ZINC_CMD_PROFILE))
		return ZINC_E_UNSUPPORTED;
	if (!ada_cmd_is_ready(cmd) || ada_enter(cmd->dev))
		return ZINC_E_INVALID;
	*n = cmd->n_ops;
	for (uint32_t i = 0; i < cmd->n_ops && i < room; i++) {
		float ms = 0;

		drv->cuEventElapsedTime(&ms, cmd->events[i], cmd->events[i + 1]);
		ns[i] = (uint64_t)((double)ms * 1e6);
	}
	return ZINC_OK;
}
