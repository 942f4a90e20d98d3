/* chat_parse.c - the state machine behind chat_parse.h.
 *
 * Every byte is looked at once; what is kept is the call being read, which is
 * part of the answer, and at most one incomplete marker. */
#include "chat_parse.h"

#include "base.h"
#include "chat_call.h"

#include <stdlib.h>

enum state { CONTENT, THOUGHT, CALL };

struct zinc_chat_parser {
	const struct chat_syntax *syntax;
	json_t *tools;
	enum state state;
	enum state outer; /* state in which the call began */
	bool at_start;    /* newlines are dropped until something else comes */
	size_t n_newlines; /* held back behind the last text */
	const char *lead; /* what is still to come of think_lead, or NULL */
	char held[CHAT_MARKER_MAX]; /* start of a marker */
	size_t n_held;
	struct chat_text call; /* as it came, with its opening marker */
	size_t n_open;         /* bytes of that */
	struct chat_scan scan; /* of a bare call */
	size_t *quote;
	size_t n_quotes, quote_room;
	/* of the feed in progress */
	zinc_chat_event_fn *fn;
	void *ctx;
};

/* The text that follows is that of a call, behind its opening marker. */
static int begin_call(struct zinc_chat_parser *p, const char *open)
{
	p->outer = p->state;
	p->state = CALL;
	p->n_quotes = 0;
	p->n_open = strlen(open);
	chat_put(&p->call, chat_str(open));
	if (p->syntax->bare_arguments)
		chat_scan_begin(&p->scan, p->syntax->bare_arguments);
	return p->call.failed ? ZINC_E_NO_MEMORY : 0;
}

int chat_parser_create(const struct chat_syntax *syntax, json_t *tools, enum chat_start start,
                       struct zinc_chat_parser **out, struct zinc_err *err)
{
	struct zinc_chat_parser *p = calloc(1, sizeof(*p));

	if (!p) {
		json_decref(tools);
		return arch_fail(err, ZINC_E_NO_MEMORY, "no memory for a chat parser");
	}
	p->syntax = syntax;
	p->tools = tools;
	p->state = start == CHAT_START_THOUGHT ? THOUGHT : CONTENT;
	p->at_start = start != CHAT_START_PLAIN;
	if (syntax->bare_arguments)
		begin_call(p, "");
	*out = p;
	return 0;
}

void chat_parser_destroy(struct zinc_chat_parser *p)
{
	if (!p)
		return;
	json_decref(p->tools);
	chat_text_finish(&p->call);
	free(p->quote);
	free(p);
}

static int emit(struct zinc_chat_parser *p, struct chat_str s)
{
	struct zinc_chat_event event = {
		.struct_size = sizeof(event),
		.kind = p->state == THOUGHT ? ZINC_CHAT_REASONING : ZINC_CHAT_CONTENT,
		.text = s.p,
		.n = s.n,
	};

	return s.n ? p->fn(p->ctx, &event) : 0;
}

static int emit_newlines(struct zinc_chat_parser *p)
{
	static const char newlines[] = "\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n";

	while (p->n_newlines) {
		size_t n = p->n_newlines < 16 ? p->n_newlines : 16;
		int rc = emit(p, (struct chat_str){newlines, n});

		if (rc)
			return rc;
		p->n_newlines -= n;
	}
	return 0;
}

/* Text of a thought or of the answer. */
static int show(struct zinc_chat_parser *p, struct chat_str s)
{
	if (!p->syntax->read_call) /* no markers: nothing to wait for */
		return emit(p, s);
	if (p->at_start)
		s = chat_str_ltrim_newlines(s);
	if (s.n == 0)
		return 0;
	p->at_start = false;
	struct chat_str body = chat_str_rtrim_newlines(s);

	if (body.n) {
		int rc = emit_newlines(p);

		if (!rc)
			rc = emit(p, body);
		if (rc)
			return rc;
	}
	p->n_newlines += s.n - body.n;
	return 0;
}

/* Compares the beginning of a thought with think_lead. Not the expected words:
 * then they belong to the thought after all. */
static int take_lead(struct zinc_chat_parser *p, struct chat_str *s)
{
	while (s->n && *p->lead && *s->p == *p->lead) {
		s->p++;
		s->n--;
		p->lead++;
	}
	if (s->n == 0 && *p->lead)
		return 0;
	struct chat_str seen = {p->syntax->think_lead, 0};

	if (*p->lead)
		seen.n = (size_t)(p->lead - p->syntax->think_lead);
	p->lead = NULL;
	return show(p, seen);
}

