/* prompt.c - text and chat requests to prompt tokens.
 *
 * A chat format renders pieces: its own text, in which special tokens count,
 * and other people's, in which they are only characters. Encoding each piece
 * alone would be safe, but a tokenizer may merge across a border, and a model
 * has seen such borders merged. So the whole text is encoded at once, and the
 * result taken if it holds exactly the special tokens of the format's own
 * pieces; only a prompt in which somebody spells a special token is encoded
 * piece by piece. */
#include "run/prompt.h"

#include <stdlib.h>
#include <string.h>

#include "model/model.h"
#include "token/tok.h"
#include "util/err.h"

/* Length of the UTF-8 sequence at s, 0 if there is none (RFC 3629: no overlong
 * forms, no surrogates, nothing above U+10FFFF). */
static size_t utf8_len(const unsigned char *s, size_t n)
{
	size_t len = s[0] < 0x80                   ? 1
		     : s[0] >= 0xc2 && s[0] < 0xe0 ? 2
		     : s[0] >= 0xe0 && s[0] < 0xf0 ? 3
		     : s[0] >= 0xf0 && s[0] < 0xf5 ? 4
						   : 0;

	if (len == 0 || len > n)
		return 0;
	for (size_t i = 1; i < len; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] >= 0xa0) ||
	    (s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] >= 0x90))
		return 0;
	return len;
}

int prompt_check_utf8(const char *what, const char *text, size_t n, struct zinc_err *err)
{
	size_t i = 0;

	while (i < n) {
		size_t len = utf8_len((const unsigned char *)text + i, n - i);

		if (!len)
			return err_set(
				err, ZINC_E_INVALID,
				"%s is not UTF-8: byte 0x%02x at offset %zu; convert it with "
				"iconv first",
				what, (unsigned char)text[i], i);
		i += len;
	}
	return ZINC_OK;
}

static int append(struct tok_ids *to, const struct tok_ids *from)
{
	int rc = ZINC_OK;

	for (size_t i = 0; i < from->n && !rc; i++)
		rc = tok_ids_push(to, from->id[i]);
	return rc;
}

/* A prompt is there to be continued, so an EOS behind it is taken off again. */
static int add_bos(const struct tok *t, struct tok_ids *ids)
{
	size_t n = ids->n;
	int32_t last = n ? ids->id[n - 1] : -1;
	int rc = tok_add_bos_eos(t, ids);

	if (!rc && (tok_spec(t)->flags & ZINC_TOK_ADD_EOS) && ids->n > n && ids->n > 0 &&
	    ids->id[ids->n - 1] == tok_spec(t)->eos && last != tok_spec(t)->eos)
		ids->n--;
	return rc;
}

int prompt_from_text(const struct model *m, const char *text, size_t n, bool parse_special,
		     struct tok_ids *out, struct zinc_err *err)
{
	struct tok_ids ids = {0};
	int rc = tok_encode(m->tok, text, n, parse_special, &ids, err);

	if (!rc && ((rc = add_bos(m->tok, &ids)) || (rc = append(out, &ids))))
		err_set(err, rc, "no memory for a prompt of %zu tokens", ids.n);
	tok_ids_finish(&ids);
	return rc;
}

/* One run of pieces of the same kind. */
struct piece {
	size_t begin, end; /* in rendered.text */
	bool special;
};

struct rendered {
	char *text;
	size_t n, room;
	struct piece *piece;
	size_t n_pieces, pieces_room;
	bool no_memory;
};

static void rendered_finish(struct rendered *r)
{
	free(r->text);
	free(r->piece);
}

static bool add_piece(struct rendered *r, bool special)
{
	if (r->n_pieces && r->piece[r->n_pieces - 1].special == special)
		return true;
	if (r->n_pieces == r->pieces_room) {
		size_t room = r->pieces_room ? r->pieces_room * 2 : 16;
		struct piece *more = realloc(r->piece, room * sizeof(*more));

		if (!more)
			return false;
		r->piece = more;
		r->pieces_room = room;
	}
	r->piece[r->n_pieces++] = (struct piece){r->n, r->n, special};
	return true;
}

static int on_piece(void *ctx, const char *text, size_t n, int special)
{
	struct rendered *r = ctx;

	if (n == 0)
		return 0;
	if (n > r->room - r->n) {
		size_t room = (r->n + n) * 2;
		char *more = realloc(r->text, room);

		if (!more) {
			r->no_memory = true;
			return 1;
		}
		r->text = more;
		r->room = room;
	}
	if (!add_piece(r, special != 0)) {
		r->no_memory = true;
		return 1;
	}
	memcpy(r->text + r->n, text, n);
	r->n += n;
	r->piece[r->n_pieces - 1].end = r->n;
	return 0;
}

static bool is_special(const struct tok *t, int32_t id)
{
	enum tok_type type = tok_type_of(t, id);

	return type == TOK_CONTROL || type == TOK_USER_DEFINED;
}

/* Piece by piece into out; the special tokens of the format's own pieces also
 * into specials. */
static int encode_pieces(const struct tok *t, const struct rendered *r, struct tok_ids *out,
			 struct tok_ids *specials, struct zinc_err *err)
{
	for (size_t i = 0; i < r->n_pieces; i++) {
		const struct piece *p = &r->piece[i];
		size_t first = out->n;
		int rc = tok_encode(t, r->text + p->begin, p->end - p->begin, p->special, out, err);

		for (size_t j = first; j < out->n && p->special && !rc; j++)
			if (is_special(t, out->id[j]) && (rc = tok_ids_push(specials, out->id[j])))
				err_set(err, rc, "no memory for a prompt of %zu tokens", out->n);
		if (rc)
			return rc;
	}
	return ZINC_OK;
}

static bool has_exactly(const struct tok *t, const struct tok_ids *ids,
			const struct tok_ids *specials)
{
	size_t seen = 0;

	for (size_t i = 0; i < ids->n; i++) {
		if (!is_special(t, ids->id[i]))
			continue;
		if (seen == specials->n || specials->id[seen] != ids->id[i])
			return false;
		seen++;
	}
	return seen == specials->n;
}

static int encode_rendered(const struct tok *t, const struct rendered *r, struct tok_ids *out,
			   struct zinc_err *err)
{
	struct tok_ids pieces = {0}, specials = {0}, whole = {0};
	struct tok_ids *chosen;
	int rc = encode_pieces(t, r, &pieces, &specials, err);

	if (!rc)
		rc = tok_encode(t, r->text, r->n, true, &whole, err);
	if (rc)
		goto out;
	chosen = has_exactly(t, &whole, &specials) ? &whole : &pieces;
	if ((rc = add_bos(t, chosen)) || (rc = append(out, chosen)))
		err_set(err, rc, "no memory for a prompt of %zu tokens", chosen->n);
out:
	tok_ids_finish(&pieces);
	tok_ids_finish(&specials);
	tok_ids_finish(&whole);
	return rc;
}

int prompt_from_chat(const struct model *m, const struct zinc_chat_request *req,
		     struct tok_ids *out, struct zinc_err *err)
{
	struct rendered r = {0};
	int rc;

	if (!m->arch->chat)
		return err_set(err, ZINC_E_UNSUPPORTED,
			       "the model has no chat format; send the prompt raw");
	rc = m->arch->chat->render(m->arch_model, req, on_piece, &r, err);
	if (r.no_memory)
		rc = err_set(err, ZINC_E_NO_MEMORY, "no memory for the rendered prompt");
	if (!rc)
		rc = encode_rendered(m->tok, &r, out, err);
	rendered_finish(&r);
	return rc;
}
