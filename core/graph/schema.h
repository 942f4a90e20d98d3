/* schema.h - the layout of every op descriptor, as data.
 *
 * Checking, lowering, placement and linking walk descriptors through this
 * table, so that none of them knows an op by name unless it must. */
#ifndef CORE_GRAPH_SCHEMA_H
#define CORE_GRAPH_SCHEMA_H

#include <zinc/op.h>

enum { SCHEMA_R = 1, SCHEMA_W = 2, SCHEMA_OPT = 4 };

struct schema_field {
	const char *name;
	uint16_t off;   /* of the struct zinc_view in the descriptor */
	uint16_t flags; /* SCHEMA_*                                  */
};

struct schema_op {
	const char *name;   /* "dmmv"                                */
	uint32_t size;      /* sizeof the descriptor                 */
	uint32_t n_off;     /* of the struct zinc_u32 n; 0: none     */
	uint32_t n_fields;
	const struct schema_field *fields;
};

/* The largest descriptor, rounded up. */
enum { SCHEMA_DESC_MAX = 1536 };

/* NULL for an id that is no op. */
const struct schema_op *schema_op(uint32_t op);
const char *schema_name(uint32_t op);

static inline struct zinc_view *schema_view(void *desc, const struct schema_field *f)
{
	return (struct zinc_view *)(void *)((char *)desc + f->off);
}

static inline const struct zinc_view *schema_cview(const void *desc, const struct schema_field *f)
{
	return (const struct zinc_view *)(const void *)((const char *)desc + f->off);
}

/* Rows (largest number) of a descriptor; 1 where it has no n. */
uint32_t schema_rows(uint32_t op, const void *desc);

#endif
