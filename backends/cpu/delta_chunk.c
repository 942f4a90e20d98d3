/* delta_chunk.c - the delta net in chunks of DELTA_CHUNK tokens, as dense
 * products (Yang, Wang, Zhang, Shen, Kim, 2024: "Parallelizing linear
 * transformers with the delta rule").
 *
 * With G the cumulative log decay inside the chunk, D[t][s] = exp(G_t - G_s)
 * for s <= t, and S the state before the chunk:
 *   A = strictly lower part of (diag(b) (K K^T) o D)
 *   (I + A) U = diag(b) (V - diag(e^G) K S)          by forward substitution
 *   O = diag(e^G) Q S + ((Q K^T) o D) U
 *   S = e^Gn S + (diag(e^(Gn - G)) K)^T U
 * The differences of G are formed before exp, so nothing overflows, and in
 * double: G itself may be in the hundreds where its differences are small. */
#include <math.h>
#include <string.h>

#include "delta.h"

/* A thread's memory. Rows of tokens: [DELTA_CHUNK][...]. */
struct space {
	float *q, *k;      /* [chunk][d_k]             */
	float *kt;         /* [d_k][chunk]             */
	float *a, *p;      /* [chunk][chunk]           */
	float *u, *o;      /* [chunk][d_v padded]      */
	float *s;          /* [d_k][d_v padded]        */
	float *beta, *row; /* [chunk]                  */
};

struct chunk {
	const struct delta_head *h;
	const struct space *w;
	uint32_t n, d_k, d_v; /* d_v padded */
	uint64_t token;
	double log_decay[DELTA_CHUNK]; /* G */
};

static uint64_t lay_out(const struct zinc_op_delta_net *d, float *mem, struct space *w)
{
	const uint64_t c = DELTA_CHUNK, d_k = delta_dk(d), d_v = kern_padded(delta_dv(d));
	const uint64_t sizes[] = {c * d_k, c * d_k, c * d_k, c * c, c * c, c * d_v, c * d_v,
	                          d_k * d_v, c, c};
	float **const places[] = {&w->q, &w->k, &w->kt, &w->a, &w->p, &w->u, &w->o, &w->s,
	                          &w->beta, &w->row};
	uint64_t at = 0;

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		if (mem)
			*places[i] = mem + at;
		at += (sizes[i] + KERN_PAD - 1) / KERN_PAD * KERN_PAD;
	}
	return at * sizeof(float);
}

uint64_t delta_chunk_bytes(const struct zinc_op_delta_net *d)
{
	struct space none;

	return lay_out(d, NULL, &none);
}

static void load_chunk(struct chunk *c)
{
	const struct zinc_op_delta_net *d = c->h->d;
	const struct space *w = c->w;
	double sum = 0;

	memset(w->kt, 0, (uint64_t)c->d_k * DELTA_CHUNK * sizeof(float));
	for (uint32_t t = 0; t < c->n; t++) {
		float *k = w->k + (uint64_t)t * c->d_k;

		delta_unit_row(c->h, &d->q, c->token + t, d->q_scale,
		               w->q + (uint64_t)t * c->d_k);
		delta_unit_row(c->h, &d->k, c->token + t, 1.0f, k);
		for (uint32_t i = 0; i < c->d_k; i++)
			w->kt[(uint64_t)i * DELTA_CHUNK + t] = k[i];
		sum += delta_log_decay(c->h, c->token + t);
		c->log_decay[t] = sum;
		w->beta[t] = delta_beta(c->h, c->token + t);
	}
}

/* row[s] = D[t][s] for s <= t. */
static void decays_to(const struct chunk *c, uint32_t t)
{
	float *row = c->w->row;

	for (uint32_t s = 0; s <= t; s++)
		row[s] = (float)(c->log_decay[t] - c->log_decay[s]);
	c->h->kern->exp_sum(row, row, 0, t + 1);
}

/* a = -A and p = (Q K^T) o D, zero above the diagonal. */
static void token_products(const struct chunk *c)
{
	const struct space *w = c->w;
	struct kern_gemm g = {.a = w->k, .b = w->kt, .c = w->a, .lda = c->d_k,
	                      .ldb = DELTA_CHUNK, .ldc = DELTA_CHUNK, .m = c->n,
	                      .n = kern_padded(c->n), .k = c->d_k};

	memset(w->a, 0, sizeof(float) * DELTA_CHUNK * DELTA_CHUNK);
	memset(w->p, 0, sizeof(float) * DELTA_CHUNK * DELTA_CHUNK);
	c->h->kern->gemm(&g);
	g.a = w->q;
	g.c = w->p;
	c->h->kern->gemm(&g);
	for (uint32_t t = 0; t < c->n; t++) {
		float *a = w->a + (uint64_t)t * DELTA_CHUNK, *p = w->p + (uint64_t)t * DELTA_CHUNK;

		decays_to(c, t);
		for (uint32_t s = 0; s <= t; s++) {
			p[s] *= w->row[s];
			a[s] *= -w->beta[t] * w->row[s];
		}
		memset(a + t, 0, (DELTA_CHUNK - t) * sizeof(float));
		memset(p + t + 1, 0, (DELTA_CHUNK - t - 1) * sizeof(float));
	}
}

/* out = rows S. */
static void times_state(const struct chunk *c, const float *rows, float *out)
{
	struct kern_gemm g = {.a = rows, .b = c->w->s, .c = out, .lda = c->d_k, .ldb = c->d_v,
	                      .ldc = c->d_v, .m = c->n, .n = c->d_v, .k = c->d_k};

	memset(out, 0, (uint64_t)c->n * c->d_v * sizeof(float));
	c->h->kern->gemm(&g);
}

