/* load.h - from options to a registry, a model and an engine. */
#ifndef CORE_CLI_LOAD_H
#define CORE_CLI_LOAD_H

#include <stdbool.h>
#include <zinc/status.h>

struct engine;
struct engine_config;
struct model;
struct options;
struct plug;
struct plug_registry;
struct terminal;

/* Everything a command works on; zero-initialise, then open as far as needed. */
struct session {
	const struct options *o;
	struct terminal *term;
	struct plug_registry *registry;
	char *path; /* of the model */
	struct model *model;
	const struct plug *backend;
	struct engine *engine;
};

/* The plugins' registry, with --plugin-dir, --option and --threads. */
int session_open_registry(struct session *s, struct zinc_err *err);
/* Also the model; name NULL: --model, else the first bundled one. */
int session_open_model(struct session *s, const char *name, struct zinc_err *err);

/* Engine settings from the environment, then the options. */
int session_engine_config(const struct session *s, struct engine_config *c, struct zinc_err *err);
/* Chooses the backend, says which and why, and makes the engine; plan_only:
 * nothing is loaded. The model must be open. */
int session_open_engine(struct session *s, struct engine_config *c, bool plan_only,
			struct zinc_err *err);
void session_close(struct session *s);

#endif
