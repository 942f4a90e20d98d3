/* chat_conv.c - reading and checking a chat request. */
#include "chat_conv.h"

#include "base.h"

#include <stdio.h>
#include <stdlib.h>

/* Where in the request something is, for messages. */
struct place {
	struct zinc_err *err;
	char at[96]; /* "messages[2].tool_calls[0]" */
};

static const char *type_name(const json_t *v)
{
	static const char *const name[] = {"an object", "an array",  "a string", "an integer",
	                                   "a number",  "a boolean", "a boolean", "null"};

	return v ? name[json_typeof(v)] : "missing";
}

static int wrong_type(const struct place *at, const char *key, const json_t *v, const char *want)
{
	return arch_fail(at->err, ZINC_E_INVALID, "%s%s%s is %s; it must be %s", at->at,
	                 *key ? "." : "", key, type_name(v), want);
}

static int no_memory(struct zinc_err *err)
{
	return arch_fail(err, ZINC_E_NO_MEMORY, "no memory to read the chat request");
}

/* Optional string member; *out is NULL when absent or null. */
static int get_string(const struct place *at, json_t *obj, const char *key, json_t **out)
{
	json_t *v = json_object_get(obj, key);

	*out = json_is_null(v) ? NULL : v;
	if (*out && !json_is_string(v))
		return wrong_type(at, key, v, "a string");
	return 0;
}

static int parse(const char *text, const char *what, json_t **out, struct zinc_err *err)
{
	json_error_t e;

	*out = json_loads(text, JSON_ALLOW_NUL, &e);
	if (*out)
		return 0;
	return arch_fail(err, ZINC_E_INVALID, "%s: not valid JSON at line %d, column %d: %s", what,
	                 e.line, e.column, e.text);
}

/* The text of one part of a content array. */
static int load_part(json_t *part, const struct place *at, size_t i, struct chat_str *out)
{
	json_t *type = json_object_get(part, "type"), *text = json_object_get(part, "text");
	struct place here = {.err = at->err};

	snprintf(here.at, sizeof(here.at), "%.60s.content[%zu]", at->at, i);
	if (!json_is_object(part))
		return wrong_type(&here, "", part, "an object");
	if (type && !(json_is_string(type) && chat_str_is(chat_json_str(type), "text")))
		return arch_fail(at->err, ZINC_E_INVALID,
		                 "%s is of type \"%s\"; this program reads text only", here.at,
		                 json_is_string(type) ? json_string_value(type) : "?");
	if (!json_is_string(text))
		return wrong_type(&here, "text", text, "a string");
	*out = chat_json_str(text);
	return 0;
}

/* Joins the text parts of m->parts; the result is owned by conv. */
static int join_parts(struct chat_conv *conv, struct chat_msg *m, const struct place *at)
{
	struct chat_text joined = {0};
	int rc = 0;

	for (size_t i = 0; !rc && i < json_array_size(m->parts); i++) {
		struct chat_str text = {0};

		rc = load_part(json_array_get(m->parts, i), at, i, &text);
		if (!rc)
			chat_put(&joined, text);
	}
	if (!rc) {
		json_t *s =
			joined.failed ? NULL : json_stringn(joined.n ? joined.data : "", joined.n);

		m->content = chat_json_str(s);
		if (!s || json_array_append_new(conv->owned, s))
			rc = no_memory(at->err);
	}
	chat_text_finish(&joined);
	return rc;
}

static int load_content(struct chat_conv *conv, struct chat_msg *m, json_t *obj,
                        const struct place *at)
{
	json_t *v = json_object_get(obj, "content");

	m->content = chat_str("");
	m->has_content = v && !json_is_null(v);
	if (!m->has_content)
		return 0;
	if (json_is_array(v)) {
		m->parts = v;
		return join_parts(conv, m, at);
	}
	if (json_is_object(v) && conv->object_results && chat_is(m, "tool")) {
		m->object = v;
		return 0;
	}
	if (!json_is_string(v))
		return wrong_type(at, "content", v, "a string or an array of parts");
	m->content = chat_json_str(v);
	return 0;
}

