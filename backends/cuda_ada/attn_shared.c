/* attn_shared.c - attention of sequences that share the pages of a prefix. */
#include "attn_shared.h"

#include "attn/shared_args.h"

enum { MERGE_THREADS = 128, ZERO_BLOCKS = 16 };

bool ada_shared_takes(struct zinc_dev *dev, const struct zinc_op_flash_attn *d)
{
	const struct zinc_host *host = ada_host(dev);
	const char *on = host->option(host->ctx, "shared_prefix");

	return on && !strcmp(on, "on") && d->n_seqs.imm > 1 && d->n.imm <= ADA_SHARED_TOKENS &&
	       !d->window && d->k_cache.dtype == ZINC_F16 && d->v_cache.dtype == ZINC_F16;
}

static int launch(struct zinc_cmd *cmd, const struct ada_launch *as, const char *kernel,
                  const struct ada_shared_args *a)
{
	struct ada_launch l = *as;

	if (kernel)
		l.kernel = kernel;
	l.args = a;
	l.args_size = sizeof(*a);
	return ada_launch(cmd, &l);
}

int ada_shared_record(struct zinc_cmd *cmd, const struct ada_attn_args *attn,
                      struct ada_shared_split split, const struct ada_launch *prefix,
                      const struct ada_launch *rest)
{
	struct ada_shared_args a = {.attn = *attn, .length = ada_scratch(cmd),
	                            .n_prefix = split.prefix, .n_rest = split.rest};
	struct ada_launch begin = {.grid = {1 + ZERO_BLOCKS, 1, 1},
	                           .block = {SHARED_THREADS, 1, 1}};
	struct ada_launch merge = {.grid = {attn->n.imm, attn->n_head, 1},
	                           .block = {MERGE_THREADS, 1, 1}};

	a.attn.part_ml += ADA_SHARED_HEAD;
	a.attn.parts += ADA_SHARED_HEAD;
	launch(cmd, &begin, "attn_shared_begin", &a);
	launch(cmd, prefix, NULL, &a);
	launch(cmd, rest, NULL, &a);
	return launch(cmd, &merge, "attn_shared_merge", &a);
}
