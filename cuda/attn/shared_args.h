/* shared_args.h - arguments of the kernels for sequences that share the pages of a prefix. */
#ifndef ADA_SHARED_ARGS_H
#define ADA_SHARED_ARGS_H

#include "attn/args.h"

enum { SHARED_THREADS = 256 };

/* attn.n_split: all parts of a query, first those of the prefix, then those of the rest. */
struct ada_shared_args {
	struct ada_attn_args attn;
	uint64_t length; /* where attn_shared_begin writes the prefix's positions, uint32 */
	uint32_t n_prefix, n_rest; /* parts: attn.n_split together */
};

#endif
