/* steps.h - sequences that are fed to an op with state some tokens at a time. */
#ifndef KIT_STEPS_H
#define KIT_STEPS_H

#include "case.h"

enum { STEPS_SEQS = 3, STEPS_SLOTS = 5 };

struct steps {
	uint32_t n[STEPS_SEQS]; /* tokens of each sequence; 0: no such sequence */
	uint32_t total;
	uint32_t chunk;         /* tokens of each sequence in one submit        */
	uint32_t *rows;         /* of the present submit: the tokens' numbers    */
	struct zinc_view seq_first, state_slot;
};

/* variation 0 takes all at once; the others the chunks listed, 0 ends. */
void steps_init(struct kit_case *c, struct steps *s, const uint32_t *n, const uint32_t *chunks);
/* Numbers recorded. */
uint32_t steps_max_tokens(const struct steps *s);
/* Fills the tables and parameters of submit `step`; the tokens' numbers, in
 * order, are in rows. Returns how many, 0: no more. Only sequences that have
 * tokens left take part. */
uint32_t steps_take(struct kit_case *c, struct steps *s, uint32_t step);
/* A zeroed pool of state; what no sequence owns is NaN and must stay. */
struct zinc_view steps_state(struct kit_case *c, const struct steps *s, uint32_t elems);
/* Row i of v becomes row rows[i] of dense data, n of them; the rest NaN. */
void steps_put(const struct steps *s, const struct zinc_view *v, uint32_t row_dim, uint32_t n,
               const float *all);

#endif
