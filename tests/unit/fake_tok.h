/* fake_tok.h - a tokenizer for tests of what stands above tokenizers: ids below 256
 * are bytes, a few special tokens follow, one pair of characters merges. Defines
 * the functions of token/tok.h; include it in one file of a program. */
#ifndef TESTS_UNIT_FAKE_TOK_H
#define TESTS_UNIT_FAKE_TOK_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "token/tok.h"

enum { EOS = 256, MARK, THINK, CALL, BOS, SUPPRESSED, N_VOCAB };

static const char *const special_text[] = {"<eos>",  "<mark>", "<think>",
					   "<call>", "<bos>",  "<never>"};

static const int32_t suppressed[] = {SUPPRESSED};
static struct zinc_tok_spec spec = {
	.bos = BOS,
	.eos = EOS,
	.n_suppress = 1,
	.suppress = suppressed,
};
static int fake_tok;
static struct tok *const the_tok = (struct tok *)&fake_tok;

uint32_t tok_n_vocab(const struct tok *t)
{
	(void)t;
	return N_VOCAB;
}

const struct zinc_tok_spec *tok_spec(const struct tok *t)
{
	(void)t;
	return &spec;
}

enum tok_type tok_type_of(const struct tok *t, int32_t id)
{
	(void)t;
	return id < 256 ? TOK_NORMAL : id == THINK ? TOK_USER_DEFINED : TOK_CONTROL;
}

bool tok_is_stop(const struct tok *t, int32_t id)
{
	(void)t;
	return id == EOS;
}

const char *tok_piece(const struct tok *t, int32_t id, size_t *n)
{
	static char bytes[256];

	(void)t;
	if (id >= 256) {
		*n = strlen(special_text[id - 256]);
		return special_text[id - 256];
	}
	bytes[id] = (char)id;
	*n = 1;
	return &bytes[id];
}

size_t tok_max_piece(const struct tok *t)
{
	(void)t;
	return 8;
}

/* Two-byte sequences are enough for these tests. */
size_t tok_stream_feed(struct tok_stream *s, const struct tok *t, int32_t id, char *buf,
		       size_t room)
{
	size_t n = 0;

	if (id >= 256) {
		const char *piece = tok_piece(t, id, &n);

		assert_true(n <= room);
		memcpy(buf, piece, n);
		return n;
	}
	if (id >= 0xc2 && id < 0xe0) {
		s->held[s->n_held++] = (char)id;
		return 0;
	}
	if (s->n_held)
		buf[n++] = s->held[0];
	s->n_held = 0;
	buf[n++] = (char)id;
	return n;
}

size_t tok_stream_end(struct tok_stream *s, char *buf, size_t room)
{
	assert_true(room >= 3);
	if (!s->n_held)
		return 0;
	s->n_held = 0;
	memcpy(buf, "\xef\xbf\xbd", 3);
	return 3;
}

void tok_ids_finish(struct tok_ids *ids)
{
	free(ids->id);
	memset(ids, 0, sizeof(*ids));
}

int tok_ids_push(struct tok_ids *ids, int32_t id)
{
	ids->id = realloc(ids->id, (ids->n + 1) * sizeof(*ids->id));
	assert_non_null(ids->id);
	ids->id[ids->n++] = id;
	return ZINC_OK;
}

/* One merge, "}\n" to the byte token 1, so that a border between pieces shows. */
int tok_encode(const struct tok *t, const char *text, size_t n, bool parse_special,
	       struct tok_ids *out, struct zinc_err *err)
{
	(void)t;
	(void)err;
	for (size_t i = 0; i < n; i++) {
		int32_t id = (unsigned char)text[i];

		for (int s = 0; s < 6 && parse_special; s++) {
			size_t len = strlen(special_text[s]);

			if (len <= n - i && !memcmp(text + i, special_text[s], len)) {
				id = 256 + s;
				i += len - 1;
				break;
			}
		}
		if (id == '}' && i + 1 < n && text[i + 1] == '\n') {
			id = 1;
			i++;
		}
		tok_ids_push(out, id);
	}
	return ZINC_OK;
}

int tok_add_bos_eos(const struct tok *t, struct tok_ids *ids)
{
	(void)t;
	if ((spec.flags & ZINC_TOK_ADD_BOS) && !(ids->n && ids->id[0] == BOS)) {
		tok_ids_push(ids, 0);
		memmove(ids->id + 1, ids->id, (ids->n - 1) * sizeof(*ids->id));
		ids->id[0] = BOS;
	}
	if (spec.flags & ZINC_TOK_ADD_EOS)
		tok_ids_push(ids, EOS);
	return ZINC_OK;
}

#endif
