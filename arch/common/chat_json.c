/* chat_json.c - JSON in Python's spelling. */
#include "chat_json.h"

#include <stdio.h>
#include <stdlib.h>

static void put(struct chat_text *t, const char *s)
{
	chat_put(t, chat_str(s));
}

void chat_json_write_text(struct chat_text *t, struct chat_str s)
{
	static const char named[] = "\"\"\\\\\nn\rr\tt\bb\ff"; /* pairs: byte, letter */
	size_t start = 0;

	put(t, "\"");
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];
		char escape[8];

		if (c >= 0x20 && c != '"' && c != '\\')
			continue;
		snprintf(escape, sizeof(escape), "\\u%04x", c);
		for (size_t k = 0; k + 1 < sizeof(named); k += 2)
			if (c == (unsigned char)named[k])
				snprintf(escape, sizeof(escape), "\\%c", named[k + 1]);
		chat_put(t, (struct chat_str){s.p + start, i - start});
		put(t, escape);
		start = i + 1;
	}
	chat_put(t, (struct chat_str){s.p + start, s.n - start});
	put(t, "\"");
}

/* The shortest digits that read back as the same number; returns the decimal
 * exponent of the first. Digits only, so that no locale's decimal point gets
 * in. */
static int shortest_digits(double v, char digits[24])
{
	char text[40];

	for (int precision = 0; precision < 17; precision++) {
		snprintf(text, sizeof(text), "%.*e", precision, v);
		if (strtod(text, NULL) == v)
			break;
	}
	char *e = strchr(text, 'e');
	size_t n = 0;

	for (const char *c = text; c < e; c++)
		if (*c >= '0' && *c <= '9')
			digits[n++] = *c;
	while (n > 1 && digits[n - 1] == '0')
		n--;
	digits[n] = 0;
	return atoi(e + 1);
}

/* repr(float): plain notation for exponents from -4 to 15, never without a
 * decimal point or an exponent. */
static void write_real(struct chat_text *t, double v)
{
	char digits[24], out[64];
	int exponent = shortest_digits(v < 0 ? -v : v, digits);
	int n = (int)strlen(digits);

	if (v < 0 || (v == 0 && 1 / v < 0))
		put(t, "-");
	if (exponent < -4 || exponent >= 16) {
		snprintf(out, sizeof(out), "%c%s%se%c%02d", digits[0], n > 1 ? "." : "",
		         digits + 1, exponent < 0 ? '-' : '+', abs(exponent));
	} else if (exponent < 0) {
		snprintf(out, sizeof(out), "0.%.*s%s", -exponent - 1, "0000", digits);
	} else if (n <= exponent + 1) {
		snprintf(out, sizeof(out), "%s%.*s.0", digits, exponent + 1 - n,
		         "0000000000000000");
	} else {
		snprintf(out, sizeof(out), "%.*s.%s", exponent + 1, digits, digits + exponent + 1);
	}
	put(t, out);
}

static void write_number(struct chat_text *t, json_t *v)
{
	char text[32];

	if (json_is_real(v)) {
		write_real(t, json_real_value(v));
		return;
	}
	snprintf(text, sizeof(text), "%" JSON_INTEGER_FORMAT, json_integer_value(v));
	put(t, text);
}

/* depth: of the lines that v is written in, or SAME_LINE. */
enum { SAME_LINE = -1 };

static void write_value(struct chat_text *t, json_t *v, int depth);

static void put_line(struct chat_text *t, int depth)
{
	if (depth == SAME_LINE)
		return;
	put(t, "\n");
	for (int i = 0; i < depth; i++)
		put(t, "    ");
}

/* What stands before a member or element. */
static void put_separator(struct chat_text *t, bool first, int inner)
{
	if (!first)
		put(t, inner == SAME_LINE ? ", " : ",");
	put_line(t, inner);
}

static void write_object(struct chat_text *t, json_t *v, int depth)
{
	int inner = depth == SAME_LINE ? SAME_LINE : depth + 1;
	bool first = true;

	put(t, "{");
	for (void *i = json_object_iter(v); i; i = json_object_iter_next(v, i)) {
		put_separator(t, first, inner);
		chat_json_write_text(t, chat_str(json_object_iter_key(i)));
		put(t, ": ");
		write_value(t, json_object_iter_value(i), inner);
		first = false;
	}
	if (!first)
		put_line(t, depth);
	put(t, "}");
}

static void write_array(struct chat_text *t, json_t *v, int depth)
{
	int inner = depth == SAME_LINE ? SAME_LINE : depth + 1;

	put(t, "[");
	for (size_t i = 0; i < json_array_size(v); i++) {
		put_separator(t, i == 0, inner);
		write_value(t, json_array_get(v, i), inner);
	}
	if (json_array_size(v))
		put_line(t, depth);
	put(t, "]");
}

static void write_value(struct chat_text *t, json_t *v, int depth)
{
	switch (json_typeof(v)) {
	case JSON_OBJECT:
		write_object(t, v, depth);
		break;
	case JSON_ARRAY:
		write_array(t, v, depth);
		break;
	case JSON_STRING:
		chat_json_write_text(t, chat_json_str(v));
		break;
	case JSON_INTEGER:
	case JSON_REAL:
		write_number(t, v);
		break;
	default:
		put(t, json_is_true(v) ? "true" : json_is_false(v) ? "false" : "null");
	}
}

void chat_json_write(struct chat_text *t, json_t *v)
{
	write_value(t, v, SAME_LINE);
}

void chat_json_write_lines(struct chat_text *t, json_t *v)
{
	write_value(t, v, 0);
}

void chat_json_write_str(struct chat_text *t, json_t *v)
{
	if (json_is_string(v))
		chat_put(t, chat_json_str(v));
	else if (json_is_number(v))
		write_number(t, v);
	else
		put(t, json_is_true(v) ? "True" : json_is_false(v) ? "False" : "None");
}

static int fold(char c)
{
	return (unsigned char)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
}

static int by_key(const void *a, const void *b)
{
	const struct chat_member *p = a, *q = b;
	struct chat_str x = p->key, y = q->key;

	for (size_t i = 0; i < x.n && i < y.n; i++)
		if (fold(x.p[i]) != fold(y.p[i]))
			return fold(x.p[i]) < fold(y.p[i]) ? -1 : 1;
	if (x.n != y.n)
		return x.n < y.n ? -1 : 1;
	return p->order < q->order ? -1 : 1;
}

struct chat_member *chat_json_sorted(json_t *object)
{
	struct chat_member *list = calloc(json_object_size(object) + 1, sizeof(*list));
	size_t n = 0;

	if (!list)
		return NULL;
	for (void *i = json_object_iter(object); i; i = json_object_iter_next(object, i)) {
		list[n].key = chat_str(json_object_iter_key(i));
		list[n].value = json_object_iter_value(i);
		list[n].order = n;
		n++;
	}
	qsort(list, n, sizeof(*list), by_key);
	return list;
}
