/* conversation.h - messages, and the one sequence that has read them.
 *
 * An answer reads only what is new: when the rendered prompt begins with the
 * tokens that the sequence holds, the rest is appended. A chat format may
 * rewrite earlier turns (drop thoughts, say); then all is read again, and that
 * is said. */
#ifndef CORE_CLI_CONVERSATION_H
#define CORE_CLI_CONVERSATION_H

#include <jansson.h>

#include "run/generate.h"
#include "token/tok.h"

struct sampling;
struct session;

struct conversation {
	struct session *session;
	const struct sampling *sampling;
	json_t *messages;
	uint32_t think; /* enum zinc_thinking */
	struct seq *seq;
	struct tok_ids held;       /* what the sequence has read */
	struct answer_stats stats; /* of the last answer */
	enum answer_finish finish; /* ANSWER_RUNNING: there was none */
	bool write_failed;
};

int conversation_init(struct conversation *c, struct session *s, const struct sampling *sampling,
		      struct zinc_err *err);
void conversation_finish(struct conversation *c);

/* Appends a message. */
int conversation_say(struct conversation *c, const char *role, const char *text,
		     struct zinc_err *err);
/* Sets or replaces the system message. */
int conversation_set_system(struct conversation *c, const char *text, struct zinc_err *err);
/* NULL: none. */
const char *conversation_system(const struct conversation *c);
/* Forgets all messages but the system message. */
void conversation_clear(struct conversation *c);
/* Removes the last message, if it is the user's. */
void conversation_unsay(struct conversation *c);

/* Lets the model answer, printing to standard output, and appends the answer.
 * After an error the messages are as before. */
int conversation_answer(struct conversation *c, struct zinc_err *err);

/* Replaces the last answer by another; on error the old one stays. */
int conversation_regenerate(struct conversation *c, struct zinc_err *err);

int conversation_save(const struct conversation *c, const char *path, struct zinc_err *err);
/* Replaces all messages by those of the file; on error nothing changes. */
int conversation_load(struct conversation *c, const char *path, struct zinc_err *err);

#endif
