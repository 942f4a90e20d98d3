/* linear_tile.c - one product over a range of rows and a panel of columns, tile
 * by tile: unpack, rearrange, multiply. */
#include "linear.h"

#include <string.h>

/* A tile is read in as many streams as it has rows, each too short for the
 * hardware to find its stride; so the next tile is fetched while this one is
 * worked on, and the first of a task two chunks ahead. */
static void prefetch_rows(const uint8_t *w, uint64_t stride, uint32_t rows, uint32_t bytes)
{
	for (uint32_t r = 0; r < rows; r++)
		for (uint32_t i = 0; i < bytes; i += 64)
			__builtin_prefetch(w + r * stride + i, 0, 2);
}

/* Writes tile rows to their place in out. */
static void store_tile(const struct lin_product *p, const float *acc, uint32_t rows, uint32_t row0)
{
	uint32_t n = p->n_rows - row0 < rows ? p->n_rows - row0 : rows;

	for (uint32_t c = 0; c < p->n_cols; c++)
		memcpy(p->out + (uint64_t)c * p->n_rows + row0, acc + c * rows, n * sizeof(float));
}

/* One chunk of K of a tile's rows. */
struct source {
	const uint8_t *w;
	uint64_t stride;
	uint8_t copy[LIN_MAX_ROWS * LIN_CHUNK_BYTES];
};

/* Rows past the end are zeros, in a copy. */
static void locate(const struct lin_product *p, uint32_t row0, uint32_t chunk, uint32_t bytes,
                   struct source *s)
{
	const struct quant_format *f = quant_format(p->dtype);
	uint32_t rows = p->isa->rows, live = p->n_rows - row0;

	s->w = p->w + row0 * p->stride + (uint64_t)chunk * (LIN_CHUNK / f->elems * f->bytes);
	s->stride = p->stride;
	if (live >= rows) {
		if (row0 == 0)
			prefetch_rows(s->w + 2 * bytes, p->stride, rows, bytes);
		if (live >= 2 * rows)
			prefetch_rows(s->w + rows * p->stride, p->stride, rows, bytes);
		return;
	}
	memset(s->copy, 0, rows * bytes);
	for (uint32_t r = 0; r < live; r++)
		memcpy(s->copy + r * bytes, s->w + r * p->stride, bytes);
	s->w = s->copy;
	s->stride = bytes;
}

static bool tile_column(const struct lin_product *p, uint32_t row0, float *acc)
{
	const uint8_t *w = p->w + row0 * p->stride;
	uint32_t rows = p->isa->rows;
	struct lin_column c = {.dtype = p->dtype, .k = p->k, .w = w, .stride = p->stride,
	                       .next = w, .x = p->x[0], .acc = acc};

	if (!p->isa->column || row0 + rows > p->n_rows)
		return false;
	if (row0 + 2 * rows <= p->n_rows)
		c.next += rows * p->stride;
	return p->isa->column(&c);
}

static void tile_q8(const struct lin_product *p, uint32_t row0, float *acc)
{
	const struct quant_format *f = quant_format(p->dtype);
	struct lin_tile tile;
	struct source src;
	struct lin_q8_step step = {.format = f, .tile = &tile, .n_cols = p->n_cols, .acc = acc,
	                           .x = (const struct lin_act *const *)p->x};

	if (p->n_cols == 1 && tile_column(p, row0, acc))
		return;
	memset(acc, 0, p->n_cols * p->isa->rows * sizeof(float));
	for (uint32_t k0 = 0; k0 < p->k; k0 += LIN_CHUNK, step.chunk++) {
		uint32_t n = p->k - k0 < LIN_CHUNK ? p->k - k0 : LIN_CHUNK;

		step.blocks = n / 32;
		locate(p, row0, step.chunk, n / f->elems * f->bytes, &src);
		p->isa->fill(p->dtype, src.w, src.stride, step.blocks, &tile);
		p->isa->dot_q8(&step);
	}
}

void lin_product_q8(const struct lin_product *p)
{
	_Alignas(64) float acc[LIN_PANEL * LIN_MAX_ROWS];
	uint32_t rows = p->isa->rows;

	for (uint32_t row0 = 0; row0 < p->n_rows; row0 += rows) {
		tile_q8(p, row0, acc);
		store_tile(p, acc, rows, row0);
	}
}

const float *lin_row_f32(const struct lin_isa *isa, uint32_t dtype, const uint8_t *row,
                         uint32_t k0, uint32_t n, float *buf)
{
	const struct quant_format *f = quant_format(dtype);
	const uint8_t *src = row + (uint64_t)(k0 / f->elems) * f->bytes;
	struct quant_chunk chunk;

	if (dtype == ZINC_F32)
		return (const float *)(const void *)src;
	if (!f->sub) {
		isa->widen(dtype, src, buf, n);
		return buf;
	}
	isa->unpack(dtype)(src, n, &chunk);
	isa->expand(&chunk, f, buf, n);
	return buf;
}

/* Lanes by halves: 0 + 4, 1 + 5, ..., then the next halves. */
static float sum_lanes(float *v, uint32_t lanes)
{
	for (uint32_t half = lanes / 2; half; half /= 2)
		for (uint32_t i = 0; i < half; i++)
			v[i] += v[i + half];
	return v[0];
}

static void tile_f32(const struct lin_product *p, uint32_t row0, float *acc)
{
	_Alignas(64) float buf[LIN_F32_ROWS][LIN_CHUNK];
	struct lin_f32_step step = {.x = (const float *const *)p->x, .n_cols = p->n_cols,
	                            .acc = acc};

	for (; step.k0 < p->k; step.k0 += LIN_CHUNK) {
		step.n = p->k - step.k0 < LIN_CHUNK ? p->k - step.k0 : LIN_CHUNK;
		if (row0 + 2 * LIN_F32_ROWS <= p->n_rows)
			prefetch_rows(p->w + (row0 + LIN_F32_ROWS) * p->stride +
			                      quant_row_bytes(p->dtype, step.k0),
			              p->stride, LIN_F32_ROWS,
			              (uint32_t)quant_row_bytes(p->dtype, LIN_CHUNK));
		for (uint32_t r = 0; r < LIN_F32_ROWS; r++) {
			if (row0 + r < p->n_rows)
				step.w[r] = lin_row_f32(p->isa, p->dtype,
				                        p->w + (row0 + r) * p->stride, step.k0,
				                        step.n, buf[r]);
			else
				step.w[r] = step.w[0];
		}
		p->isa->dot_f32(&step);
	}
}

void lin_product_f32(const struct lin_product *p)
{
	_Alignas(64) float acc[LIN_PANEL * LIN_F32_ROWS * LIN_MAX_LANES];
	uint32_t lanes = p->isa->lanes;

	for (uint32_t row0 = 0; row0 < p->n_rows; row0 += LIN_F32_ROWS) {
		memset(acc, 0, p->n_cols * LIN_F32_ROWS * lanes * sizeof(float));
		tile_f32(p, row0, acc);
		for (uint32_t i = 0; i < p->n_cols * LIN_F32_ROWS; i++)
			acc[i] = sum_lanes(acc + i * lanes, lanes);
		store_tile(p, acc, LIN_F32_ROWS, row0);
	}
}