/* The call is not one: it comes out as the text it was. */
static int give_up_call(struct zinc_chat_parser *p)
{
	struct chat_text raw = p->call;

	memset(&p->call, 0, sizeof(p->call));
	p->state = p->outer;
	int rc = show(p, (struct chat_str){raw.data, raw.n});

	chat_text_finish(&raw);
	return rc;
}

static int in_call(struct zinc_chat_parser *p, struct chat_str s)
{
	chat_put(&p->call, s);
	if (p->call.failed)
		return ZINC_E_NO_MEMORY;
	if (p->syntax->bare_arguments && !chat_scan_feed(&p->scan, s))
		return give_up_call(p);
	return 0;
}

static int ordinary(struct zinc_chat_parser *p, struct chat_str s)
{
	if (p->state == CALL)
		return in_call(p, s);
	if (p->state == THOUGHT && p->lead) {
		int rc = take_lead(p, &s);

		if (rc)
			return rc;
	}
	return show(p, s);
}

/* A thought ended, or the answer did, while think_lead was expected. All but
 * its newline is as good as all of it. */
static int drop_lead(struct zinc_chat_parser *p)
{
	if (!p->lead)
		return 0;
	struct chat_str seen = {p->syntax->think_lead,
	                        (size_t)(p->lead - p->syntax->think_lead)};
	bool complete = chat_str_is(chat_str(p->lead), "\n");

	p->lead = NULL;
	return complete ? 0 : show(p, seen);
}

static int finish_call(struct zinc_chat_parser *p, const char *close)
{
	if (p->call.n == 0) { /* of a bare one nothing came */
		p->state = p->outer;
		return 0;
	}
	struct chat_text name = {0}, args = {0};
	struct chat_body body = {p->call.data + p->n_open, p->call.n - p->n_open, p->quote,
	                         p->n_quotes};
	int rc;

	if (p->syntax->read_call(&body, p->tools, &name, &args)) {
		struct zinc_chat_event event = {
			.struct_size = sizeof(event),
			.kind = ZINC_CHAT_TOOL_CALL,
			.name = chat_text_cstr(&name),
			.arguments = chat_text_cstr(&args),
		};

		p->state = CONTENT;
		p->at_start = true;
		p->n_newlines = 0;
		p->call.n = p->call.n_runs = 0;
		rc = event.name && event.arguments ? p->fn(p->ctx, &event) : ZINC_E_NO_MEMORY;
	} else {
		chat_put(&p->call, chat_str(close));
		rc = p->call.failed ? ZINC_E_NO_MEMORY : give_up_call(p);
	}
	chat_text_finish(&name);
	chat_text_finish(&args);
	return rc;
}

static int add_quote(struct zinc_chat_parser *p)
{
	if (p->n_quotes == p->quote_room) {
		size_t room = p->quote_room ? 2 * p->quote_room : 16;
		size_t *grown = realloc(p->quote, room * sizeof(*grown));

		if (!grown)
			return ZINC_E_NO_MEMORY;
		p->quote = grown;
		p->quote_room = room;
	}
	p->quote[p->n_quotes++] = p->call.n - p->n_open;
	return ordinary(p, chat_str(p->syntax->marker[CHAT_QUOTE]));
}

static int marker_in_call(struct zinc_chat_parser *p, enum chat_marker marker)
{
	int rc;

	switch (marker) {
	case CHAT_QUOTE:
		return add_quote(p);
	case CHAT_CALL_CLOSE:
		return finish_call(p, p->syntax->marker[marker]);
	case CHAT_CALL_OPEN: /* the closing marker was forgotten */
		rc = finish_call(p, "");
		return rc ? rc : begin_call(p, p->syntax->marker[marker]);
	default:
		return ordinary(p, chat_str(p->syntax->marker[marker]));
	}
}

static int on_marker(struct zinc_chat_parser *p, enum chat_marker marker)
{
	int rc;

	if (p->state == CALL)
		return marker_in_call(p, marker);
	switch (marker) {
	case CHAT_THINK_OPEN:
		if (p->state == CONTENT) {
			p->state = THOUGHT;
			p->n_newlines = 0;
			p->at_start = true;
			p->lead = p->syntax->think_lead;
		}
		return 0;
	case CHAT_THINK_CLOSE:
		rc = p->state == THOUGHT ? drop_lead(p) : 0;
		if (p->state == THOUGHT) {
			p->state = CONTENT;
			p->n_newlines = 0;
			p->at_start = true;
		}
		return rc;
	case CHAT_CALL_OPEN:
		rc = drop_lead(p);
		return rc ? rc : begin_call(p, p->syntax->marker[marker]);
	case CHAT_QUOTE:
		return ordinary(p, chat_str(p->syntax->marker[marker]));
	default: /* closes nothing */
		return 0;
	}
}

