/* cmd_chat.c - `zinc chat`: the loop, and the commands that begin with '/'. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cmd.h"
#include "cli/conversation.h"
#include "cli/line.h"
#include "cli/load.h"
#include "cli/options.h"
#include "cli/sampling.h"
#include "cli/terminal.h"
#include "model/model.h"
#include "run/engine.h"
#include "util/err.h"
#include "zinc/chat.h"

struct chat {
	const struct options *o;
	struct terminal *term;
	struct session session;
	struct sampling sampling;
	struct conversation talk;
	struct line_reader *lines;
	bool over;
	int status;
	struct zinc_err err;
};

static void failed(struct chat *c)
{
	c->status = report(&c->err);
}

static void answer(struct chat *c)
{
	/* A message that got no answer is not part of the conversation. */
	if (conversation_answer(&c->talk, &c->err)) {
		failed(c);
		conversation_unsay(&c->talk);
	}
	if (c->talk.write_failed) {
		c->status = STATUS_FAILED;
		c->over = true;
	}
	interrupt_clear();
}

static void say(struct chat *c, const char *text)
{
	if (conversation_say(&c->talk, "user", text, &c->err))
		failed(c);
	else
		answer(c);
}

static void do_help(struct chat *c, const char *arg);

static void do_exit(struct chat *c, const char *arg)
{
	(void)arg;
	c->over = true;
}

static void do_clear(struct chat *c, const char *arg)
{
	(void)arg;
	conversation_clear(&c->talk);
	term_note(c->term, "(a new conversation)");
}

static void do_system(struct chat *c, const char *arg)
{
	const char *now = conversation_system(&c->talk);

	if (!*arg)
		term_note(c->term, "%s", now ? now : "(no system message)");
	else if (conversation_set_system(&c->talk, arg, &c->err))
		failed(c);
}

static void do_think(struct chat *c, const char *arg)
{
	static const char *const words[] = {
		[ZINC_THINK_DEFAULT] = "auto",
		[ZINC_THINK_OFF] = "off",
		[ZINC_THINK_ON] = "on",
	};

	for (uint32_t i = 0; i < 3; i++)
		if (!strcmp(arg, words[i])) {
			c->talk.think = i;
			return;
		}
	if (*arg) {
		err_set(&c->err, ZINC_E_INVALID, "/think %s: auto, off or on", arg);
		failed(c);
		return;
	}
	term_note(c->term, "think: %s", words[c->talk.think]);
}

static void do_save(struct chat *c, const char *arg)
{
	if (!*arg) {
		err_set(&c->err, ZINC_E_INVALID, "/save needs a file name");
		failed(c);
	} else if (conversation_save(&c->talk, arg, &c->err)) {
		failed(c);
	} else {
		term_note(c->term, "(saved to %s)", arg);
	}
}

static void do_load(struct chat *c, const char *arg)
{
	if (!*arg) {
		err_set(&c->err, ZINC_E_INVALID, "/load needs a file name");
		failed(c);
	} else if (conversation_load(&c->talk, arg, &c->err)) {
		failed(c);
	} else {
		term_note(c->term, "(loaded %zu messages)", json_array_size(c->talk.messages));
	}
}

static void do_stats(struct chat *c, const char *arg)
{
	const struct answer_stats *s = &c->talk.stats;
	uint32_t n_ctx = engine_n_ctx(c->session.engine);

	(void)arg;
	if (c->talk.finish == ANSWER_RUNNING) {
		term_note(c->term, "context: 0 of %u tokens", n_ctx);
		return;
	}
	term_note(c->term,
		  "context: %u of %u tokens\n"
		  "last answer: %u prompt tokens, %u of them read before; first token after "
		  "%.2f s (%.1f tokens/s)\n"
		  "             %u tokens in %.2f s (%.1f tokens/s); %s",
		  c->talk.seq ? engine_seq_pos(c->talk.seq) : 0, n_ctx, s->prompt_tokens,
		  s->reused_tokens, s->first_token_s, s->prefill_rate, s->tokens, s->decode_s,
		  s->decode_rate, answer_finish_name(c->talk.finish));
}

static void do_regen(struct chat *c, const char *arg)
{
	(void)arg;
	if (conversation_regenerate(&c->talk, &c->err))
		failed(c);
	interrupt_clear();
}

