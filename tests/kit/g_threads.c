/* g_threads.c - functions tagged [any], from several threads at once. */
#include <pthread.h>
#include <stdatomic.h>

#include "adder.h"
#include "group.h"
#include "groups.h"
#include "templates.h"

enum { THREADS = 4, ROUNDS = 60 };

static const uint64_t patience_ns = UINT64_C(60000000000);

struct team {
	struct kit_group_ctx *g;
	struct kit_dev *d;
	struct templates all;
	int8_t *answers; /* of supports(), asked by one thread alone */
	/* Of packing a weight alone; n bytes. */
	struct zinc_weight_use use;
	struct zinc_weight_layout layout;
	uint8_t *file, *packed;
	atomic_int ready;
};

struct member {
	struct team *team;
	uint32_t number;
	struct adder a;
	struct zinc_timeline *tl;
	struct zinc_buf *weights;
	char fault[KIT_MSG];
	pthread_t thread;
};

static bool fault(struct member *m, const char *what, int rc)
{
	snprintf(m->fault, sizeof(m->fault), "thread %u: %s, status %d", m->number, what, rc);
	return false;
}

static bool buffers(struct member *m, uint32_t round)
{
	const struct zinc_backend *b = m->team->d->b;
	uint64_t n = 1000 + m->number * 777 + round * 13;
	uint8_t *bytes = must_calloc(n, 1), *got = must_calloc(n, 1);
	struct zinc_buf *buf = NULL;
	int rc;
	bool ok = true;

	memset(bytes, (int)(m->number * 16 + round), n);
	rc = b->buf_alloc(m->team->d->dev, n, round % 3, &buf, NULL);
	if (!rc)
		rc = b->buf_write(buf, 0, bytes, n);
	if (!rc)
		rc = b->buf_read(buf, 0, got, n);
	if (rc || memcmp(bytes, got, n))
		ok = fault(m, "a buffer of its own does not hold what was written", rc);
	b->buf_free(buf);
	free(bytes);
	free(got);
	return ok;
}

static bool questions(struct member *m)
{
	struct team *t = m->team;

	for (uint32_t i = 0; i < t->all.n; i++) {
		const struct template *q = &t->all.t[i];

		if (q->impl->supports(t->d->dev, q->desc, 0) != t->answers[i])
			return fault(m, "supports() answers otherwise than alone", t->answers[i]);
	}
	return true;
}

static bool work(struct member *m, uint32_t round)
{
	struct zinc_point done = {m->tl, round + 1}, before = {m->tl, round};
	int rc = adder_submit(&m->a, &m->a.cmd, 1, round ? before : (struct zinc_point){0}, done);

	if (!rc && round % 4 == 3)
		rc = m->team->d->b->tl_wait(m->tl, round + 1, patience_ns);
	return !rc || fault(m, "submit() or tl_wait()", rc);
}

static bool pack(struct member *m)
{
	struct team *t = m->team;
	uint8_t *got;
	bool same;
	int rc;

	if (!t->packed)
		return true;
	rc = t->d->b->weight_pack(t->d->dev, &t->use, t->layout.layout, t->file, m->weights,
	                          0, NULL);
	if (rc)
		return fault(m, "weight_pack()", rc);
	got = must_calloc(t->layout.bytes, 1);
	rc = t->d->b->buf_read(m->weights, 0, got, t->layout.bytes);
	same = !rc && !memcmp(got, t->packed, t->layout.bytes);
	free(got);
	return same || fault(m, "weight_pack() writes other bytes than alone", rc);
}

static void *live(void *arg)
{
	struct member *m = arg;
	float got = 0;
	int rc;
	bool ok = true;

	atomic_fetch_add(&m->team->ready, 1);
	while (atomic_load(&m->team->ready) < THREADS)
		;
	for (uint32_t i = 0; i < ROUNDS && ok; i++)
		ok = buffers(m, i) && (i % 8 || questions(m)) && work(m, i) && (i % 8 || pack(m));
	rc = ok ? m->team->d->b->tl_wait(m->tl, ROUNDS, patience_ns) : 0;
	if (ok && (rc || !adder_holds(&m->a, ROUNDS, &got)))
		fault(m, "its own sums are wrong", rc);
	return NULL;
}