/* Arguments come as an object or as the text of one. */
static int load_arguments(struct chat_conv *conv, struct chat_call *call, json_t *v,
                          const struct place *at)
{
	if (!v || json_is_null(v))
		return 0;
	if (json_is_object(v)) {
		call->args = v;
		return 0;
	}
	if (!json_is_string(v))
		return wrong_type(at, "arguments", v, "an object or its JSON text");
	call->raw = chat_json_str(v);
	if (chat_str_trim(call->raw).n == 0) {
		call->raw.n = 0;
		return 0;
	}
	char what[128];

	snprintf(what, sizeof(what), "%.100s.arguments", at->at);
	int rc = parse(json_string_value(v), what, &call->args, at->err);

	if (rc)
		return rc;
	if (json_array_append_new(conv->owned, call->args))
		return no_memory(at->err);
	if (!json_is_object(call->args))
		return arch_fail(at->err, ZINC_E_INVALID,
				 "%s is the text of %s; it must be an object", what,
				 type_name(call->args));
	return 0;
}

static int load_call(struct chat_conv *conv, struct chat_call *call, json_t *obj,
                     const struct place *at)
{
	json_t *function = json_object_get(obj, "function"), *id;

	if (!json_is_object(function))
		return wrong_type(at, "function", function, "an object");
	json_t *name = json_object_get(function, "name");

	if (!json_is_string(name))
		return wrong_type(at, "function.name", name, "a string");
	call->name = chat_json_str(name);
	int rc = get_string(at, obj, "id", &id);

	if (rc)
		return rc;
	call->id = json_string_value(id);
	return load_arguments(conv, call, json_object_get(function, "arguments"), at);
}

static int load_message(struct chat_conv *conv, struct chat_msg *m, json_t *obj, size_t *n_calls,
                        const struct place *at)
{
	json_t *reasoning, *name, *call_id;
	json_t *role = json_object_get(obj, "role"), *calls = json_object_get(obj, "tool_calls");
	int rc;

	if (!json_is_string(role))
		return wrong_type(at, "role", role, "a string");
	m->role = json_string_value(role);
	if ((rc = load_content(conv, m, obj, at)) ||
	    (rc = get_string(at, obj, "reasoning_content", &reasoning)) ||
	    (rc = get_string(at, obj, "name", &name)) ||
	    (rc = get_string(at, obj, "tool_call_id", &call_id)))
		return rc;
	m->has_reasoning = reasoning != NULL;
	m->reasoning = reasoning ? chat_json_str(reasoning) : chat_str("");
	m->name = json_string_value(name);
	m->call_id = json_string_value(call_id);
	if (calls && !json_is_null(calls) && !json_is_array(calls))
		return wrong_type(at, "tool_calls", calls, "an array");
	m->call = conv->call + *n_calls;
	m->n_calls = json_array_size(calls);
	for (size_t i = 0; i < m->n_calls; i++) {
		struct place here = *at;

		snprintf(here.at, sizeof(here.at), "%.60s.tool_calls[%zu]", at->at, i);
		rc = load_call(conv, &conv->call[(*n_calls)++], json_array_get(calls, i), &here);
		if (rc)
			return rc;
	}
	return 0;
}

static int load_messages(struct chat_conv *conv, struct zinc_err *err)
{
	size_t n_calls = 0;

	conv->n = json_array_size(conv->root);
	for (size_t i = 0; i < conv->n; i++)
		n_calls += json_array_size(
			json_object_get(json_array_get(conv->root, i), "tool_calls"));
	conv->owned = json_array();
	conv->msg = calloc(conv->n, sizeof(*conv->msg));
	conv->call = calloc(n_calls + 1, sizeof(*conv->call));
	if (!conv->owned || !conv->msg || !conv->call)
		return no_memory(err);
	n_calls = 0;
	for (size_t i = 0; i < conv->n; i++) {
		json_t *obj = json_array_get(conv->root, i);
		struct place at = {.err = err};

		snprintf(at.at, sizeof(at.at), "messages[%zu]", i);
		if (!json_is_object(obj))
			return wrong_type(&at, "", obj, "an object");
		int rc = load_message(conv, &conv->msg[i], obj, &n_calls, &at);

		if (rc)
			return rc;
	}
	return 0;
}

