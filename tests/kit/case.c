/* case.c - building cases; see case.h. */
#include "case.h"

#include <stdarg.h>
#include <stdio.h>

struct kit_case *kit_case_create(const struct kit_recipe *r, const void *shape,
                                 uint32_t variation)
{
	static uint64_t n_cases;
	struct kit_case *c = must_calloc(1, sizeof(*c));

	c->serial = ++n_cases;
	c->recipe = r;
	c->shape = shape;
	c->variation = variation;
	c->wtype = 0xff;
	c->rnd.state = r->op * UINT64_C(1000003);
	r->build(c, shape);
	return c;
}

void kit_case_destroy(struct kit_case *c)
{
	for (uint32_t i = 0; c && i < c->n_mem; i++)
		free(c->mem[i]);
	if (c)
		free(c->mem);
	free(c);
}

void *kit_alloc(struct kit_case *c, size_t n, size_t size)
{
	if (c->n_mem == c->room_mem) {
		c->room_mem = c->room_mem ? 2 * c->room_mem : 32;
		c->mem = realloc(c->mem, c->room_mem * sizeof(*c->mem));
		if (!c->mem)
			exit(2);
	}
	return c->mem[c->n_mem++] = must_calloc(n, size);
}

/* The sum of four 16-bit numbers: near enough to normal, and quick. */
float *kit_normal(struct kit_case *c, size_t n, float scale)
{
	float *x = kit_alloc(c, n, sizeof(*x));

	for (size_t i = 0; i < n; i++) {
		uint64_t u = rnd_u64(&c->rnd);
		uint32_t sum = (uint32_t)((u & 0xffff) + (u >> 16 & 0xffff) + (u >> 32 & 0xffff) +
		                          (u >> 48));

		x[i] = ((float)sum * 0x1p-16f - 2) * 1.7320508f * scale;
	}
	return x;
}

float *kit_uniform(struct kit_case *c, size_t n, float lo, float hi)
{
	float *x = kit_alloc(c, n, sizeof(*x));

	for (size_t i = 0; i < n; i++)
		x[i] = rnd_float(&c->rnd, lo, hi);
	return x;
}

void kit_text(struct kit_case *c, const char *format, ...)
{
	size_t have = strlen(c->text);
	va_list args;

	va_start(args, format);
	vsnprintf(c->text + have, sizeof(c->text) - have, format, args);
	va_end(args);
}

struct kit_rows kit_rows(struct kit_case *c, uint32_t slot, uint32_t n, uint32_t n_max)
{
	struct kit_rows r = {0, n, n_max, zinc_slot(slot, n_max)};
	const uint32_t picks[3] = {n - 1, 0, n / 2};

	c->n_variations = n > 2 ? 3 : n > 1 ? 2 : 0;
	if (c->variation)
		r = (struct kit_rows){picks[c->variation - 1], 1, 1, zinc_imm(1)};
	c->cols = r.n_max;
	c->params[slot] = r.n;
	return r;
}

static struct kit_region *region_of(const struct zinc_view *v)
{
	return (struct kit_region *)(void *)v->buf;
}

struct zinc_view kit_tensor(struct kit_case *c, enum kit_place place, uint32_t dtype,
                            uint32_t ne0, uint32_t ne1, uint32_t ne2, uint32_t ne3)
{
	struct zinc_view v = {.dtype = dtype, .ne = {ne0, ne1, ne2, ne3}};
	struct kit_region *r = &c->regions[c->n_regions++];

	if (c->n_regions > KIT_REGIONS)
		abort();
	v.nb[0] = num_block_bytes(dtype);
	v.nb[1] = num_row_bytes(dtype, ne0);
	v.nb[2] = v.nb[1] * ne1;
	v.nb[3] = v.nb[2] * ne2;
	*r = (struct kit_region){.place = place, .bytes = v.nb[3] * ne3, .dirty = true};
	r->image = kit_alloc(c, r->bytes, 1);
	memset(r->image, 0xff, r->bytes);
	v.buf = (struct zinc_buf *)(void *)r;
	return v;
}

struct zinc_view kit_act(struct kit_case *c, uint32_t d, uint32_t h, uint32_t n, uint32_t pad)
{
	struct zinc_view v = h ? kit_tensor(c, KIT_DATA, ZINC_F32, d + pad, h, n, 1)
	                       : kit_tensor(c, KIT_DATA, ZINC_F32, d + pad, n, 1, 1);

