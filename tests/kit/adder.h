/* adder.h - a small piece of work whose result tells how often it ran: adds 1 to
 * every number of a buffer. */
#ifndef KIT_ADDER_H
#define KIT_ADDER_H

#include "dev.h"

struct adder {
	struct kit_dev *d;
	const struct zinc_op_impl *impl;
	uint32_t variant, n; /* n: numbers */
	struct zinc_buf *buf, *scratch;
	_Alignas(16) uint8_t desc[KIT_DESC_MAX]; /* struct zinc_op_binary */
	struct zinc_cmd *cmd;
};

/* Whether the backend has what this needs. */
bool adder_possible(const struct kit_dev *d);
/* Marks a device idle on which a plain add changes nothing: that is for the ops
 * to complain about, and the other tests look at all but the sums. */
void adder_probe(struct kit_dev *d);
/* A status of zinc's; on failure nothing is left behind. */
int adder_create(struct adder *a, struct kit_dev *d, uint32_t n);
void adder_destroy(struct adder *a);
/* Another recording of the same work. */
int adder_record(const struct adder *a, struct zinc_cmd **out);
/* wait and signal may have tl NULL: none. */
int adder_submit(const struct adder *a, struct zinc_cmd *const *cmds, uint32_t n_cmds,
                 struct zinc_point wait, struct zinc_point signal);
/* Every number is `want`; else got names one that is not. On an idle device
 * nothing is expected. */
bool adder_holds(const struct adder *a, float want, float *got);

#endif
