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

/* Writes tile rows of n columns from `first` on to their place in out. */
static void store_tile(const struct lin_product *p, const float *acc, uint32_t row0,
                       uint32_t first, uint32_t n_cols)
{
	uint32_t n = p->n_rows - row0 < LIN_ROWS ? p->n_rows - row0 : LIN_ROWS;

	for (uint32_t c = 0; c < n_cols; c++)
		memcpy(p->out + (uint64_t)(first + c) * p->n_rows + row0, acc + c * LIN_ROWS,
		       n * sizeof(float));
}

static void prefetch(const uint8_t *w, uint32_t bytes)
{
	for (uint32_t i = 0; i < bytes; i += 64)
		__builtin_prefetch(w + i, 0, 2);
}

/* n elements from k0 on of the tile at row0, packed; in copy where the weight is
 * not. What comes later is fetched meanwhile: the hardware stops at the borders of
 * pages. */
static const uint8_t *locate(const struct lin_product *p, uint32_t row0, uint32_t k0, uint32_t n,
                             uint8_t *copy)
{
	const struct lin_rows *rows = &p->rows;
	const uint8_t *w = rows->w + row0 * rows->stride;
	uint32_t live = p->n_rows - row0 < LIN_ROWS ? p->n_rows - row0 : LIN_ROWS;
	uint32_t bytes = (uint32_t)quant_row_bytes(rows->dtype, n) * LIN_ROWS;

	if (rows->packed) {
		w += LIN_ROWS * quant_row_bytes(rows->dtype, k0);
		if (!p->isa->fill_fetches)
			prefetch(w + 2 * bytes, bytes);
		return w;
	}
	w += quant_row_bytes(rows->dtype, k0);
	lin_pack(p->isa, rows->dtype, w, rows->stride, live, n, copy);
	return copy;
}

/* Whether columns go without a tile, a few at a time: unpacking anew for each few is no
 * slower then. */
static bool goes_by_columns(const struct lin_product *p)
{
	const struct lin_isa *isa = p->isa;

	return p->rows.packed && isa->column && p->n_cols <= isa->most_columns(p->rows.dtype);
}

/* n columns from `first` on times rows row0 to `end`. */
static void few_columns(const struct lin_product *p, uint32_t first, uint32_t n, uint32_t row0,
                        uint32_t end)
{
	_Alignas(64) float acc[LIN_PANEL * LIN_ROWS];
	struct lin_column c = {.dtype = p->rows.dtype, .k = p->k, .n_cols = n, .acc = acc,
	                       .x = (const struct lin_act *const *)p->x + first};

	for (; row0 < end; row0 += LIN_ROWS) {
		c.packed = p->rows.w + row0 * p->rows.stride;
		p->isa->column(&c);
		store_tile(p, acc, row0, first, n);
	}
}

/* Rows that stay in the second level while all columns go over them: the code for two
 * columns and that for three drive each other out where they alternate. */
static void by_columns(const struct lin_product *p)
{
	enum { KEPT = 256 << 10 };
	uint32_t most = p->isa->columns_at_once(p->rows.dtype);
	uint32_t calls = (p->n_cols + most - 1) / most;
	uint32_t groups = (uint32_t)(KEPT / (LIN_ROWS * p->rows.stride));
	uint32_t span = LIN_ROWS * (groups ? groups : 1);

	for (uint32_t row0 = 0; row0 < p->n_rows; row0 += span) {
		uint32_t end = p->n_rows - row0 < span ? p->n_rows : row0 + span;

		for (uint32_t i = 0; i < calls; i++) {
			uint32_t first = p->n_cols * i / calls;

			few_columns(p, first, p->n_cols * (i + 1) / calls - first, row0, end);
		}
	}
}

static void tile_q8(const struct lin_product *p, uint32_t row0, float *acc)
{
	uint8_t copy[LIN_ROWS * LIN_CHUNK_BYTES];
	struct lin_tile tile;
	struct lin_q8_step step = {.format = quant_format(p->rows.dtype), .tile = &tile,
	                           .n_cols = p->n_cols, .acc = acc,
	                           .x = (const struct lin_act *const *)p->x};

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

	if (goes_by_columns(p)) {
		by_columns(p);
		return;
	}
	for (uint32_t row0 = 0; row0 < p->n_rows; row0 += LIN_ROWS) {
		tile_q8(p, row0, acc);
		store_tile(p, acc, row0, 0, p->n_cols);
	}
}

