/* g_async.c - submits in flight: their order, what they wait for and signal,
 * waits that run out, recording while something runs. */
#include <pthread.h>

#include "adder.h"
#include "group.h"
#include "groups.h"

enum { CHAIN = 200, NUMBERS = 200000 };

static const uint64_t patience_ns = UINT64_C(60000000000), instant_ns = UINT64_C(1000000);

struct async {
	struct kit_group_ctx *g;
	struct kit_dev *d;
	struct adder a;
	float total; /* what the numbers must be by now */
};

static struct zinc_point at(struct zinc_timeline *tl, uint64_t value)
{
	return (struct zinc_point){tl, value};
}

static const struct zinc_point none;

static void expect_total(struct async *s, int rc)
{
	float got = 0;
	bool holds = adder_holds(&s->a, s->total, &got);

	kit_result(s->g, !rc && holds, "status %d, and %g where %g should be", rc, (double)got,
	           (double)s->total);
}

/* One timeline, each submit after the one before, one wait at the end. */
static void chain(struct async *s)
{
	const struct zinc_backend *b = s->d->b;
	struct zinc_timeline *tl = NULL;
	uint64_t value = 0, last = 0;
	int rc = b->tl_create(s->d->dev, 0, &tl);

	kit_now(s->g, "async: %d submits in a chain, waited for at the end", CHAIN);
	for (uint64_t i = 0; i < CHAIN && !rc; i++) {
		rc = adder_submit(&s->a, &s->a.cmd, 1, i ? at(tl, i) : none, at(tl, i + 1));
		if (!rc)
			rc = b->tl_value(tl, &value);
		if (!rc && (value < last || value > i + 1))
			rc = ZINC_E_INTERNAL; /* a counter that only grows */
		last = value;
	}
	if (!rc)
		rc = b->tl_wait(tl, CHAIN, patience_ns);
	if (!rc)
		rc = b->tl_value(tl, &value);
	s->total += CHAIN;
	expect_total(s, !rc && value != CHAIN ? ZINC_E_INTERNAL : rc);
	b->tl_free(tl);
}

/* Two timelines, each submit waiting for the other's. */
static void two_timelines(struct async *s)
{
	const struct zinc_backend *b = s->d->b;
	struct zinc_timeline *tl[2] = {NULL, NULL};
	int rc = b->tl_create(s->d->dev, 100, &tl[0]);

	kit_now(s->g, "async: two timelines that wait for each other in turn");
	if (!rc)
		rc = b->tl_create(s->d->dev, 100, &tl[1]);
	for (uint64_t i = 1; i <= CHAIN && !rc; i++)
		rc = adder_submit(&s->a, &s->a.cmd, 1,
		                  i > 1 ? at(tl[(i - 1) % 2], 100 + i - 1) : none,
		                  at(tl[i % 2], 100 + i));
	if (!rc)
		rc = b->tl_wait(tl[CHAIN % 2], 100 + CHAIN, patience_ns);
	if (!rc)
		rc = b->tl_wait(tl[(CHAIN - 1) % 2], 100 + CHAIN - 1, 0);
	s->total += CHAIN;
	expect_total(s, rc);
	b->tl_free(tl[0]);
	b->tl_free(tl[1]);
}

/* Lists of one submit run in order; one may stand there more than once. */
static void several_lists(struct async *s)
{
	enum { LISTS = 7 };
	const struct zinc_backend *b = s->d->b;
	struct zinc_cmd *cmds[LISTS] = {0};
	struct zinc_timeline *tl = NULL;
	int rc = b->tl_create(s->d->dev, 0, &tl);

	kit_now(s->g, "async: several lists in one submit, and none at all");
	for (int i = 0; i < LISTS && !rc; i++) {
		if (i % 2)
			rc = adder_record(&s->a, &cmds[i]);
		else
			cmds[i] = s->a.cmd;
	}
	if (!rc)
		rc = adder_submit(&s->a, cmds, LISTS, none, at(tl, 1));
	if (!rc)
		rc = adder_submit(&s->a, NULL, 0, at(tl, 1), at(tl, 2));
	if (!rc)
		rc = b->tl_wait(tl, 2, patience_ns);
	s->total += LISTS;
	expect_total(s, rc);
	for (int i = 1; i < LISTS; i += 2)
		b->cmd_free(cmds[i]);
	b->tl_free(tl);
}

/* Waits of no length, of some, and for what nobody signals. */
static void waits_that_run_out(struct async *s)
{
	const struct zinc_backend *b = s->d->b;
	struct zinc_timeline *tl = NULL;
	uint64_t value = 0;
	int rc[5], created = b->tl_create(s->d->dev, 7, &tl);

	kit_now(s->g, "async: waits that run out");
	if (created) {
		kit_result(s->g, false, "tl_create() gives %d", created);
		return;
	}
	rc[0] = b->tl_wait(tl, 7, 0);
	rc[1] = b->tl_wait(tl, 3, UINT64_MAX);
	rc[2] = b->tl_wait(tl, 8, 0);
	rc[3] = b->tl_wait(tl, UINT64_MAX, 20 * instant_ns);
	rc[4] = b->tl_value(tl, &value);
	kit_result(s->g, !rc[0] && !rc[1] && rc[2] == ZINC_E_TIMEOUT && rc[3] == ZINC_E_TIMEOUT &&
	           !rc[4] && value == 7,
	           "of a timeline at 7: wait for 7 gives %d, for 3 %d, for 8 %d, for the largest "
	           "%d; tl_value() %d and %llu", rc[0], rc[1], rc[2], rc[3], rc[4],
	           (unsigned long long)value);
	b->tl_free(tl);
}

