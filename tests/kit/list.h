/* list.h - the cases of every op. */
#ifndef KIT_LIST_H
#define KIT_LIST_H

#include "case.h"

struct kit_list {
	void (*add)(void *ctx, const struct kit_recipe *r, const void *shape);
	void *ctx;
	bool quick; /* a subset that takes seconds on a CPU */
};

/* Calls add for every case of op; shapes live during the call only. */
void kit_list_cases(const struct kit_list *l, uint32_t op);

typedef void kit_lister(const struct kit_list *l, uint32_t op);

kit_lister linear_cases, embed_cases, norm_cases, element_cases, rope_cases, copy_cases,
	state_copy_cases, kv_cases, attn_cases, route_cases, combine_cases, conv_cases,
	delta_cases, out_cases;

#endif