static int check_tool(json_t *tool, const struct place *at)
{
	json_t *function = json_object_get(tool, "function");
	json_t *parameters = json_object_get(function, "parameters"), *unused;

	if (!json_is_object(tool))
		return wrong_type(at, "", tool, "an object");
	if (!json_is_object(function))
		return wrong_type(at, "function", function, "an object");
	if (!json_is_string(json_object_get(function, "name")))
		return wrong_type(at, "function.name", json_object_get(function, "name"),
		                  "a string");
	if (parameters && !json_is_null(parameters) && !json_is_object(parameters))
		return wrong_type(at, "function.parameters", parameters, "an object");
	return get_string(at, function, "description", &unused);
}

int chat_tools_load(const struct zinc_chat_request *req, json_t **out, struct zinc_err *err)
{
	struct place at = {.err = err, .at = "tools"};

	*out = NULL;
	if (!req->tools)
		return 0;
	int rc = parse(req->tools, "tools", out, err);

	if (rc)
		return rc;
	if (json_is_null(*out))
		*out = NULL;
	else if (!json_is_array(*out))
		rc = wrong_type(&at, "", *out, "an array");
	for (size_t i = 0; !rc && i < json_array_size(*out); i++) {
		snprintf(at.at, sizeof(at.at), "tools[%zu]", i);
		rc = check_tool(json_array_get(*out, i), &at);
	}
	if (rc) {
		json_decref(*out);
		*out = NULL;
	}
	return rc;
}

int chat_conv_load(struct chat_conv *conv, const struct zinc_chat_request *req,
                   bool object_results, struct zinc_err *err)
{
	memset(conv, 0, sizeof(*conv));
	conv->object_results = object_results;
	if (!req->messages)
		return arch_fail(err, ZINC_E_INVALID, "the chat request has no messages");
	if (req->thinking > ZINC_THINK_ON)
		return arch_fail(err, ZINC_E_INVALID, "thinking is %u; it must be 0, 1 or 2",
		                 req->thinking);
	conv->thinking = req->thinking;
	conv->generate = !req->no_generation_prompt;
	int rc = parse(req->messages, "messages", &conv->root, err);

	if (rc)
		return rc;
	if (!json_is_array(conv->root))
		return wrong_type(&(struct place){.err = err, .at = "messages"}, "", conv->root,
		                  "an array");
	if (json_array_size(conv->root) == 0)
		return arch_fail(err, ZINC_E_INVALID, "No messages provided.");
	rc = load_messages(conv, err);
	if (rc)
		return rc;
	rc = chat_tools_load(req, &conv->tools_root, err);
	conv->n_tools = json_array_size(conv->tools_root);
	conv->tools = conv->n_tools ? conv->tools_root : NULL;
	return rc;
}

void chat_conv_finish(struct chat_conv *conv)
{
	free(conv->msg);
	free(conv->call);
	json_decref(conv->owned);
	json_decref(conv->root);
	json_decref(conv->tools_root);
	memset(conv, 0, sizeof(*conv));
}

int chat_render(const struct chat_job *job, chat_render_fn *body, const void *style)
{
	struct chat_conv conv;
	struct chat_text out = {0};
	int rc = chat_conv_load(&conv, job->req, job->object_results, job->err);

	if (!rc)
		rc = body(style, &conv, &out, job->err);
	if (!rc)
		rc = chat_text_deliver(&out, job->fn, job->ctx, job->err);
	chat_text_finish(&out);
	chat_conv_finish(&conv);
	return rc;
}
