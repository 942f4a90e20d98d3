/* table_priv.h - a table in host memory, as table.c makes it and table_lru.c keeps its
 * slots. */
#ifndef ADA_TABLE_PRIV_H
#define ADA_TABLE_PRIV_H

#include <cuda.h>

#include "linear.h"
#include "linear/table_args.h"
#include "table.h"

enum {
	ADA_TABLE_SLOTS = 8192, /* unless option "table_rows" says otherwise */
	ADA_TABLE_ORDERS = 512  /* of a half                                 */
};

/* Slots are a list from the one used last to the one used longest ago; the list's own
 * ends are those of the slot past the last. */
struct ada_table_slot {
	int32_t id;          /* of the row in it, -1: none */
	uint32_t next, prev;
	uint32_t turn;       /* the last in which it was wanted */
};

struct ada_table {
	struct ada_table *next;
	uint64_t place, row_bytes;
	uint32_t n_rows, n_slots, turn;
	uint32_t half; /* of orders, to be filled next */
	int32_t *slot_of; /* [n_rows], -1: none */
	struct ada_table_slot *slot; /* [n_slots + 1] */
	uint8_t *rows; /* pinned */
	struct ada_row_order *orders; /* pinned, two halves */
	CUdeviceptr rows_at, orders_at, slots, map;
	CUevent done[2]; /* with what a half ordered */
};

void ada_table_lru_init(struct ada_table *t);

#endif
