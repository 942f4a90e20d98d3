/* chat_calls.c - reading call:NAME{...}, the inverse of chat_tools.c: a small
 * recursive descent that makes JSON of Gemma 4's notation.
 *
 * Strings stand between two <|"|> tokens, whose places the stream's reader
 * noted; the same five characters typed inside a string are text. */
#include "chat_tools.h"

#define MAX_DEPTH 100

struct reader {
	const struct chat_body *body;
	size_t at;      /* offset in body */
	size_t n_quote; /* quotes before it */
};

static json_t *read_value(struct reader *r, int depth);

static int peek(const struct reader *r)
{
	return r->at < r->body->n ? (unsigned char)r->body->p[r->at] : -1;
}

static bool at_quote(struct reader *r)
{
	while (r->n_quote < r->body->n_quotes && r->body->quote[r->n_quote] < r->at)
		r->n_quote++;
	return r->n_quote < r->body->n_quotes && r->body->quote[r->n_quote] == r->at;
}

static void skip_blanks(struct reader *r)
{
	while (peek(r) == ' ' || peek(r) == '\n' || peek(r) == '\t' || peek(r) == '\r')
		r->at++;
}

static bool take(struct reader *r, char c)
{
	skip_blanks(r);
	if (peek(r) != c)
		return false;
	r->at++;
	return true;
}

/* Between two quote tokens; the reader stands on the first. */
static bool take_quoted(struct reader *r, struct chat_str *s)
{
	if (r->n_quote + 1 >= r->body->n_quotes)
		return false;
	size_t start = r->at + strlen(GEMMA4_QUOTE), end = r->body->quote[r->n_quote + 1];

	*s = (struct chat_str){r->body->p + start, end - start};
	r->n_quote += 2;
	r->at = end + strlen(GEMMA4_QUOTE);
	return true;
}

/* Up to one of the characters in `stop`, a quote token or the end. */
static struct chat_str take_bare(struct reader *r, const char *stop)
{
	size_t start = r->at;

	while (r->at < r->body->n && !at_quote(r) && !memchr(stop, peek(r), strlen(stop)))
		r->at++;
	return chat_str_trim((struct chat_str){r->body->p + start, r->at - start});
}

/* "..." with JSON's escapes, which models that know JSON write now and then. */
static json_t *take_json_string(struct reader *r)
{
	size_t start = r->at++;

	while (r->at < r->body->n && peek(r) != '"')
		r->at += peek(r) == '\\' ? 2 : 1;
	if (r->at >= r->body->n)
		return NULL;
	r->at++;
	return json_loadb(r->body->p + start, r->at - start, JSON_DECODE_ANY | JSON_ALLOW_NUL,
	                  NULL);
}

/* true, null, a number, or else a word. */
static json_t *bare_value(struct chat_str s)
{
	if (s.n == 0)
		return NULL;
	if (chat_str_is(s, "None"))
		return json_null();
	json_t *v = json_loadb(s.p, s.n, JSON_DECODE_ANY, NULL);

	return v ? v : json_stringn(s.p, s.n);
}

static bool take_key(struct reader *r, struct chat_text *key)
{
	struct chat_str s;
	json_t *quoted = NULL;

	skip_blanks(r);
	if (at_quote(r)) {
		if (!take_quoted(r, &s))
			return false;
	} else if (peek(r) == '"') {
		quoted = take_json_string(r);
		if (!quoted)
			return false;
		s = chat_json_str(quoted);
	} else {
		s = take_bare(r, ":,{}[]");
	}
	key->n = key->n_runs = 0;
	chat_put(key, s);
	json_decref(quoted);
	return take(r, ':');
}

/* Behind the opening brace. */
static json_t *read_object(struct reader *r, int depth)
{
	json_t *object = json_object();
	struct chat_text key = {0};
	bool ok = object && depth < MAX_DEPTH;

	if (ok && take(r, '}'))
		return object;
	while (ok) {
		ok = take_key(r, &key);
		json_t *v = ok ? read_value(r, depth) : NULL;
		const char *name = chat_text_cstr(&key);

		/* json_object_set_new() takes v, also when it fails */
		ok = ok && name && v && json_object_set_new(object, name, v) == 0;
		if (!name)
			json_decref(v);
		if (ok && !take(r, ',')) {
			ok = take(r, '}');
			break;
		}
	}
	chat_text_finish(&key);
	if (ok)
		return object;
	json_decref(object);
	return NULL;
}

/* Behind the opening bracket. */
static json_t *read_array(struct reader *r, int depth)
{
	json_t *array = json_array();
	bool ok = array && depth < MAX_DEPTH;

	if (ok && take(r, ']'))
		return array;
	while (ok) {
		json_t *v = read_value(r, depth);

		ok = v && json_array_append_new(array, v) == 0;
		if (ok && !take(r, ',')) {
			ok = take(r, ']');
			break;
		}
	}
	if (ok)
		return array;
	json_decref(array);
	return NULL;
}

static json_t *read_value(struct reader *r, int depth)
{
	struct chat_str s;

	skip_blanks(r);
	if (at_quote(r))
		return take_quoted(r, &s) ? json_stringn(s.p, s.n) : NULL;
	if (peek(r) == '"')
		return take_json_string(r);
	if (take(r, '{'))
		return read_object(r, depth + 1);
	if (take(r, '['))
		return read_array(r, depth + 1);
	return bare_value(take_bare(r, ",{}[]"));
}

bool gemma4_read_call(const struct chat_body *body, json_t *tools, struct chat_text *name,
                      struct chat_text *args)
{
	struct reader r = {.body = body};
	static const char call[] = "call:";

	(void)tools; /* the notation itself says what is a string */
	skip_blanks(&r);
	if (body->n - r.at < strlen(call) || memcmp(body->p + r.at, call, strlen(call)) != 0)
		return false;
	r.at += strlen(call);
	struct chat_str function = take_bare(&r, "{}\n");

	if (function.n == 0 || !take(&r, '{'))
		return false;
	json_t *object = read_object(&r, 0);

	skip_blanks(&r);
	bool ok = object && r.at == body->n;

	if (ok) {
		chat_put(name, function);
		chat_json_write(args, object);
	}
	json_decref(object);
	return ok;
}