	/* Room in front as well, so that such views do not start aligned. */
	return pad ? zinc_view_lanes(v, pad / 2, d) : v;
}

struct zinc_view kit_first_rows(struct zinc_view v, uint32_t row_dim, uint32_t n)
{
	v.ne[row_dim] = n;
	return v;
}

struct zinc_view kit_act_of(struct kit_case *c, uint32_t d, uint32_t h, struct kit_rows rows,
                            uint32_t pad, const float *all_rows)
{
	struct zinc_view v = kit_act(c, d, h, rows.n_max, pad);
	struct zinc_view live = kit_first_rows(v, h ? 2 : 1, rows.n);

	kit_put(&live, all_rows + (size_t)rows.first * d * (h ? h : 1));
	return v;
}

struct zinc_view kit_vector(struct kit_case *c, enum kit_place place, uint32_t dtype, uint32_t n,
                            const void *data)
{
	struct zinc_view v = kit_tensor(c, place, dtype, n, 1, 1, 1);

	kit_put(&v, data);
	return v;
}

static uint64_t n_rows_of(const struct zinc_view *v)
{
	return (uint64_t)v->ne[1] * v->ne[2] * v->ne[3];
}

static uint64_t row_at(const struct zinc_view *v, uint64_t i)
{
	return v->off + i % v->ne[1] * v->nb[1] + i / v->ne[1] % v->ne[2] * v->nb[2] +
	       i / v->ne[1] / v->ne[2] * v->nb[3];
}

void kit_put(const struct zinc_view *v, const void *dense)
{
	struct kit_region *r = region_of(v);
	uint64_t bytes = num_row_bytes(v->dtype, v->ne[0]);

	for (uint64_t i = 0; i < n_rows_of(v); i++)
		memcpy(r->image + row_at(v, i), (const uint8_t *)dense + i * bytes, bytes);
	r->dirty = true;
}

static void set_rows(const struct zinc_view *v, uint8_t *to, int value)
{
	uint64_t bytes = num_row_bytes(v->dtype, v->ne[0]);

	for (uint64_t i = 0; i < n_rows_of(v); i++)
		memset(to + row_at(v, i), value, bytes);
}

void kit_poison(const struct zinc_view *v)
{
	set_rows(v, region_of(v)->image, 0xff);
	region_of(v)->dirty = true;
}

void kit_may(struct kit_case *c, const struct zinc_view *v)
{
	struct kit_region *r = region_of(v);

	if (!r->may)
		r->may = kit_alloc(c, r->bytes, 1);
	set_rows(v, r->may, 1);
}

void kit_out(struct kit_case *c, const struct zinc_view *v, uint32_t row_dim,
             struct kit_rows r)
{
	kit_may(c, v);
	c->outs[c->n_outs++] = (struct kit_out){.view = kit_first_rows(*v, row_dim, r.n),
	                                        .row_dim = row_dim, .first = r.first};
}

struct kit_want *kit_want(struct kit_case *c, uint32_t i, uint32_t dtype, uint32_t row_elems,
                          uint32_t n_rows)
{
	struct kit_want *w = &c->wants[i];
	size_t n = (size_t)row_elems * n_rows;

	*w = (struct kit_want){.dtype = dtype, .row_elems = row_elems, .n_rows = n_rows};
	w->want = kit_alloc(c, n, sizeof(double));
	w->slack = kit_alloc(c, n, sizeof(double));
	return w;
}

void kit_slack_rows(struct kit_want *w, uint32_t len, double tol)
{
	size_t n = (size_t)w->row_elems * w->n_rows;

	for (size_t at = 0; at < n; at += len) {
		double squares = 0;

		for (size_t i = at; i < at + len; i++)
			squares += w->want[i] * w->want[i];
		for (size_t i = at; i < at + len; i++)
			w->slack[i] += tol * sqrt(squares / len);
	}
}

void kit_slack_elems(struct kit_want *w, double tol, double floor)
{
	size_t n = (size_t)w->row_elems * w->n_rows;

	for (size_t i = 0; i < n; i++)
		w->slack[i] += tol * fabs(w->want[i]) + floor;
}
