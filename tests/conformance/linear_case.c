/* linear_case.c - data and descriptors of a random matrix product. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "linear_case.h"

#define GUARD 5u /* floats between the rows of y that nobody may touch */

static const float guard_value = -12345.5f;

float linear_random(uint32_t *seed)
{
	*seed = *seed * 1664525u + 1013904223u;
	return (float)(int32_t)(*seed >> 8) * 0x1p-23f - 1.0f;
}

void linear_buf_create(struct zinc_buf *b, uint64_t bytes)
{
	*b = (struct zinc_buf){.base = malloc(bytes), .bytes = bytes};
	assert_non_null(b->base);
}

struct zinc_view linear_view(struct zinc_buf *buf, uint32_t dtype, uint32_t ne0, uint32_t ne1,
                             uint32_t ne2)
{
	const struct quant_format *f = quant_format(dtype);
	uint64_t element = f ? f->bytes : dtype == ZINC_I32 ? 4 : 1;
	struct zinc_view v = {.buf = buf, .dtype = dtype, .ne = {ne0, ne1, ne2, 1}};

	v.nb[0] = element;
	v.nb[1] = f ? quant_row_bytes(dtype, ne0) : ne0 * element;
	v.nb[2] = v.nb[1] * ne1;
	v.nb[3] = v.nb[2] * ne2;
	return v;
}

/* Byte offsets of the F16 factors of a block; 0xff: none. */
static const uint8_t factors[][2] = {
	[ZINC_Q8_0] = {0, 0xff},   [ZINC_Q4_0] = {0, 0xff},   [ZINC_Q4_1] = {0, 2},
	[ZINC_Q5_0] = {0, 0xff},   [ZINC_Q5_1] = {0, 2},      [ZINC_Q2_K] = {80, 82},
	[ZINC_Q3_K] = {108, 0xff}, [ZINC_Q4_K] = {0, 2},      [ZINC_Q5_K] = {0, 2},
	[ZINC_Q6_K] = {208, 0xff}, [ZINC_IQ4_NL] = {0, 0xff}, [ZINC_IQ4_XS] = {0, 0xff},
	[ZINC_MXFP4] = {0xff, 0xff},
};

static void random_block(uint32_t dtype, uint8_t *dst, uint32_t bytes, uint8_t fill,
                         uint32_t *seed)
{
	for (uint32_t i = 0; i < bytes; i++) {
		*seed = *seed * 1664525u + 1013904223u;
		dst[i] = fill ? fill : (uint8_t)(*seed >> 24);
	}
	for (int i = 0; i < 2; i++) {
		uint16_t h = quant_f32_to_f16(linear_random(seed) * 0.01f);

		if (factors[dtype][i] != 0xff)
			memcpy(dst + factors[dtype][i], &h, sizeof(h));
	}
	if (dtype == ZINC_MXFP4)
		dst[0] = (uint8_t)(120 + dst[0] % 6);
}

void linear_random_weights(uint32_t dtype, uint8_t *dst, uint64_t n, uint8_t fill,
                           uint32_t *seed)
{
	const struct quant_format *f = quant_format(dtype);

	for (uint64_t i = 0; i < n / f->elems; i++) {
		float v = linear_random(seed);

		if (f->sub)
			random_block(dtype, dst + i * f->bytes, f->bytes, fill, seed);
		else
			quant_from_f32(dtype, &v, dst + i * f->bytes, 1);
	}
}

static void create_floats(struct zinc_buf *b, uint64_t n, uint32_t *seed)
{
	linear_buf_create(b, n * sizeof(float));
	for (uint64_t i = 0; i < n; i++)
		((float *)(void *)b->base)[i] = linear_random(seed);
}

static struct zinc_view create_weights(struct zinc_buf *b, const struct linear_shape *s,
                                       uint32_t dtype, uint32_t *seed)
{
	uint32_t experts = s->slots ? s->n_expert : 1, rows = s->half_rows ? 2 * s->m : s->m;
	struct zinc_view v = linear_view(b, dtype, s->k, rows, experts);

	linear_buf_create(b, v.nb[3]);
	linear_random_weights(dtype, b->base, (uint64_t)s->k * rows * experts, s->fill, seed);
	if (s->half_rows)
		v = zinc_view_rows(v, s->m, s->m);
	return v;
}

