/* linear_tile.c - one product over a range of rows and a panel of columns, tile
 * by tile: unpack, rearrange, multiply. */
#include "linear.h"

#include <string.h>

struct lin_rows lin_rows_of(const struct zinc_view *w, uint32_t expert, uint32_t row0)
{
	struct lin_rows rows = {.dtype = w->dtype, .packed = w->layout == LIN_PACKED,
	                        .stride = w->nb[1]};

	rows.w = cpu_ptr(w) + expert * w->nb[2] + row0 * w->nb[1];
	return rows;
}

/* Writes tile rows to their place in out. */
static void store_tile(const struct lin_product *p, const float *acc, uint32_t rows, uint32_t row0)
{
	uint32_t n = p->n_rows - row0 < rows ? p->n_rows - row0 : rows;

	for (uint32_t c = 0; c < p->n_cols; c++)
		memcpy(p->out + (uint64_t)c * p->n_rows + row0, acc + c * rows, n * sizeof(float));
}

static void prefetch(const uint8_t *w, uint32_t bytes)
{
	for (uint32_t i = 0; i < bytes; i += 64)
		__builtin_prefetch(w + i, 0, 2);
}

/* n elements from k0 on of the tile at row0, packed; in copy where the weight is
 * not. What comes two chunks later is fetched meanwhile: the hardware stops at
 * the borders of pages. */
static const uint8_t *locate(const struct lin_product *p, uint32_t row0, uint32_t k0, uint32_t n,
                             uint8_t *copy)
{
	const struct lin_rows *rows = &p->rows;
	const uint8_t *w = rows->w + row0 * rows->stride;
	uint32_t live = p->n_rows - row0 < LIN_ROWS ? p->n_rows - row0 : LIN_ROWS;
	uint32_t bytes = (uint32_t)quant_row_bytes(rows->dtype, n) * LIN_ROWS;

	if (rows->packed) {
		w += LIN_ROWS * quant_row_bytes(rows->dtype, k0);
		prefetch(w + 2 * bytes, bytes);
		return w;
	}
	w += quant_row_bytes(rows->dtype, k0);
	lin_pack(rows->dtype, w, rows->stride, live, n, copy);
	return copy;
}

/* Where unpacking once more for every two or three columns is no slower than a tile. */
enum { FEW_COLS = 4 };

static void few_columns(const struct lin_product *p, uint32_t row0, float *acc)
{
	struct lin_column c = {.dtype = p->rows.dtype, .k = p->k,
	                       .packed = p->rows.w + row0 * p->rows.stride};

	for (uint32_t i = 0; i < p->n_cols; i += c.n_cols) {
		uint32_t left = p->n_cols - i;

		c.n_cols = left == 4 ? 2 : left;
		c.x = (const struct lin_act *const *)p->x + i;
		c.acc = acc + i * LIN_ROWS;
		p->isa->column(&c);
	}
}

static void tile_q8(const struct lin_product *p, uint32_t row0, float *acc)
{
	uint8_t copy[LIN_ROWS * LIN_CHUNK_BYTES];
	struct lin_tile tile;
	struct lin_q8_step step = {.format = quant_format(p->rows.dtype), .tile = &tile,
	                           .n_cols = p->n_cols, .acc = acc,
	                           .x = (const struct lin_act *const *)p->x};

	if (p->n_cols <= FEW_COLS && p->rows.packed && p->isa->column) {
		few_columns(p, row0, acc);
		return;
	}
	memset(acc, 0, p->n_cols * LIN_ROWS * sizeof(float));
	for (uint32_t k0 = 0; k0 < p->k; k0 += LIN_CHUNK, step.chunk++) {
		uint32_t n = p->k - k0 < LIN_CHUNK ? p->k - k0 : LIN_CHUNK;

		step.blocks = n / 32;
		p->isa->fill(p->rows.dtype, locate(p, row0, k0, n, copy), step.blocks, &tile);
		p->isa->dot_q8(&step);
	}
}

void lin_product_q8(const struct lin_product *p)
{
	_Alignas(64) float acc[LIN_PANEL * LIN_ROWS];

	for (uint32_t row0 = 0; row0 < p->n_rows; row0 += LIN_ROWS) {
		tile_q8(p, row0, acc);
		store_tile(p, acc, LIN_ROWS, row0);
	}
}

const float *lin_row_f32(const struct lin_isa *isa, const struct lin_rows *rows, uint32_t r,
                         uint32_t k0, uint32_t n, float *buf)
{
	const struct quant_format *f = quant_format(rows->dtype);
	const uint8_t *src = rows->w + r * rows->stride + quant_row_bytes(rows->dtype, k0);
	uint8_t row[LIN_CHUNK_BYTES];
	struct quant_chunk chunk;

	if (rows->dtype == ZINC_F32)
		return (const float *)(const void *)src;
	if (!f->sub) {
		isa->widen(rows->dtype, src, buf, n);
		return buf;
	}
	if (rows->packed) {
		src = rows->w + r / LIN_ROWS * LIN_ROWS * rows->stride +
		      LIN_ROWS * quant_row_bytes(rows->dtype, k0);
		lin_unpack_row(rows->dtype, src, r % LIN_ROWS, n, row);
		src = row;
	}
	isa->unpack(rows->dtype)(src, n, &chunk);
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
		for (uint32_t r = 0; r < LIN_F32_ROWS; r++) {
			if (row0 + r < p->n_rows)
				step.w[r] = lin_row_f32(p->isa, &p->rows, row0 + r, step.k0, step.n,
				                        buf[r]);
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
