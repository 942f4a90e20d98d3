/* chat_qwen_calls.c - reading the inside of <tool_call>: Qwen3 writes JSON,
 *   {"name": "f", "arguments": {...}}
 * Qwen3.5 writes tags, and every value as text:
 *   <function=f>\n<parameter=key>\nvalue\n</parameter>\n</function>
 * There the tool's schema says whether "18" is a number or a string. */
#include "chat_call.h"
#include "chat_qwen.h"

enum { T_STRING = 1, T_NULL = 2, T_OTHER = 4 };

static unsigned type_bit(json_t *type)
{
	if (!json_is_string(type))
		return 0;
	return chat_str_is(chat_json_str(type), "string") ? T_STRING
	       : chat_str_is(chat_json_str(type), "null") ? T_NULL
	                                                  : T_OTHER;
}

/* The types a JSON schema allows; 0: it does not say. */
static unsigned schema_types(json_t *schema, int depth)
{
	static const char *const choice[] = {"anyOf", "oneOf", "allOf"};
	json_t *type = json_object_get(schema, "type");
	unsigned types = type_bit(type);

	for (size_t i = 0; i < json_array_size(type); i++)
		types |= type_bit(json_array_get(type, i));
	for (int c = 0; c < 3 && depth < 8; c++) {
		json_t *list = json_object_get(schema, choice[c]);

		for (size_t i = 0; i < json_array_size(list); i++)
			types |= schema_types(json_array_get(list, i), depth + 1);
	}
	json_t *words = types ? NULL : json_object_get(schema, "enum");

	for (size_t i = 0; i < json_array_size(words); i++)
		types |= json_is_string(json_array_get(words, i)) ? T_STRING : T_OTHER;
	return types;
}

static unsigned parameter_types(json_t *tools, struct chat_str function, const char *key)
{
	for (size_t i = 0; i < json_array_size(tools); i++) {
		json_t *tool = json_array_get(tools, i);

		if (!chat_str_is(function, json_string_value(chat_tool_get(tool, "name"))))
			continue;
		json_t *properties =
			json_object_get(chat_tool_get(tool, "parameters"), "properties");

		return schema_types(json_object_get(properties, key), 0);
	}
	return 0;
}

/* The template writes true, false and null as Python does. */
static json_t *python_word(struct chat_str s)
{
	return chat_str_is(s, "True")    ? json_true()
	       : chat_str_is(s, "False") ? json_false()
	       : chat_str_is(s, "None")  ? json_null()
	                                 : NULL;
}

/* NULL: not UTF-8, or no memory. */
static json_t *typed_value(struct chat_str s, unsigned types)
{
	struct chat_str word = chat_str_trim(s);

	if (types & T_STRING) {
		bool null = chat_str_is(word, "null") || chat_str_is(word, "None");

		return (types & T_NULL) && null ? json_null() : json_stringn(s.p, s.n);
	}
	json_t *v = python_word(word);

	if (!v)
		v = json_loadb(s.p, s.n, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
	return v ? v : json_stringn(s.p, s.n);
}

static void skip(struct chat_str *s, size_t n)
{
	s->p += n;
	s->n -= n;
}

static void skip_blanks(struct chat_str *s)
{
	while (s->n && (*s->p == ' ' || *s->p == '\n' || *s->p == '\r' || *s->p == '\t'))
		skip(s, 1);
}

/* Takes "<KIND=NAME>" off the front. */
static bool take_tag(struct chat_str *s, const char *kind, struct chat_str *name)
{
	if (!chat_str_starts(*s, kind))
		return false;
	skip(s, strlen(kind));
	const char *end = s->n ? memchr(s->p, '>', s->n) : NULL;

	if (!end)
		return false;
	*name = chat_str_trim((struct chat_str){s->p, (size_t)(end - s->p)});
	skip(s, (size_t)(end - s->p) + 1);
	return name->n > 0 && !memchr(name->p, '\n', name->n);
}

/* Is this the end of a call, all of it? s has no blanks around it. */
static bool ends_call(struct chat_str s)
{
	return chat_str_is(s, "</function>");
}

/* Takes a value and its "</parameter>" off the front. The value may quote that
 * tag: the right one has another parameter or the end behind it. */
static bool take_value(struct chat_str *s, struct chat_str *value)
{
	static const char close[] = "</parameter>";
	struct chat_str rest = *s;

	for (const char *at; (at = chat_str_find(rest, close)) != NULL;) {
		skip(&rest, (size_t)(at - rest.p) + strlen(close));
		struct chat_str next = rest;

		skip_blanks(&next);
		if (!chat_str_starts(next, "<parameter=") && !ends_call(next))
			continue;
		*value = (struct chat_str){s->p, (size_t)(at - s->p)};
		if (value->n && value->p[0] == '\n')
			skip(value, 1);
		if (value->n && value->p[value->n - 1] == '\n')
			value->n--;
		*s = next;
		return true;
	}
	return false;
}

static bool take_parameter(struct chat_str *s, struct chat_str function, json_t *tools,
                           json_t *args)
{
	struct chat_str key, value;

	if (!take_tag(s, "<parameter=", &key) || !take_value(s, &value))
		return false;
	struct chat_text name = {0};

	chat_put(&name, key);
	const char *text = chat_text_cstr(&name);
	json_t *v = text ? typed_value(value, parameter_types(tools, function, text)) : NULL;
	bool ok = v && json_object_set_new(args, text, v) == 0;

	chat_text_finish(&name);
	return ok;
}

/* s has no blanks around it. */
static bool read_tags(struct chat_str s, json_t *tools, struct chat_text *name,
                      struct chat_text *args)
{
	struct chat_str function;
	json_t *object = json_object();
	bool ok = take_tag(&s, "<function=", &function);

	skip_blanks(&s);
	while (ok && chat_str_starts(s, "<parameter="))
		ok = take_parameter(&s, function, tools, object);
	ok = ok && ends_call(s) && object;
	if (ok) {
		chat_put(name, function);
		chat_json_write(args, object);
	}
	json_decref(object);
	return ok;
}

bool qwen_read_call(const struct chat_body *body, json_t *tools, struct chat_text *name,
                    struct chat_text *args)
{
	struct chat_str s = chat_str_trim((struct chat_str){body->p, body->n});

	return s.n && s.p[0] == '{' ? chat_call_read(s, "arguments", name, args)
	                            : read_tags(s, tools, name, args);
}
