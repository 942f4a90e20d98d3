/* SPDX-License-Identifier: MIT */
/* token.h - how a model's text becomes tokens.
 *
 * The core implements algorithms; which one a file needs, and with which
 * patterns, is the architecture's knowledge. Vocabulary, merges, scores and
 * token types come from the file's tokenizer.ggml.* metadata. */
#ifndef ZINC_TOKEN_H
#define ZINC_TOKEN_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum zinc_tok_kind {
	/* Byte-level BPE: text is split by `patterns`, bytes are mapped to the
	 * printable alphabet of GPT-2, merges by rank inside each piece. */
	ZINC_TOK_BPE_BYTES = 1,
	/* BPE by merge rank over Unicode characters, blanks as U+2581, whole
	 * lines (no word split), unknown characters as <0xHH> byte tokens. */
	ZINC_TOK_BPE_CHARS = 2,
	/* SentencePiece BPE: blanks as U+2581; repeatedly merge the adjacent pair
	 * whose concatenation is the token of highest score; byte fallback. */
	ZINC_TOK_SPM = 3,
	/* SentencePiece unigram: the segmentation of highest total score. */
	ZINC_TOK_UNIGRAM = 4
};

enum zinc_tok_flag {
	ZINC_TOK_NFC = 1 << 0,          /* normalise to NFC first              */
	ZINC_TOK_ADD_BOS = 1 << 1,      /* put BOS in front of a prompt (never a
	                                 * second one)                         */
	ZINC_TOK_ADD_EOS = 1 << 2,
	ZINC_TOK_SPACE_PREFIX = 1 << 3, /* SPM: one blank before the text      */
	ZINC_TOK_NEWLINE_RUNS = 1 << 4, /* BPE_CHARS: a run of newlines that is a
	                                 * token is emitted whole              */
	ZINC_TOK_WHOLE_PIECE = 1 << 5   /* BPE_BYTES: a piece that is a token is
	                                 * emitted without merging             */
};

#define ZINC_TOK_MAX_PATTERNS 8
#define ZINC_TOK_MAX_STOP 16

struct zinc_tok_spec {
	uint32_t struct_size; /* set by the caller; the callee fills the rest */
	uint32_t kind;        /* enum zinc_tok_kind                           */
	uint32_t flags;       /* enum zinc_tok_flag                           */
	uint32_t n_patterns;
	/* Perl-compatible regular expressions, applied one after the other: each
	 * splits the pieces that the one before it left. A piece is a match or
	 * the text between matches. Static strings. */
	const char *patterns[ZINC_TOK_MAX_PATTERNS];
	int32_t bos, eos, unk, pad; /* token ids, -1: none */
	/* Ids that end generation besides eos (end of turn and the like). */
	int32_t stop[ZINC_TOK_MAX_STOP];
	uint32_t n_stop;
	/* Ids never to be sampled, besides those that the file itself lists in
	 * tokenizer.ggml.suppress_tokens. */
	uint32_t n_suppress;
	const int32_t *suppress; /* owned by the model */
	/* The same two lists by the tokens' texts, for an architecture that knows
	 * names and not numbers: each that is an entry of the vocabulary counts,
	 * the others are passed over. Static strings. */
	const char *stop_text[ZINC_TOK_MAX_STOP];
	const char *suppress_text[ZINC_TOK_MAX_STOP];
	uint32_t n_stop_text, n_suppress_text;
	/* One sentence about what the file left open and what was assumed, which
	 * the core shows as a warning; NULL: nothing. Static string. */
	const char *notice;
};

#ifdef __cplusplus
}
#endif
#endif /* ZINC_TOKEN_H */
