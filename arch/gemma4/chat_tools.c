/* chat_tools.c - writing tools and arguments in Gemma 4's notation, member for
 * member as its template does. */
#include "chat_tools.h"

#include <stdlib.h>

static bool is_true(json_t *v)
{
	return json_is_true(v) || json_string_length(v) || json_array_size(v) ||
	       json_object_size(v) || (json_is_number(v) && json_number_value(v) != 0);
}

void gemma4_write_quoted(struct chat_text *out, struct chat_str s)
{
	chat_mark(out, GEMMA4_QUOTE);
	chat_put(out, s);
	chat_mark(out, GEMMA4_QUOTE);
}

static void put_upper(struct chat_text *out, struct chat_str s)
{
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i] >= 'a' && s.p[i] <= 'z' ? (char)(s.p[i] - 'a' + 'A') : s.p[i];

		chat_put(out, (struct chat_str){&c, 1});
	}
}

/* str(type).upper(): a list of types comes out in Python's spelling. */
static void put_type(struct chat_text *out, json_t *type)
{
	if (!json_is_array(type)) {
		put_upper(out, json_is_string(type) ? chat_json_str(type) : chat_str(""));
		return;
	}
	chat_put(out, chat_str("["));
	for (size_t i = 0; i < json_array_size(type); i++) {
		chat_put(out, chat_str(i ? ", '" : "'"));
		put_upper(out, chat_json_str(json_array_get(type, i)));
		chat_put(out, chat_str("'"));
	}
	chat_put(out, chat_str("]"));
}

static bool type_is(json_t *type, const char *upper)
{
	return json_is_string(type) && strcasecmp(json_string_value(type), upper) == 0;
}

struct writer {
	struct chat_text *out;
	const struct gemma4_style *style;
	bool quote_keys;
};

static void write_value(const struct writer *w, json_t *v);

/* key:value,key:value */
static void write_members(const struct writer *w, json_t *object)
{
	size_t n = json_object_size(object);
	struct chat_member *member = chat_json_sorted(object);

	w->out->failed = w->out->failed || !member;
	for (size_t i = 0; member && i < n; i++) {
		chat_mark(w->out, i ? "," : "");
		if (w->quote_keys)
			gemma4_write_quoted(w->out, member[i].key);
		else
			chat_put(w->out, member[i].key);
		chat_mark(w->out, ":");
		write_value(w, member[i].value);
	}
	free(member);
}

static void write_value(const struct writer *w, json_t *v)
{
	if (json_is_string(v)) {
		gemma4_write_quoted(w->out, chat_json_str(v));
	} else if (json_is_object(v)) {
		chat_mark(w->out, "{");
		write_members(w, v);
		chat_mark(w->out, "}");
	} else if (json_is_array(v)) {
		chat_mark(w->out, "[");
		for (size_t i = 0; i < json_array_size(v); i++) {
			chat_mark(w->out, i ? "," : "");
			write_value(w, json_array_get(v, i));
		}
		chat_mark(w->out, "]");
	} else if (json_is_boolean(v)) {
		chat_put(w->out, chat_str(json_is_true(v) ? "true" : "false"));
	} else if (json_is_null(v) && w->style->joins_turns) {
		chat_put(w->out, chat_str("null"));
	} else {
		chat_json_write_str(w->out, v);
	}
}

void gemma4_write_arguments(struct chat_text *out, json_t *args, const struct gemma4_style *style)
{
	struct writer w = {.out = out, .style = style};

	if (args)
		write_members(&w, args);
}

static void write_required(struct chat_text *out, json_t *list)
{
	chat_mark(out, "required:[");
	for (size_t i = 0; i < json_array_size(list); i++) {
		chat_mark(out, i ? "," GEMMA4_QUOTE : GEMMA4_QUOTE);
		chat_json_write_str(out, json_array_get(list, i));
		chat_mark(out, GEMMA4_QUOTE);
	}
	chat_mark(out, "]");
}

static void write_properties(const struct writer *w, json_t *properties, bool skip_schema_words);

/* The "items" of an array parameter. */
static void write_items(const struct writer *w, json_t *items)
{
	size_t n = json_object_size(items);
	struct chat_member *member = chat_json_sorted(items);
	const char *separator = "";

	w->out->failed = w->out->failed || !member;
	for (size_t i = 0; member && i < n; i++) {
		struct chat_str key = member[i].key;
		json_t *v = member[i].value;

		if (json_is_null(v))
			continue;
		chat_mark(w->out, separator);
		separator = ",";
		if (chat_str_is(key, "required")) {
			write_required(w->out, v);
			continue;
		}
		chat_put(w->out, key);
		chat_mark(w->out, ":");
		if (chat_str_is(key, "properties")) {
			chat_mark(w->out, "{");
			write_properties(w, json_is_object(v) ? v : NULL, !w->style->joins_turns);
			chat_mark(w->out, "}");
		} else if (chat_str_is(key, "type") && json_is_string(v)) {
			chat_mark(w->out, GEMMA4_QUOTE);
			put_type(w->out, v);
			chat_mark(w->out, GEMMA4_QUOTE);
		} else if (chat_str_is(key, "type") && json_is_array(v)) {
			for (size_t k = 0; k < json_array_size(v); k++) {
				chat_mark(w->out, k ? "," GEMMA4_QUOTE : "[" GEMMA4_QUOTE);
				put_type(w->out, json_array_get(v, k));
				chat_mark(w->out, GEMMA4_QUOTE);
			}
			chat_mark(w->out, json_array_size(v) ? "]" : "[]");
		} else {
			write_value(w, v);
		}
	}
	free(member);
}

