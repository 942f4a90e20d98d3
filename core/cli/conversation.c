/* conversation.c - keeping messages and the sequence that has read them. */
#include "cli/conversation.h"

#include <stdlib.h>
#include <string.h>

#include "cli/load.h"
#include "cli/options.h"
#include "cli/output.h"
#include "cli/sampling.h"
#include "cli/terminal.h"
#include "model/model.h"
#include "run/engine.h"
#include "run/prompt.h"
#include "util/err.h"

static int no_memory(struct zinc_err *err)
{
	return err_set(err, ZINC_E_NO_MEMORY, "no memory for the conversation");
}

int conversation_init(struct conversation *c, struct session *s, const struct sampling *sampling,
		      struct zinc_err *err)
{
	*c = (struct conversation){
		.session = s,
		.sampling = sampling,
		.messages = json_array(),
		.think = s->o->think,
	};
	if (!c->messages)
		return no_memory(err);
	return s->o->system ? conversation_set_system(c, s->o->system, err) : ZINC_OK;
}

static void drop_sequence(struct conversation *c)
{
	if (c->seq)
		engine_seq_destroy(c->session->engine, c->seq);
	c->seq = NULL;
	c->held.n = 0;
}

void conversation_finish(struct conversation *c)
{
	drop_sequence(c);
	tok_ids_finish(&c->held);
	json_decref(c->messages);
}

static json_t *message(const char *role, const char *text)
{
	return json_pack("{s:s, s:s}", "role", role, "content", text);
}

int conversation_say(struct conversation *c, const char *role, const char *text,
		     struct zinc_err *err)
{
	int rc = prompt_check_utf8("the message", text, strlen(text), err);

	if (rc)
		return rc;
	return json_array_append_new(c->messages, message(role, text)) ? no_memory(err) : ZINC_OK;
}

static bool has_role(const json_t *message, const char *role)
{
	const char *is = json_string_value(json_object_get(message, "role"));

	return is && !strcmp(is, role);
}

const char *conversation_system(const struct conversation *c)
{
	const json_t *first = json_array_get(c->messages, 0);

	return has_role(first, "system") ? json_string_value(json_object_get(first, "content"))
					 : NULL;
}

int conversation_set_system(struct conversation *c, const char *text, struct zinc_err *err)
{
	int rc = prompt_check_utf8("the system message", text, strlen(text), err);
	int failed;

	if (rc)
		return rc;
	if (conversation_system(c))
		failed = json_array_set_new(c->messages, 0, message("system", text));
	else
		failed = json_array_insert_new(c->messages, 0, message("system", text));
	return failed ? no_memory(err) : ZINC_OK;
}

void conversation_clear(struct conversation *c)
{
	size_t keep = conversation_system(c) ? 1 : 0;

	while (json_array_size(c->messages) > keep)
		json_array_remove(c->messages, keep);
	drop_sequence(c);
}

/* The last message if it is of this role, else NULL. */
static json_t *last_of(const struct conversation *c, const char *role)
{
	size_t n = json_array_size(c->messages);
	json_t *last = n ? json_array_get(c->messages, n - 1) : NULL;

	return has_role(last, role) ? last : NULL;
}

void conversation_unsay(struct conversation *c)
{
	if (last_of(c, "user"))
		json_array_remove(c->messages, json_array_size(c->messages) - 1);
}

/* How many tokens of the prompt the sequence has read already. */
static size_t reusable(const struct conversation *c, const struct tok_ids *ids)
{
	if (!c->seq || c->held.n >= ids->n ||
	    (c->held.n && memcmp(c->held.id, ids->id, c->held.n * sizeof(*ids->id))))
		return 0;
	return c->held.n;
}

static int ready_sequence(struct conversation *c, const struct tok_ids *ids, size_t n_reused,
			  struct zinc_err *err)
{
	if (c->seq && c->held.n && !n_reused) {
		term_note(c->session->term,
			  "(the chat format changed earlier turns: reading all %zu tokens again)",
			  ids->n);
		drop_sequence(c);
	}
	return c->seq ? ZINC_OK : engine_seq_create(c->session->engine, &c->seq, err);
}

/* The sequence now holds the prompt and as much of the answer as was read. */
static int note_held(struct conversation *c, const struct tok_ids *ids, const struct answer *a,
		     struct zinc_err *err)
{
	const struct tok_ids *said = answer_tokens(a);
	size_t n = engine_seq_pos(c->seq);

