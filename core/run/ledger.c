/* ledger.c - every byte of device memory, planned before it is allocated. */
#include "run/ledger.h"

#include <inttypes.h>

#include "util/err.h"

static const char *const names[LEDGER_COUNT] = {
	[LEDGER_WEIGHTS_MAPPED] = "weights, mapped file",
	[LEDGER_WEIGHTS] = "weights",
	[LEDGER_WEIGHTS_PACKED] = "weights, packed",
	[LEDGER_CONSTS] = "constants",
	[LEDGER_KV_FULL] = "KV cache, full",
	[LEDGER_KV_SLIDING] = "KV cache, sliding",
	[LEDGER_STATE] = "recurrent state",
	[LEDGER_TEMPS] = "temporaries",
	[LEDGER_SCRATCH] = "kernel scratch",
	[LEDGER_BATCH] = "batch tables",
};

const char *ledger_kind_name(enum ledger_kind k)
{
	return k < LEDGER_COUNT ? names[k] : "?";
}

void ledger_plan(struct ledger *l, enum ledger_kind k, uint64_t bytes)
{
	l->planned[k] += bytes;
}

int ledger_take(struct ledger *l, enum ledger_kind k, uint64_t bytes, struct zinc_err *err)
{
	if (bytes > l->planned[k] - l->used[k])
		return err_set(err, ZINC_E_NO_MEMORY,
		               "%s: %" PRIu64 " bytes wanted, %" PRIu64 " of %" PRIu64
		               " planned bytes left: a bug in the memory plan",
		               names[k], bytes, l->planned[k] - l->used[k], l->planned[k]);
	l->used[k] += bytes;
	return ZINC_OK;
}

void ledger_give(struct ledger *l, enum ledger_kind k, uint64_t bytes)
{
	l->used[k] -= bytes < l->used[k] ? bytes : l->used[k];
}

uint64_t ledger_planned_total(const struct ledger *l)
{
	uint64_t sum = 0;

	for (int k = 0; k < LEDGER_COUNT; k++)
		if (k != LEDGER_WEIGHTS_MAPPED)
			sum += l->planned[k];
	return sum;
}

int ledger_check(const struct ledger *l, struct zinc_err *err)
{
	uint64_t total = ledger_planned_total(l);
	int largest = LEDGER_WEIGHTS;

	if (!l->budget || total <= l->budget)
		return ZINC_OK;
	for (int k = 0; k < LEDGER_COUNT; k++)
		if (k != LEDGER_WEIGHTS_MAPPED && l->planned[k] > l->planned[largest])
			largest = k;
	return err_set(err, ZINC_E_NO_MEMORY,
	               "the model needs %.1f MiB, the device offers %.1f MiB (largest: %s, %.1f MiB); "
	               "try a smaller --ctx or --chunk",
	               (double)total / 1048576, (double)l->budget / 1048576, names[largest],
	               (double)l->planned[largest] / 1048576);
}

static void print_json(const struct ledger *l, FILE *out)
{
	fprintf(out, "{\"kinds\":[");
	for (int k = 0; k < LEDGER_COUNT; k++)
		fprintf(out, "%s{\"name\":\"%s\",\"planned\":%" PRIu64 ",\"used\":%" PRIu64 "}",
		        k ? "," : "", names[k], l->planned[k], l->used[k]);
	fprintf(out, "],\"total\":%" PRIu64 ",\"budget\":%" PRIu64 "}\n", ledger_planned_total(l),
	        l->budget);
}

void ledger_print(const struct ledger *l, bool json, FILE *out)
{
	if (json) {
		print_json(l, out);
		return;
	}
	fprintf(out, "%-22s %14s\n", "memory", "bytes");
	for (int k = 0; k < LEDGER_COUNT; k++)
		if (l->planned[k])
			fprintf(out, "%-22s %14" PRIu64 "\n", names[k], l->planned[k]);
	fprintf(out, "%-22s %14" PRIu64 "  (without the mapped file)\n", "total",
	        ledger_planned_total(l));
	if (l->budget)
		fprintf(out, "%-22s %14" PRIu64 "\n", "device offers", l->budget);
}
