/* timeline.c - counters that only grow, and threads that wait for them. A real
 * backend has its API's semaphore here. */
#include "proto.h"

#include <errno.h>
#include <pthread.h>
#include <time.h>

struct zinc_timeline {
	struct zinc_dev *dev;
	pthread_mutex_t lock;
	pthread_cond_t grown;
	uint64_t value;
};

int proto_tl_create(struct zinc_dev *dev, uint64_t initial, struct zinc_timeline **out)
{
	const struct zinc_host *host = dev->host;
	struct zinc_timeline *tl = host->alloc(host->ctx, sizeof(*tl), sizeof(void *));
	pthread_condattr_t attr;

	if (!tl)
		return ZINC_E_NO_MEMORY;
	tl->dev = dev;
	tl->value = initial;
	pthread_mutex_init(&tl->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&tl->grown, &attr);
	pthread_condattr_destroy(&attr);
	*out = tl;
	return ZINC_OK;
}

/* now + ns; so far away that it never comes where that does not fit. */
static struct timespec deadline(uint64_t ns)
{
	const uint64_t second = 1000000000, max = UINT64_C(1) << 62;
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	ns = (ns < max ? ns : max) + (uint64_t)t.tv_nsec;
	t.tv_sec += (time_t)(ns / second);
	t.tv_nsec = (long)(ns % second);
	return t;
}

int proto_tl_wait(struct zinc_timeline *tl, uint64_t value, uint64_t timeout_ns)
{
	struct timespec until = deadline(timeout_ns);
	int rc = 0;

	pthread_mutex_lock(&tl->lock);
	while (tl->value < value && rc != ETIMEDOUT)
		rc = pthread_cond_timedwait(&tl->grown, &tl->lock, &until);
	rc = tl->value >= value ? ZINC_OK : ZINC_E_TIMEOUT;
	pthread_mutex_unlock(&tl->lock);
	return rc;
}

int proto_tl_value(struct zinc_timeline *tl, uint64_t *out)
{
	pthread_mutex_lock(&tl->lock);
	*out = tl->value;
	pthread_mutex_unlock(&tl->lock);
	return ZINC_OK;
}

void proto_tl_signal(struct zinc_timeline *tl, uint64_t value)
{
	pthread_mutex_lock(&tl->lock);
	if (value > tl->value)
		tl->value = value;
	pthread_cond_broadcast(&tl->grown);
	pthread_mutex_unlock(&tl->lock);
}

void proto_tl_free(struct zinc_timeline *tl)
{
	const struct zinc_host *host;

	if (!tl)
		return;
	host = tl->dev->host;
	pthread_cond_destroy(&tl->grown);
	pthread_mutex_destroy(&tl->lock);
	host->free(host->ctx, tl);
}