/* The core records the next step while this one runs. */
static void record_meanwhile(struct async *s)
{
	enum { STEPS = 30 };
	const struct zinc_backend *b = s->d->b;
	struct zinc_cmd *cmds[2] = {NULL, NULL};
	struct zinc_timeline *tl = NULL;
	int rc = b->tl_create(s->d->dev, 0, &tl);

	kit_now(s->g, "async: recording while the list before runs");
	for (uint64_t i = 0; i < STEPS && !rc; i++) {
		rc = adder_record(&s->a, &cmds[i % 2]);
		if (!rc)
			rc = adder_submit(&s->a, &cmds[i % 2], 1, i ? at(tl, i) : none,
			                  at(tl, i + 1));
		/* A list may be freed once its submit is done. */
		if (!rc && i)
			rc = b->tl_wait(tl, i, patience_ns);
		b->cmd_free(cmds[(i + 1) % 2]);
		cmds[(i + 1) % 2] = NULL;
	}
	if (!rc)
		rc = b->tl_wait(tl, STEPS, patience_ns);
	s->total += STEPS;
	expect_total(s, rc);
	b->cmd_free(cmds[0]);
	b->cmd_free(cmds[1]);
	b->tl_free(tl);
}

struct waiter {
	const struct zinc_backend *b;
	struct zinc_timeline *tl;
	uint64_t value;
	int rc;
	pthread_t thread;
};

static void *wait_there(void *arg)
{
	struct waiter *w = arg;

	w->rc = w->b->tl_wait(w->tl, w->value, patience_ns);
	return NULL;
}

/* Threads that wait before anything is submitted. */
static void waiting_threads(struct async *s)
{
	enum { WAITERS = 4 };
	const struct zinc_backend *b = s->d->b;
	struct zinc_timeline *tl = NULL;
	struct waiter w[WAITERS];
	int rc = b->tl_create(s->d->dev, 0, &tl);

	kit_now(s->g, "async: threads that wait for submits to come");
	if (rc) {
		kit_result(s->g, false, "tl_create() gives %d", rc);
		return;
	}
	for (uint64_t i = 0; i < WAITERS; i++) {
		w[i] = (struct waiter){.b = b, .tl = tl, .value = 1 + i};
		pthread_create(&w[i].thread, NULL, wait_there, &w[i]);
	}
	for (uint64_t i = 0; i < WAITERS && !rc; i++)
		rc = adder_submit(&s->a, &s->a.cmd, 1, i ? at(tl, i) : none, at(tl, i + 1));
	for (int i = 0; i < WAITERS; i++) {
		pthread_join(w[i].thread, NULL);
		rc = rc ? rc : w[i].rc;
	}
	s->total += WAITERS;
	expect_total(s, rc);
	b->tl_free(tl);
}

/* A timeline may go as soon as the last submit that waits for it or signals it is done,
 * though a driver's threads may still be busy with that submit. The next one is made
 * before, so that it does not lie where this one was. */
static void freed_at_once(struct async *s)
{
	enum { ROUNDS = 300 };
	const struct zinc_backend *b = s->d->b;
	struct zinc_timeline *tl = NULL, *next = NULL;
	int rc = b->tl_create(s->d->dev, 0, &tl);

	kit_now(s->g, "async: timelines freed as soon as they were waited for");
	for (int i = 0; i < ROUNDS && !rc; i++) {
		rc = b->tl_create(s->d->dev, 0, &next);
		if (!rc)
			rc = adder_submit(&s->a, &s->a.cmd, 1, none, at(tl, 1));
		if (!rc)
			rc = adder_submit(&s->a, &s->a.cmd, 1, at(tl, 1), at(tl, 2));
		if (!rc)
			rc = b->tl_wait(tl, 2, patience_ns);
		b->tl_free(tl);
		tl = next;
		next = NULL;
		s->total += 2;
	}
	expect_total(s, rc);
	b->tl_free(tl);
}

/* submit() never allocates. */
static void no_allocation(struct async *s)
{
	int64_t calls = s->d->host->n_calls;
	struct zinc_point done = {s->d->tl, ++s->d->tick};
	int rc = adder_submit(&s->a, &s->a.cmd, 1, none, done);

	kit_now(s->g, "async: submit() allocates nothing");
	calls = s->d->host->n_calls - calls;
	if (!rc)
		rc = s->d->b->tl_wait(s->d->tl, s->d->tick, patience_ns);
	s->total += 1;
	if (calls)
		kit_result(s->g, false, "%lld allocations of the host's", (long long)calls);
	else
		expect_total(s, rc);
}

void group_async(struct kit_group_ctx *g)
{
	struct async s = {.g = g};
	struct kit_host h;
	struct kit_dev d;
	int rc;

	kit_now(g, "async: open the device");
	if (!kit_group_open(g, &d, &h))
		return;
	s.d = &d;
	adder_probe(&d);
	rc = adder_possible(&d) ? adder_create(&s.a, &d, NUMBERS) : ZINC_E_UNSUPPORTED;
	if (rc) {
		kit_result(g, false, "recording an add gives %d", rc);
	} else {
		chain(&s);
		two_timelines(&s);
		several_lists(&s);
		waits_that_run_out(&s);
		record_meanwhile(&s);
		waiting_threads(&s);
		freed_at_once(&s);
		no_allocation(&s);
		adder_destroy(&s.a);
	}
	kit_group_close(g, &d);
}
