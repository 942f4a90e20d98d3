/* tok.h - text to token ids and back.
 *
 * A tokenizer is immutable after tok_create() and may be used from any number
 * of threads; each needs its own struct tok_stream for streaming output. */
#ifndef CORE_TOKEN_TOK_H
#define CORE_TOKEN_TOK_H

#include <stdbool.h>
#include <stddef.h>
#include <zinc/status.h>
#include <zinc/token.h>

struct gguf;
struct tok;

/* Token types as GGUF's tokenizer.ggml.token_type numbers them. */
enum tok_type {
	TOK_NORMAL = 1, TOK_UNKNOWN = 2, TOK_CONTROL = 3, TOK_USER_DEFINED = 4, TOK_UNUSED = 5,
	TOK_BYTE = 6
};

/* A growable list of ids; zero-initialise, free with tok_ids_finish(). */
struct tok_ids {
	int32_t *id;
	size_t n, room;
};

void tok_ids_finish(struct tok_ids *ids);
int tok_ids_push(struct tok_ids *ids, int32_t id); /* ZINC_E_NO_MEMORY */

/* Builds the tokenizer from the file's vocabulary and the architecture's spec
 * (copied). The file must stay open as long as the tokenizer. Errors name the
 * key. */
int tok_create(const struct gguf *g, const struct zinc_tok_spec *spec, struct tok **out,
               struct zinc_err *err);
void tok_destroy(struct tok *t); /* NULL ok */

/* Appends the ids of text. parse_special: texts of CONTROL, USER_DEFINED and
 * UNKNOWN tokens become those tokens (leftmost first, then longest); otherwise
 * they are characters. Only USER_DEFINED tokens that are nothing but white
 * space (runs of blanks or newlines) are taken whole either way: they mark
 * nothing.
 *
 * Text that is not UTF-8 is accepted: an invalid byte becomes its byte token.
 * No BOS is added. The blank of ZINC_TOK_SPACE_PREFIX goes in front of text
 * that starts `out` or follows a CONTROL or USER_DEFINED token, so a prompt may
 * be encoded in pieces. On error `out` is as it was. */
int tok_encode(const struct tok *t, const char *text, size_t n, bool parse_special,
               struct tok_ids *out, struct zinc_err *err);

/* Puts BOS in front (and EOS behind) where the spec says so and it is not
 * there already. */
int tok_add_bos_eos(const struct tok *t, struct tok_ids *ids);

uint32_t tok_n_vocab(const struct tok *t);
/* With stop_text resolved into stop. */
const struct zinc_tok_spec *tok_spec(const struct tok *t);
enum tok_type tok_type_of(const struct tok *t, int32_t id);
/* The id whose vocabulary entry is exactly this, or -1. Looks at every entry:
 * not for use per token. */
int32_t tok_find(const struct tok *t, const char *text, size_t n);
/* eos or one of the spec's stop ids. */
bool tok_is_stop(const struct tok *t, int32_t id);
/* Ids never to be sampled: the spec's and the file's. */
const int32_t *tok_suppressed(const struct tok *t, size_t *n);

/* The bytes of one token as they appear in text (byte-level alphabet and
 * U+2581 undone). Points into the tokenizer; valid as long as it. CONTROL
 * tokens give their literal text as well: whether to show it is the caller's
 * choice. */
const char *tok_piece(const struct tok *t, int32_t id, size_t *n);

/* Streaming detokeniser: never emits half a UTF-8 sequence. */
struct tok_stream {
	char held[8];   /* the incomplete sequence at the end */
	unsigned n_held;
	bool started;   /* the first piece's blank (SPACE_PREFIX) was dropped */
};

/* Feeds one token; the text that became complete is appended to buf (at most
 * room bytes; a token gives at most tok_max_piece() + 16) and its length
 * returned. Bytes that can never become UTF-8 come out as U+FFFD. */
size_t tok_stream_feed(struct tok_stream *s, const struct tok *t, int32_t id, char *buf,
                       size_t room);
/* What is still held, as U+FFFD; at most 3 bytes. */
size_t tok_stream_end(struct tok_stream *s, char *buf, size_t room);
/* The longest text that one token can give here. */
size_t tok_max_piece(const struct tok *t);

/* Whole-sequence decode, newly allocated and terminated; NULL: no memory. */
char *tok_decode(const struct tok *t, const int32_t *ids, size_t n, bool show_special, size_t *len);

#endif
