/* rig.c - a model on a backend, for end-to-end tests. */
#include "e2e/rig.h"

#include <dirent.h>
#include <math.h>
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "model/model.h"
#include "plugin/plug.h"

struct engine_config rig_config(void)
{
	struct engine_config c = {.kv_type = ZINC_F32, .numerics = RUN_NUM_F32};

	return c;
}

static void must(int rc, const struct zinc_err *err)
{
	if (rc)
		fail_msg("%s", err->msg);
}

static const char *backend_id(void)
{
	const char *id = getenv("ZINC_TEST_BACKEND");

	return id && *id ? id : "cpu";
}

enum { MAX_OPTIONS = 8, MAX_TEXT = 256 };

/* Splits ZINC_TEST_OPTIONS behind those that are there; text is what they point into. */
static uint32_t add_options(const char **options, uint32_t n, char text[MAX_TEXT])
{
	const char *given = getenv("ZINC_TEST_OPTIONS");
	char *rest = text, *one;

	if (!given)
		return n;
	assert_true(strlen(given) < MAX_TEXT);
	strcpy(text, given);
	while ((one = strsep(&rest, ","))) {
		assert_true(n < MAX_OPTIONS);
		options[n++] = one;
	}
	return n;
}

static int open_registry(struct plug_registry **reg, struct zinc_err *err)
{
	static const char *const dirs[] = {ZINC_BUILD_PLUGIN_DIR};
	/* Tests run beside each other; two pools on the same CPUs would take
	 * them from each other. */
	const char *options[MAX_OPTIONS] = {"cpu.threads=1"};
	char text[MAX_TEXT];
	struct plug_config pc = {.dirs = dirs, .n_dirs = 1, .only_dirs = true,
	                         .options = options};

	pc.n_options = add_options(options, 1, text);
	return plug_registry_create(&pc, reg, err);
}

static uint32_t n_parts, n_mine;

bool rig_mine(void)
{
	const char *which = getenv("ZINC_TEST_SHARD");
	unsigned i = 0, k = 0;
	int end = 0;

	if (!which)
		return true;
	sscanf(which, "%u/%u%n", &i, &k, &end);
	if (!end || which[end] || !i || i > k)
		fail_msg("ZINC_TEST_SHARD is I/K, 1 <= I <= K, not \"%s\"", which);
	if (n_parts++ % k != i - 1)
		return false;
	n_mine++;
	return true;
}

int rig_result(int failed)
{
	if (getenv("ZINC_TEST_SHARD"))
		print_message("shard %s: %u of %u parts\n", getenv("ZINC_TEST_SHARD"), n_mine,
		              n_parts);
	if (failed || !getenv("ZINC_TEST_SHARD") || n_mine)
		return failed;
	print_message("ZINC_TEST_SHARD leaves nothing to test\n");
	return 1;
}

bool rig_has_backend(void)
{
	struct plug_registry *reg;
	const struct plug *backend;
	const char *why;
	struct zinc_err err;
	int rc = open_registry(&reg, &err);

	if (!rc) {
		rc = plug_backend(reg, backend_id(), &backend, &why, &err);
		plug_registry_destroy(reg);
	}
	if (rc)
		print_message("skipped: %s\n", err.msg);
	return !rc;
}

void rig_open(struct rig *r, const char *path, const struct engine_config *c)
{
	rig_open_wrapped(r, path, c, NULL);
}

void rig_open_wrapped(struct rig *r, const char *path, const struct engine_config *c,
                      const struct plug *(*wrap)(const struct plug *backend))
{
	const struct plug *backend;
	const char *why;
	struct zinc_err err;

	memset(r, 0, sizeof(*r));
	must(open_registry(&r->reg, &err), &err);
	must(plug_backend(r->reg, backend_id(), &backend, &why, &err), &err);
	must(model_open(r->reg, path, &r->model, &err), &err);
	must(engine_create(c, r->model, wrap ? wrap(backend) : backend, &r->engine, &err), &err);
}

void rig_close(struct rig *r)
{
	engine_destroy(r->engine);
	model_close(r->model);
	plug_registry_destroy(r->reg);
	memset(r, 0, sizeof(*r));
}

struct collect {
	const struct model *model;
	float *logits, *hidden;
	uint32_t n;
	uint32_t rows;
};