/* Distinct random experts per token, and the same choice grouped. */
static void create_routes(struct linear_case *c, uint32_t *seed)
{
	const struct linear_shape *s = &c->s;
	uint32_t n = s->n, k = s->slots, at = 0;
	int32_t *ids, *first, *perm;

	linear_buf_create(&c->ids, sizeof(int32_t) * (n * k + 1));
	linear_buf_create(&c->first, sizeof(int32_t) * (s->n_expert + 1));
	linear_buf_create(&c->perm, sizeof(int32_t) * (n * k + 1));
	ids = (int32_t *)(void *)c->ids.base;
	first = (int32_t *)(void *)c->first.base;
	perm = (int32_t *)(void *)c->perm.base;
	for (uint32_t t = 0; t < n; t++) {
		uint32_t start = (uint32_t)((linear_random(seed) + 1.0f) * 1000.0f);

		for (uint32_t i = 0; i < k; i++)
			ids[t * k + i] = (int32_t)((start + i * i) % s->n_expert);
	}
	for (uint32_t e = 0; e < s->n_expert; e++) {
		first[e] = (int32_t)at;
		for (uint32_t i = 0; i < n * k; i++)
			if (ids[i] == (int32_t)e)
				perm[at++] = (int32_t)i;
	}
	first[s->n_expert] = (int32_t)at;
	c->op.ids = linear_view(&c->ids, ZINC_I32, k, n, 1);
	c->op.expert_first = linear_view(&c->first, ZINC_I32, s->n_expert + 1, 1, 1);
	c->op.perm = linear_view(&c->perm, ZINC_I32, n * k, 1, 1);
}

/* A view of [n_max, (slots,) m] floats with guards behind each row. */
static struct zinc_view output_view(struct zinc_buf *b, const struct linear_shape *s)
{
	uint32_t n_max = s->n_max ? s->n_max : s->n;
	struct zinc_view v = s->slots ? linear_view(b, ZINC_F32, s->m, s->slots, n_max)
	                              : linear_view(b, ZINC_F32, s->m, n_max, 1);

	v.off = GUARD * sizeof(float);
	v.nb[1] += GUARD * sizeof(float);
	v.nb[2] = v.nb[1] * v.ne[1];
	v.nb[3] = v.nb[2] * v.ne[2];
	return v;
}

void linear_case_create(struct linear_case *c, const struct linear_shape *shape, uint32_t seed)
{
	uint32_t n_max = shape->n_max ? shape->n_max : shape->n;
	uint32_t slots = shape->slots ? shape->slots : 1, x_slots = shape->x_per_slot ? slots : 1;
	const struct linear_shape *s = &c->s;

	memset(c, 0, sizeof(*c));
	c->s = *shape;
	c->cells = s->n * slots;
	c->op.struct_size = sizeof(c->op);
	c->op.n = zinc_slot(ZINC_SLOT_N_TOKENS, n_max);
	c->op.scale = s->scale;
	c->op.act = s->act;
	c->op.w = create_weights(&c->w, s, s->dtype, &seed);
	if (s->act)
		c->op.gate_w = create_weights(&c->gate, s, s->gate_dtype, &seed);
	create_floats(&c->x, (uint64_t)n_max * x_slots * s->k, &seed);
	for (uint64_t i = 0; s->fill && i < c->x.bytes / sizeof(float); i++)
		((float *)(void *)c->x.base)[i] = i / s->k % 2 ? -1.0f : 1.0f;
	c->op.x = s->x_per_slot ? linear_view(&c->x, ZINC_F32, s->k, slots, n_max)
	                        : linear_view(&c->x, ZINC_F32, s->k, n_max, 1);
	linear_buf_create(&c->x_q8, n_max * x_slots * lin_act_row_bytes(s->k));
	c->op.y = output_view(&c->y, s);
	linear_buf_create(&c->y, GUARD * sizeof(float) + c->op.y.nb[3]);
	if (s->residual) {
		create_floats(&c->residual, c->y.bytes / sizeof(float), &seed);
		c->op.residual = output_view(s->alias ? &c->y : &c->residual, s);
	}
	if (s->slots)
		create_routes(c, &seed);
}

