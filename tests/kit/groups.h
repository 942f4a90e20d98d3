/* groups.h - the groups of tests. */
#ifndef KIT_GROUPS_H
#define KIT_GROUPS_H

struct kit_group_ctx;

void group_load(struct kit_group_ctx *g);
void group_abi(struct kit_group_ctx *g);
void group_life(struct kit_group_ctx *g);
void group_decline(struct kit_group_ctx *g);
void group_async(struct kit_group_ctx *g);
void group_oom(struct kit_group_ctx *g);
void group_threads(struct kit_group_ctx *g);
void group_arch(struct kit_group_ctx *g);

#endif