static int prepare_pack(struct team *t)
{
	struct zinc_view v = {.dtype = ZINC_Q4_K, .ne = {512, 64, 1, 1}};
	struct rnd rnd = {5};
	struct zinc_buf *buf = NULL;
	int rc;

	t->layout.struct_size = sizeof(t->layout);
	v.nb[0] = num_block_bytes(v.dtype);
	v.nb[1] = num_row_bytes(v.dtype, v.ne[0]);
	v.nb[2] = v.nb[3] = v.nb[1] * v.ne[1];
	t->use = (struct zinc_weight_use){sizeof(t->use), ZINC_ROLE_LINEAR, v};
	if (!ZINC_HAS(t->d->b, weight_layout) ||
	    t->d->b->weight_layout(t->d->dev, &t->use, &t->layout) || !t->layout.layout)
		return ZINC_OK;
	t->file = must_calloc(v.nb[3], 1);
	num_random(&rnd, v.dtype, zinc_view_elems(&v), 0, t->file);
	rc = t->d->b->buf_alloc(t->d->dev, t->layout.bytes, ZINC_MEM_DEVICE, &buf, NULL);
	if (!rc)
		rc = t->d->b->weight_pack(t->d->dev, &t->use, t->layout.layout, t->file, buf, 0,
		                          NULL);
	t->packed = must_calloc(t->layout.bytes, 1);
	if (!rc)
		rc = t->d->b->buf_read(buf, 0, t->packed, t->layout.bytes);
	t->d->b->buf_free(buf);
	return rc;
}

static int prepare(struct member *m)
{
	const struct zinc_backend *b = m->team->d->b;
	int rc = adder_create(&m->a, m->team->d, 20000);

	if (!rc)
		rc = b->tl_create(m->team->d->dev, 0, &m->tl);
	if (!rc && m->team->packed)
		rc = b->buf_alloc(m->team->d->dev, m->team->layout.bytes, ZINC_MEM_DEVICE,
		                  &m->weights, NULL);
	return rc;
}

static void run_team(struct team *t)
{
	struct member m[THREADS] = {0};
	const char *first = "";
	int rc = prepare_pack(t);

	for (uint32_t i = 0; i < THREADS && !rc; i++) {
		m[i].team = t;
		m[i].number = i;
		rc = prepare(&m[i]);
	}
	kit_now(t->g, "threads: %d at once with buffers, questions, submits and weights", THREADS);
	for (int i = 0; i < THREADS && !rc; i++)
		pthread_create(&m[i].thread, NULL, live, &m[i]);
	for (int i = 0; i < THREADS && !rc; i++)
		pthread_join(m[i].thread, NULL);
	for (int i = THREADS - 1; i >= 0; i--)
		first = m[i].fault[0] ? m[i].fault : first;
	kit_result(t->g, !rc && !first[0], "%s; preparing gives %d", first, rc);
	for (int i = 0; i < THREADS && !rc; i++) {
		adder_destroy(&m[i].a);
		t->d->b->tl_free(m[i].tl);
		t->d->b->buf_free(m[i].weights);
	}
	free(t->file);
	free(t->packed);
}

void group_threads(struct kit_group_ctx *g)
{
	struct team t = {.g = g};
	struct zinc_buf *buf = NULL;
	struct kit_host h;
	struct kit_dev d;

	kit_now(g, "threads: open the device");
	if (!kit_group_open(g, &d, &h))
		return;
	t.d = &d;
	adder_probe(&d);
	if (adder_possible(&d) &&
	    d.b->buf_alloc(d.dev, 1 << 20, ZINC_MEM_DEVICE, &buf, NULL) == ZINC_OK) {
		templates_create(&t.all, &d, buf);
		t.answers = must_calloc(t.all.n + 1, 1);
		for (uint32_t i = 0; i < t.all.n; i++)
			t.answers[i] = (int8_t)t.all.t[i].impl->supports(d.dev, t.all.t[i].desc, 0);
		run_team(&t);
		templates_destroy(&t.all);
		free(t.answers);
	} else {
		kit_result(g, false, "an add or a buffer is not to be had");
	}
	d.b->buf_free(buf);
	kit_group_close(g, &d);
}