static void pack(struct zinc_buf *b, struct zinc_view *v)
{
	struct zinc_buf packed;
	uint64_t group = LIN_ROWS * v->nb[1];

	linear_buf_create(&packed, b->bytes);
	for (uint64_t at = 0; at < b->bytes; at += group)
		lin_pack(&lin_plain, v->dtype, b->base + at, v->nb[1], LIN_ROWS, v->ne[0],
		         packed.base + at);
	free(b->base);
	b->base = packed.base;
	v->layout = LIN_PACKED;
}

void linear_case_pack(struct linear_case *c)
{
	assert_int_equal(c->s.m % LIN_ROWS, 0);
	pack(&c->w, &c->op.w);
	if (c->s.act)
		pack(&c->gate, &c->op.gate_w);
}

void linear_case_destroy(struct linear_case *c)
{
	struct zinc_buf *all[] = {&c->w, &c->gate, &c->x, &c->x_q8, &c->y, &c->residual, &c->ids,
	                          &c->first, &c->perm};

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		free(all[i]->base);
}

struct zinc_op_linear linear_case_op(const struct linear_case *c, uint32_t numerics)
{
	struct zinc_op_linear op = c->op;

	if (numerics == ZINC_NUM_Q8) {
		op.x.buf = (struct zinc_buf *)(uintptr_t)&c->x_q8;
		op.x.dtype = ZINC_U8;
		op.x.layout = LIN_ACT_LAYOUT;
		memset(op.x.nb, 0, sizeof(op.x.nb));
	}
	return op;
}

uint32_t linear_variant(const struct zinc_op_impl *impl, uint32_t numerics)
{
	for (uint32_t i = 0; i < impl->n_variants; i++)
		if (impl->variants[i].numerics == numerics)
			return i;
	fail_msg("%s has no variant of class %u", impl->name, numerics);
	return 0;
}

static float *row_of(const struct linear_case *c, uint32_t cell)
{
	uint32_t slots = c->s.slots ? c->s.slots : 1;

	return c->s.slots ? cpu_f32(&c->op.y, cell % slots, cell / slots)
	                  : cpu_f32(&c->op.y, cell, 0);
}

/* Guards everywhere, or the residual where y starts as its own. */
static void prepare_output(struct linear_case *c)
{
	float *y = (float *)(void *)c->y.base;

	for (uint64_t i = 0; i < c->y.bytes / sizeof(float); i++)
		y[i] = guard_value;
	for (uint32_t cell = 0; cell < c->cells && c->s.alias; cell++)
		memcpy(row_of(c, cell), c->residual.base + ((uint8_t *)row_of(c, cell) - c->y.base),
		       c->s.m * sizeof(float));
}

static void take_output(struct linear_case *c, float *out)
{
	float *y = (float *)(void *)c->y.base;

	for (uint32_t cell = 0; cell < c->cells; cell++) {
		memcpy(out + (uint64_t)cell * c->s.m, row_of(c, cell), c->s.m * sizeof(float));
		for (uint32_t r = 0; r < c->s.m; r++)
			row_of(c, cell)[r] = guard_value;
	}
	for (uint64_t i = 0; i < c->y.bytes / sizeof(float); i++)
		if (memcmp(&y[i], &guard_value, sizeof(float)))
			fail_msg("wrote outside the live rows, float %llu", (unsigned long long)i);
}

void linear_case_run(struct linear_case *c, enum cpu_isa isa, uint32_t n_threads,
                     const struct zinc_op_impl *impl, uint32_t numerics, float *y)
{
	uint32_t params[ZINC_SLOT_COUNT] = {[ZINC_SLOT_N_TOKENS] = c->s.n};
	struct zinc_op_linear op = linear_case_op(c, numerics);
	uint32_t variant = linear_variant(impl, numerics);
	struct zinc_op_quant_act q = {.struct_size = sizeof(q), .x = c->op.x, .y = op.x, .n = op.n};

	if (numerics == ZINC_NUM_Q8) {
		struct zinc_act_layout a = {.struct_size = sizeof(a)};

		assert_int_equal(cpu_act_layout(NULL, impl->op, &c->op, variant, &a), 0);
		assert_int_equal(a.layout, op.x.layout);
		q.row_bytes = a.row_bytes;
		assert_int_equal(linear_host_run(isa, n_threads, &cpu_op_quant_act, &q, 0, params),
		                 0);
	}
	prepare_output(c);
	assert_int_equal(linear_host_run(isa, n_threads, impl, &op, variant, params), 0);
	take_output(c, y);
}
