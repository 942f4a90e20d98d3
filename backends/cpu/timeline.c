/* timeline.c - counters that grow, and waiting for them. */
#include <errno.h>
#include <pthread.h>
#include <time.h>

#include "submit.h"

struct zinc_timeline {
	pthread_mutex_t lock;
	pthread_cond_t grown;
	uint64_t value;
	const struct zinc_host *host;
};

int cpu_tl_create(struct zinc_dev *dev, uint64_t initial, struct zinc_timeline **out)
{
	struct zinc_timeline *tl =
		dev->host->alloc(dev->host->ctx, sizeof(*tl), _Alignof(struct zinc_timeline));
	pthread_condattr_t attr;

	if (!tl)
		return ZINC_E_NO_MEMORY;
	pthread_mutex_init(&tl->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&tl->grown, &attr);
	pthread_condattr_destroy(&attr);
	tl->value = initial;
	tl->host = dev->host;
	*out = tl;
	return ZINC_OK;
}

void cpu_tl_free(struct zinc_timeline *tl)
{
	if (!tl)
		return;
	pthread_cond_destroy(&tl->grown);
	pthread_mutex_destroy(&tl->lock);
	tl->host->free(tl->host->ctx, tl);
}

/* Centuries ahead stand for "for ever". */
static struct timespec deadline_after(uint64_t ns)
{
	const uint64_t forever = UINT64_C(1) << 62;
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	if (ns > forever)
		ns = forever;
	ts.tv_sec += (time_t)(ns / 1000000000u);
	ts.tv_nsec += (long)(ns % 1000000000u);
	if (ts.tv_nsec >= 1000000000) {
		ts.tv_sec++;
		ts.tv_nsec -= 1000000000;
	}
	return ts;
}

int cpu_tl_wait(struct zinc_timeline *tl, uint64_t value, uint64_t timeout_ns)
{
	struct timespec until = deadline_after(timeout_ns);
	int rc = ZINC_OK;

	pthread_mutex_lock(&tl->lock);
	while (tl->value < value && rc == ZINC_OK)
		if (pthread_cond_timedwait(&tl->grown, &tl->lock, &until) == ETIMEDOUT &&
		    tl->value < value)
			rc = ZINC_E_TIMEOUT;
	pthread_mutex_unlock(&tl->lock);
	return rc;
}

int cpu_tl_value(struct zinc_timeline *tl, uint64_t *out)
{
	pthread_mutex_lock(&tl->lock);
	*out = tl->value;
	pthread_mutex_unlock(&tl->lock);
	return ZINC_OK;
}

void cpu_tl_signal(struct zinc_timeline *tl, uint64_t value)
{
	pthread_mutex_lock(&tl->lock);
	if (value > tl->value)
		tl->value = value;
	pthread_cond_broadcast(&tl->grown);
	pthread_mutex_unlock(&tl->lock);
}
