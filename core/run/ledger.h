/* ledger.h - every byte of device memory, planned before it is allocated.
 *
 * A kind's plan is set before load; taking more than planned is refused, so
 * the printed plan is the truth. */
#ifndef CORE_RUN_LEDGER_H
#define CORE_RUN_LEDGER_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <zinc/status.h>

enum ledger_kind {
	LEDGER_WEIGHTS_MAPPED, /* read in place from the file: page cache, not ours */
	LEDGER_WEIGHTS,        /* copied to the device in GGUF order                */
	LEDGER_WEIGHTS_PACKED, /* in a layout of the backend                        */
	LEDGER_CONSTS,
	LEDGER_KV_FULL,
	LEDGER_KV_SLIDING,
	LEDGER_STATE,
	LEDGER_TEMPS,
	LEDGER_SCRATCH,
	LEDGER_BATCH,          /* batch tables and logits read back                 */
	LEDGER_COUNT
};

struct ledger {
	uint64_t planned[LEDGER_COUNT];
	uint64_t used[LEDGER_COUNT];
	uint64_t budget; /* bytes the device offers */
};

const char *ledger_kind_name(enum ledger_kind k);
void ledger_plan(struct ledger *l, enum ledger_kind k, uint64_t bytes);
/* ZINC_E_NO_MEMORY past the plan. */
int ledger_take(struct ledger *l, enum ledger_kind k, uint64_t bytes, struct zinc_err *err);
void ledger_give(struct ledger *l, enum ledger_kind k, uint64_t bytes);
/* Sum without LEDGER_WEIGHTS_MAPPED. */
uint64_t ledger_planned_total(const struct ledger *l);
/* ZINC_E_NO_MEMORY with both numbers and the largest kind when over budget. */
int ledger_check(const struct ledger *l, struct zinc_err *err);
void ledger_print(const struct ledger *l, bool json, FILE *out);

#endif
