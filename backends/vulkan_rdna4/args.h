/* args.h - from views to kernel arguments. The structs mirror those of
 * shaders/common/base.glsl and kv.glsl. */
#ifndef RDNA4_ARGS_H
#define RDNA4_ARGS_H

#include "rdna4.h"

struct rdna4_count {
	uint32_t imm, slot;
};

/* Rows of 4-byte elements by token and head; strides in elements. */
struct rdna4_rows {
	uint64_t at;
	uint32_t token, head;
};

/* A paged cache; strides in bytes. */
struct rdna4_kv {
	uint64_t at, page, head;
	uint32_t slot, n_pages;
};

struct rdna4_table {
	uint64_t at;
	uint32_t n_seqs, n_blocks, row, pad0;
};

/* Which dimensions of a [N, D] or [N, H, D] view are token and head (op.h). */
struct rdna4_dims {
	uint32_t heads;
	int token, head;
};

static inline struct rdna4_count rdna4_count(struct zinc_u32 n)
{
	return (struct rdna4_count){n.imm, n.slot};
}

/* 0 where the view is absent. */
static inline uint64_t rdna4_address(const struct zinc_view *v)
{
	return zinc_view_present(v) ? v->buf->address + v->off : 0;
}

/* With one token recorded, all of ne[1] belongs to it. */
static inline struct rdna4_dims rdna4_dims(const struct zinc_view *v, struct zinc_u32 n)
{
	if (v->ne[2] == 1 && n.imm > 1)
		return (struct rdna4_dims){1, 1, 2};
	return (struct rdna4_dims){v->ne[1], 2, 1};
}

/* Dimensions of 1 repeat. */
static inline struct rdna4_rows rdna4_rows(const struct zinc_view *v, struct rdna4_dims d)
{
	struct rdna4_rows r = {.at = rdna4_address(v)};

	if (v->ne[d.token] > 1)
		r.token = (uint32_t)(v->nb[d.token] / 4);
	if (v->ne[d.head] > 1)
		r.head = (uint32_t)(v->nb[d.head] / 4);
	return r;
}

/* [N, D]: a row per token. */
static inline struct rdna4_rows rdna4_rows_2d(const struct zinc_view *v)
{
	return rdna4_rows(v, (struct rdna4_dims){1, 1, 2});
}

/* [N, H, D] */
static inline struct rdna4_rows rdna4_rows_3d(const struct zinc_view *v)
{
	return rdna4_rows(v, (struct rdna4_dims){v->ne[1], 2, 1});
}

static inline struct rdna4_kv rdna4_kv(const struct zinc_view *c)
{
	return (struct rdna4_kv){rdna4_address(c), c->nb[3], c->nb[2], (uint32_t)c->nb[1],
	                         c->ne[3]};
}

static inline struct rdna4_table rdna4_table(const struct zinc_view *t)
{
	return (struct rdna4_table){rdna4_address(t), t->ne[1], t->ne[0],
	                            (uint32_t)(t->nb[1] / 4), 0};
}

/* Workgroups of `group` invocations for n of them, over x and y. */
static inline void rdna4_grid(struct rdna4_call *call, uint64_t n, uint32_t group)
{
	uint64_t groups = (n + group - 1) / group;
	uint64_t x = groups < RDNA4_GROUPS_MAX ? groups : RDNA4_GROUPS_MAX;

	call->groups[0] = (uint32_t)x;
	call->groups[1] = x ? (uint32_t)((groups + x - 1) / x) : 0;
	call->groups[2] = 1;
}

/* Kernels count with 32 bits: strides in elements, and invocations. */
static inline bool rdna4_fits(const struct zinc_view *v)
{
	for (int i = 1; i < ZINC_MAX_DIMS; i++)
		if (v->ne[i] > 1 && v->nb[i] / 4 > UINT32_MAX)
			return false;
	return zinc_view_elems(v) <= UINT32_MAX;
}

#endif