enum found { NOTHING, HIDDEN, MARKER, MAYBE };

/* What begins at the front of s; MAYBE: all of s is the start of a marker. */
static enum found compare(struct chat_str s, const char *marker, enum found kind)
{
	size_t n = marker ? strlen(marker) : 0;

	if (n == 0 || memcmp(s.p, marker, s.n < n ? s.n : n) != 0)
		return NOTHING;
	return s.n < n ? MAYBE : kind;
}

static enum found look(const struct chat_syntax *syntax, struct chat_str s,
                       enum chat_marker *marker, size_t *n)
{
	enum found best = NOTHING;

	for (int i = 0; i < CHAT_N_MARKERS; i++) {
		enum found found = compare(s, syntax->marker[i], MARKER);

		if (found == MARKER) {
			*marker = (enum chat_marker)i;
			*n = strlen(syntax->marker[i]);
			return MARKER;
		}
		best = found ? found : best;
	}
	for (const char *const *hidden = syntax->hidden; *hidden; hidden++) {
		enum found found = compare(s, *hidden, HIDDEN);

		if (found == HIDDEN) {
			*n = strlen(*hidden);
			return HIDDEN;
		}
		best = found ? found : best;
	}
	return best;
}

/* Text of special tokens: markers among anything else. */
static int special_text(struct zinc_chat_parser *p, struct chat_str s)
{
	size_t at = 0, done = 0; /* s up to done has been dealt with */
	int rc = 0;

	while (!rc && at < s.n) {
		struct chat_str rest = {s.p + at, s.n - at};
		enum chat_marker marker = CHAT_N_MARKERS;
		size_t n = 1;
		enum found found = look(p->syntax, rest, &marker, &n);

		if (found != NOTHING) {
			rc = ordinary(p, (struct chat_str){s.p + done, at - done});
			if (rc)
				return rc;
			if (found == MAYBE) {
				memcpy(p->held, rest.p, rest.n);
				p->n_held = n = rest.n;
			} else if (found == MARKER) {
				rc = on_marker(p, marker);
			}
			done = at + n;
		}
		at += n;
	}
	return rc ? rc : ordinary(p, (struct chat_str){s.p + done, s.n - done});
}

/* What was held turned out to be no marker. */
static int flush_held(struct zinc_chat_parser *p)
{
	size_t n = p->n_held;

	p->n_held = 0;
	return n ? ordinary(p, (struct chat_str){p->held, n}) : 0;
}

static bool is_marker(const struct chat_syntax *syntax, struct chat_str s)
{
	for (int i = 0; i < CHAT_N_MARKERS; i++)
		if (syntax->marker[i] && chat_str_is(s, syntax->marker[i]))
			return true;
	return false;
}

int chat_parser_feed(struct zinc_chat_parser *p, const char *text, size_t n, int special,
                     zinc_chat_event_fn *fn, void *ctx)
{
	struct chat_str s = {text, n};

	if (n == 0)
		return 0;
	p->fn = fn;
	p->ctx = ctx;
	if (!special) {
		int rc = flush_held(p);

		return rc ? rc : is_marker(p->syntax, s) ? special_text(p, s) : ordinary(p, s);
	}
	if (p->n_held == 0)
		return special_text(p, s);
	struct chat_text joined = {0};

	chat_put(&joined, (struct chat_str){p->held, p->n_held});
	chat_put(&joined, s);
	p->n_held = 0;
	int rc = joined.failed ? ZINC_E_NO_MEMORY
	                       : special_text(p, (struct chat_str){joined.data, joined.n});

	chat_text_finish(&joined);
	return rc;
}

int chat_parser_end(struct zinc_chat_parser *p, zinc_chat_event_fn *fn, void *ctx)
{
	p->fn = fn;
	p->ctx = ctx;
	int rc = flush_held(p);

	if (!rc && p->state == CALL)
		rc = p->syntax->bare_arguments ? finish_call(p, "") : give_up_call(p);
	if (!rc && p->state == THOUGHT)
		rc = drop_lead(p);
	if (!rc && p->state == CONTENT)
		rc = emit_newlines(p);
	p->n_newlines = 0;
	return rc;
}
