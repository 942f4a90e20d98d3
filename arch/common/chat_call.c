/* chat_call.c - calls written as a JSON object. */
#include "chat_call.h"

bool chat_call_read(struct chat_str s, const char *arguments, struct chat_text *name,
                    struct chat_text *args)
{
	json_t *call = json_loadb(s.p, s.n, JSON_ALLOW_NUL, NULL);
	json_t *function = json_object_get(call, "name");
	json_t *object = json_object_get(call, arguments), *parsed = NULL;

	if (json_is_string(object)) {
		struct chat_str text = chat_json_str(object);

		object = parsed = json_loadb(text.p, text.n, JSON_ALLOW_NUL, NULL);
	}
	bool ok = json_string_length(function) > 0 &&
	          (!json_object_get(call, arguments) || json_is_object(object));

	if (ok) {
		chat_put(name, chat_json_str(function));
		if (object)
			chat_json_write(args, object);
		else
			chat_put(args, chat_str("{}"));
	}
	json_decref(parsed);
	json_decref(call);
	return ok;
}

/* What may come next. The states from INTEGER on are inside a number; ZERO and
 * those behind it may be the number's end. */
enum state {
	START,
	KEY_OR_END,
	KEY,
	COLON,
	ELEMENT_OR_END,
	VALUE,
	NEXT, /* a comma, or the end of what is open */
	END,
	STRING,
	ESCAPE,
	HEX,
	WORD,
	INTEGER,
	FRACTION,
	EXPONENT_SIGN,
	EXPONENT,
	ZERO,
	INTEGER_MORE,
	FRACTION_MORE,
	EXPONENT_MORE
};

enum member { NAME, ARGUMENTS, TYPE, N_MEMBERS };

static const char *member_key(const struct chat_scan *s, int member)
{
	return member == NAME ? "name" : member == ARGUMENTS ? s->arguments : "type";
}

void chat_scan_begin(struct chat_scan *s, const char *arguments)
{
	memset(s, 0, sizeof(*s));
	s->arguments = arguments;
	s->state = START;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool has(const char *set, char c)
{
	return c && strchr(set, c);
}

/* The number goes on; false: it does not with this character. */
static bool step_number(struct chat_scan *s, char c)
{
	bool digit = is_digit(c), exponent = c == 'e' || c == 'E';
	int next = -1;

	switch (s->state) {
	case INTEGER:
		next = c == '0' ? ZERO : digit ? INTEGER_MORE : -1;
		break;
	case INTEGER_MORE:
	case ZERO:
		next = digit && s->state != ZERO ? INTEGER_MORE
		       : c == '.'                ? FRACTION
		       : exponent                ? EXPONENT_SIGN
		                                 : -1;
		break;
	case FRACTION:
		next = digit ? FRACTION_MORE : -1;
		break;
	case FRACTION_MORE:
		next = digit ? FRACTION_MORE : exponent ? EXPONENT_SIGN : -1;
		break;
	case EXPONENT_SIGN:
		next = digit ? EXPONENT_MORE : has("+-", c) ? EXPONENT : -1;
		break;
	default:
		next = digit ? EXPONENT_MORE : -1;
	}
	if (next >= 0)
		s->state = next;
	return next >= 0;
}

static bool open_value(struct chat_scan *s, bool array)
{
	if (s->depth == CHAT_SCAN_DEPTH)
		return false;
	s->is_array[s->depth++] = array;
	s->state = array ? ELEMENT_OR_END : KEY_OR_END;
	return true;
}

static bool close_value(struct chat_scan *s)
{
	const unsigned needed = 1u << NAME | 1u << ARGUMENTS;

	s->depth--;
	s->state = s->depth ? NEXT : END;
	return s->depth || (s->seen & needed) == needed;
}

static bool begin_key(struct chat_scan *s)
{
	s->state = STRING;
	s->in_key = true;
	s->n_key = 0;
	for (int i = 0; i < N_MEMBERS; i++)
		s->fits[i] = !(s->seen & 1u << i);
	return true;
}

/* One more character of a key of the outermost object; 0: its end. */
static bool step_key(struct chat_scan *s, char c)
{
	bool any = false;

	for (int i = 0; i < N_MEMBERS; i++) {
		s->fits[i] = s->fits[i] && member_key(s, i)[s->n_key] == c;
		if (s->fits[i])
			s->member = i;
		any = any || s->fits[i];
	}
	s->n_key++;
	return any;
}

static bool begin_value(struct chat_scan *s, char c)
{
	static const char *const words[] = {"true", "false", "null"};

	if (s->depth == 1 && c != (s->member == ARGUMENTS ? '{' : '"'))
		return false;
	if (c == '{' || c == '[')
		return open_value(s, c == '[');
	if (c == '"') {
		s->state = STRING;
		s->in_key = false;
		return true;
	}
	for (int i = 0; i < 3; i++)
		if (words[i][0] == c) {
			s->state = WORD;
			s->word = words[i] + 1;
			return true;
		}
	s->state = INTEGER;
	return c == '-' || step_number(s, c);
}

static bool end_string(struct chat_scan *s)
{
	s->state = s->in_key ? COLON : NEXT;
	if (!s->in_key || s->depth > 1)
		return true;
	if (!step_key(s, 0))
		return false;
	s->seen |= 1u << s->member;
	return true;
}

static bool step_string(struct chat_scan *s, char c)
{
	bool outer_key = s->in_key && s->depth == 1;

	if (s->state == ESCAPE) {
		s->state = c == 'u' ? HEX : STRING;
		s->n_hex = 4;
		return has("\"\\/bfnrtu", c);
	}
	if (s->state == HEX) {
		s->state = --s->n_hex ? HEX : STRING;
		return has("0123456789abcdefABCDEF", c);
	}
	if (c == '"')
		return end_string(s);
	if (c == '\\') {
		s->state = ESCAPE;
		return !outer_key;
	}
	return (unsigned char)c >= 0x20 && (!outer_key || step_key(s, c));
}

static bool step_structure(struct chat_scan *s, char c)
{
	bool array = s->depth && s->is_array[s->depth - 1];

	if (has(" \t\r\n", c))
		return true;
	switch (s->state) {
	case START:
		return c == '{' && open_value(s, false);
	case KEY_OR_END:
		return c == '}' ? close_value(s) : c == '"' && begin_key(s);
	case KEY:
		return c == '"' && begin_key(s);
	case COLON:
		s->state = VALUE;
		return c == ':';
	case ELEMENT_OR_END:
		return c == ']' ? close_value(s) : begin_value(s, c);
	case VALUE:
		return begin_value(s, c);
	case NEXT:
		if (c == (array ? ']' : '}'))
			return close_value(s);
		s->state = array ? VALUE : KEY;
		return c == ',';
	default: /* END */
		return false;
	}
}

static bool step(struct chat_scan *s, char c)
{
	if (s->state == STRING || s->state == ESCAPE || s->state == HEX)
		return step_string(s, c);
	if (s->state == WORD) {
		bool ok = c == *s->word;

		s->state = *++s->word ? WORD : NEXT;
		return ok;
	}
	if (s->state >= INTEGER) {
		if (step_number(s, c))
			return true;
		if (s->state < ZERO)
			return false;
		s->state = NEXT;
	}
	return step_structure(s, c);
}

bool chat_scan_feed(struct chat_scan *scan, struct chat_str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!step(scan, s.p[i]))
			return false;
	return true;
}
