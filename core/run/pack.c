/* pack.c - windows of weights, packed by whoever takes them. */
#include "run/pack.h"

#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>

#include "model/dtype.h"
#include "model/gguf.h"
#include "model/model.h"
#include "util/clock.h"
#include "util/err.h"
#include "util/log.h"

/* Packed and then forgotten at a time: the file's pages and the packed ones of a window
 * are the most that a weight takes twice. Windows of a matrix have a multiple of
 * WINDOW_ROWS, more than any layout interleaves. */
enum { WINDOW_BYTES = 16 << 20, WINDOW_ROWS = 256 };

enum { NICE = 3 };

struct window {
	uint32_t weight;
	uint64_t row, n;
	bool last; /* of its weight */
};

static uint64_t rows_of(const struct gguf_tensor *t)
{
	return (uint64_t)t->ne[1] * t->ne[2] * t->ne[3];
}

/* Whole matrices, or rows of one, that make a window. */
static uint64_t window_rows(const struct pack *p, uint32_t i)
{
	const struct gguf_tensor *t = p->model->tensors[i];
	const struct weight_place *place = &p->weights->place[i];
	uint64_t rows = rows_of(t), unit = t->ne[2] > 1 ? t->ne[1] : WINDOW_ROWS;

	if (t->ne[3] > 1 || place->bytes != rows * place->row_bytes)
		return rows;
	return (WINDOW_BYTES / (t->bytes / rows) / unit + 1) * unit;
}

/* The next window, once; false when none is left or packing has failed. */
static bool take(struct pack *p, struct window *win)
{
	bool found;

	pthread_mutex_lock(&p->lock);
	while (p->at < p->weights->n && !weights_from_map(p->weights, p->model, p->at))
		p->at++;
	found = !p->rc && p->at < p->weights->n;
	if (found) {
		uint64_t left = rows_of(p->model->tensors[p->at]) - p->row;
		uint64_t n = window_rows(p, p->at);

		*win = (struct window){p->at, p->row, n < left ? n : left, n >= left};
		p->row = win->last ? 0 : p->row + n;
		p->at += win->last;
		p->busy[p->n_busy++] = win->weight;
	}
	pthread_mutex_unlock(&p->lock);
	return found;
}

static int pack_window(const struct pack *p, const struct window *win, struct zinc_err *err)
{
	const struct gguf_tensor *t = p->model->tensors[win->weight];
	const struct weight_place *place = &p->weights->place[win->weight];
	struct zinc_view view = dtype_view(t->dtype, t->ne[0], t->ne[1], t->ne[2], t->ne[3]);
	uint64_t from = view.nb[1];
	const uint8_t *src = (const uint8_t *)t->data + win->row * from;
	struct zinc_weight_use use;
	int rc;

	if (win->n < rows_of(t) && t->ne[2] > 1)
		view = dtype_view(t->dtype, t->ne[0], t->ne[1], (uint32_t)(win->n / t->ne[1]), 1);
	else if (win->n < rows_of(t))
		view = dtype_view(t->dtype, t->ne[0], (uint32_t)win->n, 1, 1);
	use = weights_use(&p->model->weights[win->weight], &view);
	rc = p->mem->backend->weight_pack(p->mem->dev, &use, place->layout, src,
	                                  p->weights->blocks[place->block].buf,
	                                  place->off + win->row * place->row_bytes, err);
	gguf_forget(src, win->n * from);
	return rc ? err_prefix(err, "%s", t->name) : ZINC_OK;
}

static void fail(struct pack *p, int rc, const struct zinc_err *err)
{
	pthread_mutex_lock(&p->lock);
	if (!p->rc) {
		p->rc = rc;
		p->err = *err;
	}
	pthread_mutex_unlock(&p->lock);
}

/* All windows before p->at have been taken; those that are not done are busy. */
static void count(struct pack *p, const struct window *win)
{
	uint32_t done, i = 0;

	atomic_fetch_add(&p->bytes_done, win->n * p->weights->place[win->weight].row_bytes);
	pthread_mutex_lock(&p->lock);
	while (p->busy[i] != win->weight)
		i++;
	p->busy[i] = p->busy[--p->n_busy];
	done = p->at;
	for (i = 0; i < p->n_busy; i++)
		done = p->busy[i] < done ? p->busy[i] : done;
	atomic_store(&p->n_done, done);
	pthread_mutex_unlock(&p->lock);
}

static bool work_once(struct pack *p)
{
	struct window win;
	struct zinc_err err = {0};
	int rc;

	if (atomic_load(&p->stop) || !take(p, &win))
		return false;
	rc = pack_window(p, &win, &err);
	if (rc) {
		fail(p, rc, &err);
		return false;
	}
	count(p, &win);
	return true;
}

