/* cmd.h - the functions behind the commands. Each returns the exit status. */
#ifndef CORE_CLI_CMD_H
#define CORE_CLI_CMD_H

#include <stddef.h>
#include <zinc/status.h>

struct options;
struct terminal;

enum { STATUS_OK = 0, STATUS_FAILED = 1, STATUS_USAGE = 2, STATUS_INTERRUPTED = 130 };

int cmd_run(const struct options *o, struct terminal *t);
int cmd_chat(const struct options *o, struct terminal *t);
int cmd_info(const struct options *o, struct terminal *t);
int cmd_plan(const struct options *o, struct terminal *t);
int cmd_tokenize(const struct options *o, struct terminal *t);
int cmd_perplexity(const struct options *o, struct terminal *t);
int cmd_logits(const struct options *o, struct terminal *t);
int cmd_bench(const struct options *o, struct terminal *t);

/* One line on standard error, with "see zinc help COMMAND"; STATUS_USAGE. */
__attribute__((format(printf, 2, 3))) int usage_error(const struct options *o, const char *fmt,
						      ...);
/* The error's line on standard error; STATUS_FAILED. */
int report(const struct zinc_err *err);

/* A whole file, or standard input for "-"; newly allocated and terminated. */
int read_all(const char *path, char **text, size_t *n, struct zinc_err *err);

#endif
