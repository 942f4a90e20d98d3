/* table.h - tables of rows (embeddings, per-layer embeddings of several GB) in pinned host
 * memory, with the rows used last in slots on the device.
 *
 * Which tables: option "tables" = host: all that only embed reads; device: none; unset:
 * those of more than a quarter of the memory that is free when the model is planned.
 *
 * On the device a table has a few bytes of its own, at the place that the core gave it;
 * that address is how an op finds it. Before a list runs, the token ids that the host
 * knows are looked up; rows without a slot are ordered from a kernel on a stream of its
 * own, in two halves in turn, so that the next orders are written while the last are on
 * the bus. Ids that the host does not know, and rows for which no slot was left, are read
 * over the bus by the op itself: slots change how long it takes and nothing else. */
#ifndef ADA_TABLE_H
#define ADA_TABLE_H

#include <cuda.h>

#include "ada.h"

struct ada_table;

/* Bytes of its place on the device. */
enum { ADA_TABLE_PLACE = 256 };

/* [any] Does a table that only embed reads go to host memory? A line says so. */
bool ada_table_goes_to_host(struct zinc_dev *dev, const struct zinc_view *w);
/* From row to row there. */
uint64_t ada_table_row_bytes(const struct zinc_view *w);
/* [any] Copies src, rows in GGUF order, to host memory as the table of this place. */
int ada_table_create(struct zinc_dev *dev, const struct zinc_view *w, const void *src,
                     uint64_t place, struct zinc_err *err);
/* [any] This device memory is freed, or something else is packed there: tables with a
 * place in it go. */
void ada_table_forget(struct zinc_dev *dev, uint64_t address, uint64_t bytes);
void ada_tables_finish(struct zinc_dev *dev);

/* [cmd] NULL: there is none at this place. */
struct ada_table *ada_table_find(struct zinc_dev *dev, uint64_t place);
/* What the op reads; addresses stay while the table does. */
struct ada_table_view {
	uint64_t rows, slots, map;
};
struct ada_table_view ada_table_view(const struct ada_table *t);

/* [any] Enqueues that rows of these ids are in slots before what is enqueued next.
 * n ids; any value, also ones past the table. */
CUresult ada_table_want(struct zinc_dev *dev, struct ada_table *t, const int32_t *ids, uint32_t n);
/* [any] After a list that reads tables: their slots may change once it has run. */
CUresult ada_tables_in_use(struct zinc_dev *dev);

#endif