/* Packed elements from k0 on, of the group of rows that row r is in. */
static const uint8_t *packed_at(const struct lin_rows *rows, uint32_t r, uint32_t k0)
{
	return rows->w + r / LIN_ROWS * LIN_ROWS * rows->stride +
	       LIN_ROWS * quant_row_bytes(rows->dtype, k0);
}

const float *lin_row_f32(const struct lin_isa *isa, const struct lin_rows *rows, uint32_t r,
                         uint32_t k0, uint32_t n, float *buf)
{
	const struct quant_format *f = quant_format(rows->dtype);
	const uint8_t *src = rows->w + r * rows->stride + quant_row_bytes(rows->dtype, k0);
	uint8_t row[LIN_CHUNK * sizeof(float)];
	struct quant_chunk chunk;

	if (rows->dtype == ZINC_F32 && !rows->packed)
		return (const float *)(const void *)src;
	if (rows->packed) {
		lin_unpack_row(rows->dtype, packed_at(rows, r, k0), r % LIN_ROWS, n, row);
		src = row;
	}
	if (rows->dtype == ZINC_F32)
		return memcpy(buf, row, n * sizeof(float));
	if (!f->sub) {
		isa->widen(rows->dtype, src, buf, n);
		return buf;
	}
	isa->unpack(rows->dtype)(src, n, &chunk);
	isa->expand(&chunk, f, buf, n);
	return buf;
}

/* n elements from k0 on of the rows from row0 on as F32, [n][LIN_ROWS]: where they
 * lie, or in tile. Rows that are missing repeat the first. */
static const float *f32_tile(const struct lin_product *p, uint32_t row0, uint32_t k0, uint32_t n,
                             float *tile)
{
	_Alignas(64) float buf[LIN_ROWS][LIN_CHUNK];
	const float *rows[LIN_ROWS];
	uint32_t dtype = p->rows.dtype;

	if (p->rows.packed && !quant_format(dtype)->sub) {
		const uint8_t *w = packed_at(&p->rows, row0, k0);
		uint32_t bytes = (uint32_t)quant_row_bytes(dtype, n) * LIN_ROWS;

		if (dtype != ZINC_F32 || !p->isa->dot_f32_fetches)
			prefetch(w + 4 * bytes, bytes);
		if (dtype == ZINC_F32)
			return (const float *)(const void *)w;
		p->isa->widen(dtype, w, tile, (uint64_t)n * LIN_ROWS);
		return tile;
	}
	for (uint32_t r = 0; r < LIN_ROWS; r++)
		rows[r] = row0 + r < p->n_rows ?
		          lin_row_f32(p->isa, &p->rows, row0 + r, k0, n, buf[r]) : rows[0];
	p->isa->transpose(rows, n, tile);
	return tile;
}

void lin_product_f32(const struct lin_product *p)
{
	_Alignas(64) float acc[LIN_PANEL * LIN_ROWS], tile[LIN_CHUNK * LIN_ROWS];
	struct lin_f32_step step = {.x = (const float *const *)p->x, .n_cols = p->n_cols,
	                            .acc = acc};

	for (uint32_t row0 = 0; row0 < p->n_rows; row0 += LIN_ROWS) {
		memset(acc, 0, p->n_cols * LIN_ROWS * sizeof(float));
		for (step.k0 = 0; step.k0 < p->k; step.k0 += LIN_CHUNK) {
			step.n = p->k - step.k0 < LIN_CHUNK ? p->k - step.k0 : LIN_CHUNK;
			step.w = f32_tile(p, row0, step.k0, step.n, tile);
			step.streams = step.w != tile;
			p->isa->dot_f32(&step);
		}
		store_tile(p, acc, row0, 0, p->n_cols);
	}
}
