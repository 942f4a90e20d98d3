/* quantize.c - reads, encodes and writes the tensors of a file one by one, a
 * slab at a time, each slab shared among threads. */
#include "model/quantize.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "model/dtype.h"
#include "model/enc.h"
#include "model/gguf.h"
#include "model/gguf_write.h"
#include "model/quant_recipe.h"
#include "util/err.h"

/* Elements; multiples of every block, so that neither rows nor tensors matter
 * to the encoders. */
enum { PIECE = 1 << 14, SLAB = 1 << 22, MAX_THREADS = 256 };

struct slab {
	const uint8_t *src;
	uint8_t *dst;
	uint64_t n; /* elements */
	uint32_t from, to;
	atomic_uint_fast64_t next; /* first element that nobody has taken */
	atomic_int result;         /* enum enc_result, the worst          */
};

struct quantizer {
	const struct quantize_job *job;
	struct gguf *gguf;
	struct gguf_writer *writer;
	struct quant_choice *choices;
	uint8_t *encoded;
};

static void *work(void *arg)
{
	struct slab *s = arg;
	float x[PIECE];
	uint64_t at;

	while ((at = atomic_fetch_add(&s->next, PIECE)) < s->n) {
		uint64_t n = s->n - at < PIECE ? s->n - at : PIECE;
		enum enc_result r;

		enc_load_row(s->from, s->src + dtype_row_bytes(s->from, at), x, n);
		r = enc_row(s->to, x, s->dst + dtype_row_bytes(s->to, at), n);
		if (r)
			atomic_store(&s->result, (int)r);
	}
	return NULL;
}

/* Threads that cannot be had are not needed: the caller works too. */
static void encode_slab(struct slab *s, uint32_t n_threads)
{
	pthread_t threads[MAX_THREADS];
	uint64_t pieces = (s->n + PIECE - 1) / PIECE;
	uint32_t n = 0;

	while (n + 1 < n_threads && n + 1 < pieces && n < MAX_THREADS &&
	       pthread_create(&threads[n], NULL, work, s) == 0)
		n++;
	work(s);
	while (n > 0)
		pthread_join(threads[--n], NULL);
}

static int slab_error(const struct gguf_tensor *t, uint32_t dtype, int result,
                      struct zinc_err *err)
{
	if (result == ENC_NOT_FINITE)
		return err_set(err, ZINC_E_INVALID,
		               "tensor %s holds an infinity or a NaN: the file is damaged", t->name);
	return err_set(err, ZINC_E_INVALID, "tensor %s holds values too large for %s", t->name,
	               dtype_name(dtype));
}

static int encode_tensor(struct quantizer *q, const struct gguf_tensor *t, uint32_t dtype,
                         struct zinc_err *err)
{
	uint64_t n = (uint64_t)t->ne[0] * t->ne[1] * t->ne[2] * t->ne[3];
	const volatile sig_atomic_t *stop = q->job->stop;
	int rc = ZINC_OK;

	for (uint64_t at = 0; at < n && !rc; at += SLAB) {
		struct slab s = {.n = n - at < SLAB ? n - at : SLAB, .from = t->dtype, .to = dtype,
		                 .src = (const uint8_t *)t->data + dtype_row_bytes(t->dtype, at),
		                 .dst = q->encoded};

		if (stop && *stop)
			return err_set(err, ZINC_E_TIMEOUT, "stopped, %s was not written", q->job->out);
		encode_slab(&s, q->job->n_threads);
		if (s.result)
			return slab_error(t, dtype, s.result, err);
		rc = gguf_writer_data(q->writer, s.dst, dtype_row_bytes(dtype, s.n), err);
	}
	return rc;
}

static bool is_replaced(const struct gguf_kv *kv)
{
	return !strcmp(kv->key_z, "general.file_type") ||
	       !strcmp(kv->key_z, "general.quantization_version") ||
	       !strncmp(kv->key_z, "split.", strlen("split."));
}