/* The right-hand side of the triangular system, into u. */
static void right_side(const struct chunk *c)
{
	const struct zinc_op_delta_net *d = c->h->d;

	times_state(c, c->w->k, c->w->u);
	for (uint32_t t = 0; t < c->n; t++) {
		const float *v = cpu_f32(&d->v, c->h->head, c->token + t);
		float *u = c->w->u + (uint64_t)t * c->d_v;
		float decay = expf((float)c->log_decay[t]), beta = c->w->beta[t];

		for (uint32_t i = 0; i < delta_dv(d); i++)
			u[i] = beta * (v[i] - decay * u[i]);
	}
}

/* Forward substitution, a few rows at a time: what lies left of them in one
 * product, then row by row inside. */
static void solve(const struct chunk *c)
{
	enum { ROWS = 4 };
	const struct space *w = c->w;

	for (uint32_t t = 0; t < c->n; t += ROWS) {
		uint32_t rows = c->n - t < ROWS ? c->n - t : ROWS;
		struct kern_gemm g = {.a = w->a + (uint64_t)t * DELTA_CHUNK, .b = w->u,
		                      .c = w->u + (uint64_t)t * c->d_v, .lda = DELTA_CHUNK,
		                      .ldb = c->d_v, .ldc = c->d_v, .m = rows, .n = c->d_v,
		                      .k = t};

		c->h->kern->gemm(&g);
		for (uint32_t r = 1; r < rows; r++) {
			struct kern_gemm in = g;

			in.a = w->a + (uint64_t)(t + r) * DELTA_CHUNK + t;
			in.b = w->u + (uint64_t)t * c->d_v;
			in.c = w->u + (uint64_t)(t + r) * c->d_v;
			in.m = 1;
			in.k = r;
			c->h->kern->gemm(&in);
		}
	}
}

static void write_output(const struct chunk *c)
{
	const struct zinc_op_delta_net *d = c->h->d;
	const struct space *w = c->w;
	struct kern_gemm g = {.a = w->p, .b = w->u, .c = w->o, .lda = DELTA_CHUNK, .ldb = c->d_v,
	                      .ldc = c->d_v, .m = c->n, .n = c->d_v, .k = c->n};

	times_state(c, w->q, w->o);
	for (uint32_t t = 0; t < c->n; t++) {
		float *o = w->o + (uint64_t)t * c->d_v, decay = expf((float)c->log_decay[t]);

		for (uint32_t i = 0; i < c->d_v; i++)
			o[i] *= decay;
	}
	c->h->kern->gemm(&g);
	for (uint32_t t = 0; t < c->n; t++)
		memcpy(cpu_f32(&d->y, c->h->head, c->token + t), w->o + (uint64_t)t * c->d_v,
		       delta_dv(d) * sizeof(float));
}

static void advance_state(const struct chunk *c)
{
	const struct space *w = c->w;
	struct kern_gemm g = {.a = w->kt, .b = w->u, .c = w->s, .lda = DELTA_CHUNK, .ldb = c->d_v,
	                      .ldc = c->d_v, .m = c->d_k, .n = c->d_v, .k = c->n};
	float decay = expf((float)c->log_decay[c->n - 1]);

	decays_to(c, c->n - 1);
	for (uint32_t i = 0; i < c->d_k; i++)
		for (uint32_t t = 0; t < c->n; t++)
			w->kt[(uint64_t)i * DELTA_CHUNK + t] *= w->row[t];
	for (uint64_t i = 0; i < (uint64_t)c->d_k * c->d_v; i++)
		w->s[i] *= decay;
	c->h->kern->gemm(&g);
}

/* Between the slot's blocks of columns and the rows of w->s. */
static void move_state(const struct delta_head *h, float *rows, bool to_slot)
{
	uint32_t d_k = delta_dk(h->d), d_v = delta_dv(h->d), padded = kern_padded(d_v);

	for (uint32_t first = 0; first < d_v; first += KERN_DELTA_COLS) {
		uint32_t cols = delta_block_cols(d_v, first);
		float *block = h->state + (uint64_t)first * d_k;

		for (uint32_t i = 0; i < d_k; i++) {
			float *row = rows + (uint64_t)i * padded + first;
			float *in_slot = block + (uint64_t)i * cols;

			memcpy(to_slot ? in_slot : row, to_slot ? row : in_slot,
			       cols * sizeof(float));
		}
	}
}

void delta_chunk_head(const struct delta_head *h, uint8_t *mem)
{
	struct space w;
	struct chunk c = {.h = h, .w = &w, .d_k = delta_dk(h->d),
	                  .d_v = kern_padded(delta_dv(h->d))};

	lay_out(h->d, (float *)(void *)mem, &w);
	memset(w.s, 0, (uint64_t)c.d_k * c.d_v * sizeof(float));
	move_state(h, w.s, false);
	for (uint32_t done = 0; done < h->n_tokens; done += c.n) {
		c.n = h->n_tokens - done < DELTA_CHUNK ? h->n_tokens - done : DELTA_CHUNK;
		c.token = h->token + (uint64_t)done;
		load_chunk(&c);
		token_products(&c);
		right_side(&c);
		solve(&c);
		write_output(&c);
		advance_state(&c);
	}
	move_state(h, w.s, true);
}