static const struct {
	const char *name, *arg, *help;
	void (*run)(struct chat *c, const char *arg);
} commands[] = {
	{"help", "", "this list", do_help},
	{"exit", "", "leave (so does Ctrl-D)", do_exit},
	{"clear", "", "begin a new conversation", do_clear},
	{"system", "TEXT", "set the system message; alone: show it", do_system},
	{"think", "auto|off|on", "let the model think first", do_think},
	{"save", "FILE", "write the messages as JSON", do_save},
	{"load", "FILE", "read messages from such a file", do_load},
	{"stats", "", "figures of the last answer", do_stats},
	{"regen", "", "answer the last message again", do_regen},
};
enum { N_COMMANDS = sizeof(commands) / sizeof(commands[0]) };

static void do_help(struct chat *c, const char *arg)
{
	(void)arg;
	for (int i = 0; i < N_COMMANDS; i++)
		term_note(c->term, "  /%-6s %-12s %s", commands[i].name, commands[i].arg,
			  commands[i].help);
	term_note(c->term, "A line that ends in a backslash goes on in the next; a line of three "
			   "double quotes\nbegins and ends a block of lines.");
}

static void do_command(struct chat *c, const char *line)
{
	size_t n = strcspn(line, " \t");
	const char *arg = line + n + strspn(line + n, " \t");

	for (int i = 0; i < N_COMMANDS; i++)
		if (strlen(commands[i].name) == n - 1 &&
		    !memcmp(commands[i].name, line + 1, n - 1)) {
			commands[i].run(c, arg);
			return;
		}
	err_set(&c->err, ZINC_E_INVALID, "unknown command %.*s (/help lists them)", (int)n, line);
	failed(c);
}

static void handle(struct chat *c, const char *text)
{
	if (text[0] == '/')
		do_command(c, text);
	else if (text[strspn(text, " \t\n")])
		say(c, text);
}

static void loop(struct chat *c)
{
	while (!c->over) {
		char *text = NULL;

		switch (line_read(c->lines, &text)) {
		case LINE_TEXT: handle(c, text); break;
		case LINE_INTERRUPTED:
			interrupt_clear();
			term_note(c->term, "\n(Ctrl-D or /exit leaves)");
			c->over = !c->term->in;
			break;
		case LINE_END: c->over = true; break;
		case LINE_NO_MEMORY:
			err_set(&c->err, ZINC_E_NO_MEMORY, "no memory for the message");
			failed(c);
			c->over = true;
		}
		free(text);
	}
}

static int open_chat(struct chat *c)
{
	struct engine_config config;
	const char *name = c->o->n_args ? c->o->args[0] : NULL;
	int rc = session_open_model(&c->session, name, &c->err);

	if (!rc && !c->session.model->arch->chat)
		return err_set(&c->err, ZINC_E_UNSUPPORTED,
			       "this model has no chat format; zinc run --raw continues text");
	if (!rc)
		rc = sampling_add_model(&c->sampling, c->o, c->session.model, &c->err);
	if (!rc)
		rc = session_engine_config(&c->session, &config, &c->err);
	if (rc)
		return rc;
	config.n_best = answer_reach(&c->sampling.config, c->session.model);
	rc = session_open_engine(&c->session, &config, false, &c->err);
	return rc ? rc : conversation_init(&c->talk, &c->session, &c->sampling, &c->err);
}

static void run(struct chat *c)
{
	if (open_chat(c)) {
		failed(c);
		return;
	}
	c->lines = line_create(c->term->in && c->term->out);
	if (!c->lines) {
		err_set(&c->err, ZINC_E_NO_MEMORY, "no memory for line editing");
		failed(c);
		return;
	}
	if (c->term->in)
		term_note(c->term, "%s; /help lists commands", c->session.path);
	interrupt_install();
	loop(c);
}

int cmd_chat(const struct options *o, struct terminal *t)
{
	struct chat c = {.o = o, .term = t, .session = {.o = o, .term = t}};

	if (o->n_args > 1)
		return usage_error(o, "one model is enough: unexpected '%s'", o->args[1]);
	if (sampling_init(&c.sampling, o, &c.err)) {
		c.status = usage_error(o, "%s", c.err.msg);
	} else {
		run(&c);
		line_destroy(c.lines);
		conversation_finish(&c.talk);
		session_close(&c.session);
	}
	sampling_finish(&c.sampling);
	return c.status;
}