static int write_metadata(struct quantizer *q, struct zinc_err *err)
{
	int rc = ZINC_OK;

	for (uint64_t i = 0; i < gguf_n_kv(q->gguf) && !rc; i++)
		if (!is_replaced(gguf_kv_at(q->gguf, i)))
			rc = gguf_writer_kv(q->writer, gguf_kv_at(q->gguf, i), err);
	if (!rc)
		rc = gguf_writer_kv_u32(q->writer, "general.quantization_version", 2, err);
	if (!rc)
		rc = gguf_writer_kv_u32(q->writer, "general.file_type", q->job->recipe->file_type, err);
	for (uint64_t i = 0; i < gguf_n_tensors(q->gguf) && !rc; i++) {
		struct gguf_tensor t = *gguf_tensor_at(q->gguf, i);

		t.dtype = q->choices[i].dtype;
		rc = gguf_writer_tensor(q->writer, &t, err);
	}
	return rc ? rc : gguf_writer_begin(q->writer, err);
}

static int write_tensors(struct quantizer *q, struct quantize_stats *stats, struct zinc_err *err)
{
	uint64_t n = gguf_n_tensors(q->gguf);
	int rc = ZINC_OK;

	for (uint64_t i = 0; i < n && !rc; i++) {
		const struct gguf_tensor *t = gguf_tensor_at(q->gguf, i);
		uint32_t dtype = q->choices[i].dtype;
		struct quantize_step step = {i, n, t, dtype};

		if (q->job->progress)
			q->job->progress(q->job->ctx, &step);
		rc = dtype == t->dtype ? gguf_writer_data(q->writer, t->data, t->bytes, err)
		                       : encode_tensor(q, t, dtype, err);
		stats->bytes_in += t->bytes;
		stats->bytes_out += t->bytes / dtype_row_bytes(t->dtype, t->ne[0]) *
		                    dtype_row_bytes(dtype, t->ne[0]);
		stats->n_fallback += q->choices[i].fallback;
	}
	stats->n_tensors = n;
	return rc;
}

/* out is not the source under this or another name, and is a file. */
static int check_out(const struct quantizer *q, const char *out, struct zinc_err *err)
{
	struct stat to, from;

	if (stat(out, &to) < 0)
		return ZINC_OK;
	if (!S_ISREG(to.st_mode))
		return err_set(err, ZINC_E_INVALID, "%s is no regular file; name another output", out);
	for (uint32_t i = 0; i < gguf_n_maps(q->gguf); i++)
		if (stat(gguf_map_at(q->gguf, i)->path, &from) == 0 && from.st_dev == to.st_dev &&
		    from.st_ino == to.st_ino)
			return err_set(err, ZINC_E_INVALID,
			               "%s is the file that is read; name another output", out);
	return ZINC_OK;
}

static int run(struct quantizer *q, const char *out, struct quantize_stats *stats,
               struct zinc_err *err)
{
	int rc = check_out(q, out, err);

	if (rc)
		return rc;
	q->choices = calloc((size_t)gguf_n_tensors(q->gguf) + 1, sizeof(*q->choices));
	q->encoded = malloc((size_t)SLAB * 2); /* no type written takes more than F16 */
	if (!q->choices || !q->encoded)
		return err_set(err, ZINC_E_NO_MEMORY, "out of memory while writing %s", out);
	rc = quant_recipe_plan(q->job->recipe, q->gguf, q->choices, err);
	if (rc)
		return rc;
	rc = gguf_writer_create(out, &q->writer, err);
	if (!rc)
		rc = write_metadata(q, err);
	if (!rc)
		rc = write_tensors(q, stats, err);
	return rc ? rc : gguf_writer_commit(q->writer, err);
}

int quantize_file(const struct quantize_job *job, struct quantize_stats *stats,
                  struct zinc_err *err)
{
	struct quantizer q = {.job = job};
	/* A link is followed: what it points to is replaced, not the link. */
	char *real = realpath(job->out, NULL);
	int rc;

	memset(stats, 0, sizeof(*stats));
	rc = gguf_open(job->in, &q.gguf, err);
	if (!rc)
		rc = run(&q, real ? real : job->out, stats, err);
	gguf_writer_destroy(q.writer);
	gguf_close(q.gguf);
	free(q.choices);
	free(q.encoded);
	free(real);
	return rc;
}
