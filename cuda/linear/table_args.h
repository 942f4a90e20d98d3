/* table_args.h - arguments of the kernels for tables in host memory. */
#ifndef ADA_TABLE_ARGS_H
#define ADA_TABLE_ARGS_H

#include "linear/args.h"

/* A row to be brought to a slot, in place of `old`, which had it (-1: nobody). */
struct ada_row_order {
	int32_t id, old;
	uint32_t slot, pad0;
};

/* table_fetch: a block for each order. Rows are multiples of 16 bytes. */
struct ada_table_fetch_args {
	uint64_t orders; /* struct ada_row_order [n] in pinned memory */
	uint64_t table, slots;
	uint64_t map; /* int32: the slot of each row of the table, -1: it has none */
	uint64_t row_bytes;
};

/* table_embed: embed.table is the table in host memory. */
struct ada_table_embed_args {
	struct ada_embed_args embed;
	uint64_t slots, map;
};

#endif