	if (engine_seq_waiting(c->seq)) {
		drop_sequence(c);
		return ZINC_OK;
	}
	c->held.n = 0;
	for (size_t i = 0; i < n; i++)
		if (tok_ids_push(&c->held, i < ids->n ? ids->id[i] : said->id[i - ids->n])) {
			drop_sequence(c);
			return no_memory(err);
		}
	return ZINC_OK;
}

static int keep_answer(struct conversation *c, const struct tok_ids *ids, const struct answer *a,
		       struct output *out, struct zinc_err *err)
{
	output_end(out);
	output_print_stats(c->session->term, a);
	c->write_failed |= out->write_failed;
	answer_get_stats(a, &c->stats);
	c->finish = answer_finish(a);
	if (out->no_memory)
		return no_memory(err);
	if (c->finish == ANSWER_CONTEXT)
		term_note(
			c->session->term,
			"(the context of %u tokens is full: /clear begins anew, --ctx gives more)",
			engine_n_ctx(c->session->engine));
	if (json_array_append_new(c->messages, output_message(out)))
		return no_memory(err);
	return note_held(c, ids, a, err);
}

static int generate(struct conversation *c, const struct zinc_chat_request *req,
		    const struct tok_ids *ids, struct output *out, struct zinc_err *err)
{
	const struct options *o = c->session->o;
	struct answer_config config = {
		.model = c->session->model,
		.ids = ids->id,
		.n_ids = ids->n,
		.n_reused = reusable(c, ids),
		.sample = c->sampling->config,
		.stop = (const char *const *)o->stop.v,
		.n_stop = o->stop.n,
		.max_tokens = o->max_tokens,
		.chat = req,
		.fn = output_event,
		.ctx = out,
	};
	struct answer *a = NULL;
	uint32_t before;
	int rc = ready_sequence(c, ids, config.n_reused, err);

	if (rc)
		return rc;
	config.seq = c->seq;
	before = engine_seq_pos(c->seq);
	rc = generate_one(c->session->engine, &config, &a, err);
	if (!rc)
		rc = keep_answer(c, ids, a, out, err);
	else if (engine_seq_waiting(c->seq) || engine_seq_pos(c->seq) != before)
		drop_sequence(c);
	answer_end(a);
	return rc;
}

int conversation_answer(struct conversation *c, struct zinc_err *err)
{
	struct tok_ids ids = {0};
	struct output out;
	char *messages = json_dumps(c->messages, JSON_COMPACT);
	struct zinc_chat_request req = {
		.struct_size = sizeof(req),
		.thinking = c->think,
		.messages = messages,
	};
	int rc;

	if (!output_init(&out, c->session->engine, c->session->term, true) || !messages)
		rc = no_memory(err);
	else
		rc = prompt_from_chat(c->session->model, &req, &ids, err);
	if (!rc)
		rc = generate(c, &req, &ids, &out, err);
	output_finish(&out);
	tok_ids_finish(&ids);
	free(messages);
	return rc;
}

int conversation_regenerate(struct conversation *c, struct zinc_err *err)
{
	json_t *old = json_incref(last_of(c, "assistant"));
	int rc;

	if (!old)
		return err_set(err, ZINC_E_INVALID, "there is no answer to replace");
	json_array_remove(c->messages, json_array_size(c->messages) - 1);
	drop_sequence(c);
	rc = conversation_answer(c, err);
	if (rc)
		json_array_append(c->messages, old);
	json_decref(old);
	return rc;
}

int conversation_save(const struct conversation *c, const char *path, struct zinc_err *err)
{
	if (json_dump_file(c->messages, path, JSON_INDENT(1)))
		return err_set(err, ZINC_E_IO, "cannot write %s", path);
	return ZINC_OK;
}

/* An array of objects with a role and some content. */
static bool is_conversation(const json_t *j)
{
	size_t i;
	json_t *m;

	if (!json_is_array(j))
		return false;
	json_array_foreach(j, i, m)
	{
		if (!json_is_string(json_object_get(m, "role")) ||
		    (!json_object_get(m, "content") && !json_object_get(m, "tool_calls")))
			return false;
	}
	return true;
}

int conversation_load(struct conversation *c, const char *path, struct zinc_err *err)
{
	json_error_t why;
	json_t *j = json_load_file(path, 0, &why);

	if (!j)
		return err_set(err, ZINC_E_IO, "%s:%d: %s", path, why.line, why.text);
	if (!is_conversation(j)) {
		json_decref(j);
		return err_set(err, ZINC_E_INVALID,
			       "%s is not a list of messages with role and content", path);
	}
	json_decref(c->messages);
	c->messages = j;
	drop_sequence(c);
	return ZINC_OK;
}
