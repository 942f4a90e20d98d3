/* run.h - runs a case on a device by one variant of its op, as the core would:
 * layouts asked for, inputs quantised, recorded once, submitted, read back. */
#ifndef KIT_RUN_H
#define KIT_RUN_H

#include "dev.h"

enum kit_answer {
	KIT_RAN,
	KIT_DECLINED,
	KIT_NOT_FOR_IT, /* the core would never offer it: too many columns */
	KIT_FAILED      /* msg says how                                    */
};

/* The dense rows of every result, in the case's own order. */
struct kit_results {
	uint8_t *rows[KIT_OUTS];
	uint64_t bytes[KIT_OUTS], row_bytes[KIT_OUTS];
	uint8_t *seen[KIT_OUTS]; /* per row */
};

struct kit_run {
	struct kit_dev *d;
	struct kit_case *c;
	const struct zinc_op_impl *impl;
	uint32_t variant;
	double worst; /* out: the largest error, in parts of what is allowed */
	char msg[KIT_MSG];
};

/* Asks for the layout of each weight that wants one, before anything else.
 * False: the case is pointless here, since the backend has no layout of its
 * own for it, or reads no weights from host memory. */
bool kit_choose_layouts(struct kit_dev *d, struct kit_case *c);

/* Runs it twice: the second time with the same recording; then, where the
 * backend keeps times, once more with a recording that does. out: results of
 * the first, to be freed by kit_results_free(). */
enum kit_answer kit_run(struct kit_run *r, struct kit_results *out);
void kit_results_free(struct kit_results *r);

/* A class that promises the same bits in any company. */
bool kit_is_strict(uint32_t numerics);
/* Compares with c->wants. */
bool kit_check_values(struct kit_run *r, const struct kit_results *got);
/* Rows that both have seen have the same bits. */
bool kit_check_bits(struct kit_run *r, const struct kit_results *a, const struct kit_results *b,
                    const char *what);

#endif
