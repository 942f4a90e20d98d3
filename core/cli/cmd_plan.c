/* cmd_plan.c - `zinc plan`: memory and kernels, before anything is loaded. */
#include <jansson.h>
#include <stdio.h>

#include "cli/cmd.h"
#include "cli/load.h"
#include "cli/options.h"
#include "cli/terminal.h"
#include "run/engine.h"
#include "run/ledger.h"

static void print_plan(const struct engine *e, bool json)
{
	json_t *device = json_string(engine_device_name(e));

	if (json) {
		fputs("{\"device\": ", stdout);
		json_dumpf(device, stdout, JSON_ENCODE_ANY);
		printf(", \"context\": %u, \"memory\": ", engine_n_ctx(e));
	} else {
		printf("%s, context of %u tokens\n\n", engine_device_name(e), engine_n_ctx(e));
	}
	ledger_print(engine_ledger(e), json, stdout);
	fputs(json ? ", \"plan\": " : "", stdout);
	engine_print_plan(e, json, stdout);
	fputs(json ? "}\n" : "", stdout);
	json_decref(device);
}

int cmd_plan(const struct options *o, struct terminal *t)
{
	struct session s = {.o = o, .term = t};
	struct engine_config c;
	struct zinc_err err;
	int status = STATUS_OK;

	if (o->n_args > 1)
		return usage_error(o, "one model is enough: unexpected '%s'", o->args[1]);
	if (session_open_model(&s, o->n_args ? o->args[0] : NULL, &err) ||
	    session_engine_config(&s, &c, &err)) {
		status = report(&err);
	} else {
		c.n_best = 1; /* as a greedy run has it */
		if (session_open_engine(&s, &c, true, &err))
			status = report(&err);
		else
			print_plan(s.engine, o->json);
	}
	session_close(&s);
	return status;
}