/* One parameter's braces. Every part but the type is followed by a comma. */
static void write_schema(const struct writer *w, json_t *schema)
{
	struct chat_text *out = w->out;
	json_t *type = json_object_get(schema, "type");
	json_t *description = json_object_get(schema, "description");
	json_t *words = json_object_get(schema, "enum"), *items = json_object_get(schema, "items");
	json_t *inner = json_object_get(schema, "properties");

	chat_mark(out, "{");
	if (is_true(description)) {
		chat_mark(out, "description:" GEMMA4_QUOTE);
		chat_json_write_str(out, description);
		chat_mark(out, GEMMA4_QUOTE ",");
	}
	if (type_is(type, "STRING") && is_true(words)) {
		chat_mark(out, "enum:");
		write_value(w, words);
		chat_mark(out, ",");
	} else if (type_is(type, "ARRAY") && json_object_size(items)) {
		chat_mark(out, "items:{");
		write_items(w, items);
		chat_mark(out, "},");
	}
	if (is_true(json_object_get(schema, "nullable")))
		chat_mark(out, "nullable:true,");
	if (type_is(type, "OBJECT")) {
		bool nested = json_is_object(inner);

		chat_mark(out, "properties:{");
		write_properties(w, nested ? inner : schema,
		                 !nested || !w->style->joins_turns);
		chat_mark(out, "},");
		if (is_true(json_object_get(schema, "required"))) {
			write_required(out, json_object_get(schema, "required"));
			chat_mark(out, ",");
		}
	}
	chat_mark(out, "type:" GEMMA4_QUOTE);
	put_type(out, type);
	chat_mark(out, GEMMA4_QUOTE "}");
}

static void write_properties(const struct writer *w, json_t *properties, bool skip_schema_words)
{
	static const char *const word[] = {"description", "type", "properties", "required",
	                                   "nullable"};
	size_t n = json_object_size(properties);
	struct chat_member *member = n ? chat_json_sorted(properties) : NULL;
	const char *separator = "";

	w->out->failed = w->out->failed || (n && !member);
	for (size_t i = 0; member && i < n; i++) {
		bool skip = false;

		for (size_t k = 0; k < sizeof(word) / sizeof(*word); k++)
			skip = skip || (skip_schema_words && chat_str_is(member[i].key, word[k]));
		if (skip)
			continue;
		chat_mark(w->out, separator);
		chat_put(w->out, member[i].key);
		chat_mark(w->out, ":");
		write_schema(w, member[i].value);
		separator = ",";
	}
	free(member);
}

static void write_parameters(const struct writer *w, json_t *parameters)
{
	json_t *properties = json_object_get(parameters, "properties");
	json_t *required = json_object_get(parameters, "required");
	json_t *type = json_object_get(parameters, "type");

	chat_mark(w->out, ",parameters:{");
	if (is_true(properties)) {
		chat_mark(w->out, "properties:{");
		write_properties(w, properties, !w->style->joins_turns);
		chat_mark(w->out, "},");
	}
	if (is_true(required)) {
		write_required(w->out, required);
		chat_mark(w->out, ",");
	}
	/* The template closes the brace together with the type. */
	if (is_true(type)) {
		chat_mark(w->out, "type:" GEMMA4_QUOTE);
		put_type(w->out, type);
		chat_mark(w->out, GEMMA4_QUOTE "}");
	}
}

static void write_response(const struct writer *w, json_t *response)
{
	json_t *description = json_object_get(response, "description");

	chat_mark(w->out, ",response:{");
	if (is_true(description)) {
		chat_mark(w->out, "description:" GEMMA4_QUOTE);
		chat_json_write_str(w->out, description);
		chat_mark(w->out, GEMMA4_QUOTE ",");
	}
	if (type_is(json_object_get(response, "type"), "OBJECT"))
		chat_mark(w->out, "type:" GEMMA4_QUOTE "OBJECT" GEMMA4_QUOTE "}");
}

void gemma4_write_declaration(struct chat_text *out, json_t *tool,
                              const struct gemma4_style *style)
{
	struct writer w = {.out = out, .style = style, .quote_keys = true};
	json_t *description = chat_tool_get(tool, "description");

	chat_mark(out, "<|tool>declaration:");
	chat_put(out, chat_json_str(chat_tool_get(tool, "name")));
	chat_mark(out, "{description:" GEMMA4_QUOTE);
	if (description)
		chat_json_write_str(out, description);
	chat_mark(out, GEMMA4_QUOTE);
	if (is_true(chat_tool_get(tool, "parameters")))
		write_parameters(&w, chat_tool_get(tool, "parameters"));
	if (chat_tool_get(tool, "response"))
		write_response(&w, chat_tool_get(tool, "response"));
	chat_mark(out, "}<tool|>");
}