static void on_logits(void *ctx, struct seq *s, uint32_t pos, const float *logits)
{
	struct collect *c = ctx;
	size_t v = c->model->info.n_vocab;

	(void)s;
	assert_true(pos < c->n);
	memcpy(c->logits + pos * v, logits, v * sizeof(float));
	c->rows++;
}

static void on_hidden(void *ctx, struct seq *s, uint32_t pos, uint32_t layer, const float *x,
                      uint32_t n_embd)
{
	struct collect *c = ctx;

	(void)s;
	assert_true(pos < c->n && layer <= c->model->info.n_layer);
	memcpy(c->hidden + ((size_t)layer * c->n + pos) * n_embd, x, n_embd * sizeof(float));
}

void rig_run(struct rig *r, struct seq *s)
{
	struct zinc_err err;

	while (engine_seq_waiting(s))
		must(engine_step(r->engine, NULL, &err), &err);
}

void rig_logits(struct rig *r, const int32_t *ids, uint32_t n, float *logits, float *hidden)
{
	struct collect c = {r->model, logits, hidden, n, 0};
	struct zinc_err err;
	struct seq *s;

	must(engine_seq_create(r->engine, &s, &err), &err);
	engine_seq_on_logits(s, on_logits, &c);
	if (hidden)
		engine_seq_on_hidden(s, on_hidden, &c);
	must(engine_seq_push(r->engine, s, ids, n, &err), &err);
	rig_run(r, s);
	assert_int_equal(c.rows, n);
	engine_seq_destroy(r->engine, s);
}

int32_t rig_choose(const struct rig *r, struct seq *s)
{
	const int32_t *ids;
	const float *logits, *best;
	struct zinc_err err;
	int32_t id;

	must(engine_seq_logits(s, &logits, &err), &err);
	id = (int32_t)rig_argmax(logits, r->model->info.n_vocab);
	if (engine_seq_best(s, &ids, &best)) {
		assert_int_equal(ids[0], id);
		assert_true(best[0] == logits[id]);
	}
	return id;
}

void rig_greedy(struct rig *r, const int32_t *ids, uint32_t n_ids, int32_t *out, uint32_t n)
{
	struct zinc_err err;
	struct seq *s;

	must(engine_seq_create(r->engine, &s, &err), &err);
	must(engine_seq_push(r->engine, s, ids, n_ids, &err), &err);
	for (uint32_t i = 0; i < n; i++) {
		rig_run(r, s);
		out[i] = rig_choose(r, s);
		must(engine_seq_push(r->engine, s, &out[i], 1, &err), &err);
	}
	engine_seq_destroy(r->engine, s);
}

uint32_t rig_argmax(const float *x, uint32_t n)
{
	uint32_t best = 0;

	for (uint32_t i = 1; i < n; i++)
		if (x[i] > x[best])
			best = i;
	return best;
}

double rig_max_abs(const float *a, const float *b, size_t n)
{
	double worst = 0;

	for (size_t i = 0; i < n; i++) {
		double d = fabs((double)a[i] - b[i]);

		if (!(d <= worst))
			worst = isnan(d) ? INFINITY : d;
	}
	return worst;
}

double rig_rms(const float *a, const float *b, size_t n)
{
	double sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += ((double)a[i] - b[i]) * ((double)a[i] - b[i]);
	return sqrt(sum / (double)n);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

char **rig_list(const char *dir, uint32_t *n)
{
	char **list = NULL;
	struct dirent *d;
	DIR *f = opendir(dir);

	if (!f)
		fail_msg("no folder %s", dir);
	*n = 0;
	while ((d = readdir(f))) {
		size_t len = strlen(d->d_name);

		if (len < 6 || strcmp(d->d_name + len - 5, ".gguf"))
			continue;
		list = realloc(list, (*n + 1) * sizeof(*list));
		assert_non_null(list);
		assert_true(asprintf(&list[(*n)++], "%s/%s", dir, d->d_name) > 0);
	}
	closedir(f);
	assert_true(*n > 0);
	qsort(list, *n, sizeof(*list), by_name);
	return list;
}

void rig_list_free(char **list, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		free(list[i]);
	free(list);
}

const char *rig_f16_dir(void)
{
	const char *dir = getenv("ZINC_FIXTURES");
	static char path[4096];

	if (!dir || !*dir)
		return NULL;
	snprintf(path, sizeof(path), "%s/f16", dir);
	return path;
}