static void enter(struct pack *p)
{
	pthread_mutex_lock(&p->lock);
	p->n_working++;
	pthread_mutex_unlock(&p->lock);
}

static void report(const struct pack *p)
{
	if (p->rc)
		log_msg(ZINC_LOG_WARN, "packing weights failed: %s; the rest stay as the file has "
		                       "them, which is slower", p->err.msg);
	else
		log_msg(ZINC_LOG_INFO, "weights packed: %.0f MB, %.1f s after they were mapped",
		        (double)p->bytes / 1e6, clock_seconds() - p->start);
}

/* The last one to leave ends it. */
static void leave(struct pack *p)
{
	pthread_mutex_lock(&p->lock);
	if (!--p->n_working && !atomic_load(&p->over) && !atomic_load(&p->stop)) {
		if (!p->rc)
			atomic_store(&p->n_done, p->weights->n);
		if (!p->waited_for)
			report(p);
		atomic_store(&p->over, true);
		pthread_cond_broadcast(&p->over_changed);
	}
	pthread_mutex_unlock(&p->lock);
}

static void *work(void *arg)
{
	while (work_once(arg))
		;
	leave(arg);
	return NULL;
}

/* Linux takes 0 for this thread. */
static void *work_slowly(void *arg)
{
	setpriority(PRIO_PROCESS, 0, NICE);
	return work(arg);
}

/* The program's signals are not for these threads. */
static int start(pthread_t *thread, void *(*fn)(void *), struct pack *p)
{
	sigset_t all, before;
	int rc;

	enter(p);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	rc = pthread_create(thread, NULL, fn, p);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (!rc)
		pthread_setname_np(*thread, "zinc-pack");
	return rc ? ZINC_E_NO_MEMORY : ZINC_OK;
}

void pack_init(struct pack *p, const struct weights *w, const struct model *m,
               const struct memory *mem)
{
	pthread_condattr_t attr;

	memset(p, 0, sizeof(*p));
	p->weights = w;
	p->model = m;
	p->mem = mem;
	p->bytes = weights_pack_bytes(w, m, 0, w->n);
	p->start = clock_seconds();
	pthread_mutex_init(&p->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&p->over_changed, &attr);
	pthread_condattr_destroy(&attr);
	atomic_init(&p->stop, false);
	atomic_init(&p->over, false);
	atomic_init(&p->n_done, 0);
	atomic_init(&p->bytes_done, 0);
}

static void join(struct pack *p)
{
	while (p->n_threads)
		pthread_join(p->threads[--p->n_threads], NULL);
}

void pack_finish(struct pack *p)
{
	if (!p->weights)
		return;
	atomic_store(&p->stop, true);
	join(p);
	pthread_cond_destroy(&p->over_changed);
	pthread_mutex_destroy(&p->lock);
	memset(p, 0, sizeof(*p));
}

int pack_begin(struct pack *p, uint32_t n, bool low)
{
	p->waited_for = !low;
	n = n < PACK_THREADS ? n : PACK_THREADS;
	while (p->n_threads < n && !start(&p->threads[p->n_threads], low ? work_slowly : work, p))
		p->n_threads++;
	if (p->n_threads == n)
		return ZINC_OK;
	if (p->n_threads) {
		leave(p); /* for the one that could not start */
		return ZINC_OK;
	}
	p->n_working = 0;
	return ZINC_E_NO_MEMORY;
}

int pack_complete(struct pack *p, void (*progress)(void *ctx, const char *what, double part),
                  void *ctx, struct zinc_err *err)
{
	pthread_mutex_lock(&p->lock);
	p->waited_for = true;
	pthread_mutex_unlock(&p->lock);
	enter(p);
	while (work_once(p))
		if (progress)
			progress(ctx, "packing weights",
			         (double)atomic_load(&p->bytes_done) / (double)p->bytes);
	leave(p);
	join(p);
	if (p->rc && err)
		*err = p->err;
	return p->rc;
}

void pack_pause(struct pack *p, double seconds)
{
	double end = clock_seconds() + seconds;
	struct timespec until = {.tv_sec = (time_t)end,
	                         .tv_nsec = (long)((end - (double)(time_t)end) * 1e9)};
	int rc = 0;

	pthread_mutex_lock(&p->lock);
	while (!atomic_load(&p->over) && !rc)
		rc = pthread_cond_timedwait(&p->over_changed, &p->lock, &until);
	pthread_mutex_unlock(&p->lock);
}

bool pack_over(const struct pack *p)
{
	return atomic_load(&p->over);
}

uint32_t pack_done(const struct pack *p)
{
	return atomic_load(&p->n_done);
}

uint32_t pack_cpus(void)
{
	cpu_set_t set;

	return sched_getaffinity(0, sizeof(set), &set) ? 1 : (uint32_t)CPU_COUNT(&set);
}
