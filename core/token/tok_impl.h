/* tok_impl.h - what the files of the tokenizer share.
 *
 * Every vocabulary entry has a "word": the bytes it stands for in text, with
 * the byte-level alphabet or U+2581 undone. All algorithms compare words with
 * the text itself, so text is never rewritten into a private alphabet. */
#ifndef CORE_TOKEN_TOK_IMPL_H
#define CORE_TOKEN_TOK_IMPL_H

#include "model/gguf.h"
#include "token/tok.h"

enum {
	TOK_MAX_WORD = 65535,     /* bytes of a vocabulary entry                 */
	TOK_MAX_TEXT = INT32_MAX, /* bytes of one text, as offsets are 32 bits   */
};

#define TOK_NONE UINT32_MAX

/* A growing list of words, and which of them the merges may find by text.
 * Symbols are indices into it: those below n_vocab are token ids, those behind
 * are strings that only merge rules name. */
struct tok_words {
	char *bytes;
	uint32_t *off; /* word i is bytes[off[i] .. off[i + 1]) */
	uint32_t n, room;
	size_t bytes_room;
	struct tok_word_slot *slot;
	uint32_t n_used, mask;
	uint32_t max_len; /* of the words that can be found */
};

/* Finds the words that a text starts with: ids sorted by their words. */
struct tok_prefix {
	uint32_t *id;
	uint32_t n;
	uint32_t first[257]; /* words starting with byte b: first[b] .. first[b + 1] */
};

/* The position in a walk along a text: the ids [lo, hi) share its first `depth`
 * bytes. */
struct tok_walk {
	uint32_t lo, hi, depth;
};

/* Merge rules: the pair of symbols, its rank and the symbol it becomes. */
struct tok_merges {
	struct tok_merge *slot;
	uint32_t mask;
};

struct tok_split; /* compiled patterns */

struct tok {
	struct zinc_tok_spec spec;
	const struct gguf *file;
	uint32_t n_vocab;
	uint8_t *type; /* enum tok_type */
	struct tok_words words;
	int32_t byte_id[256];  /* token of a byte that nothing else covers, or -1 */
	int32_t char_sym[256]; /* symbol of a one-byte character, or -1           */
	struct tok_merges merges; /* BPE                                         */
	uint32_t *rank;           /* SPM: order by score, best 0                 */
	float *score;             /* UNIGRAM                                     */
	float unk_score;
	/* A bit per pair of bytes: may a merge join the character that ends with
	 * the one and the character that starts with the other? Where none may,
	 * the text falls apart into segments that never influence each other. */
	uint8_t seam[256 * 256 / 8];
	struct tok_prefix special; /* CONTROL, USER_DEFINED and UNKNOWN          */
	struct tok_prefix blanks;  /* USER_DEFINED white space                   */
	struct tok_prefix pieces;  /* UNIGRAM                                    */
	struct tok_split *split;   /* BPE_BYTES                                  */
	int32_t *suppressed;
	size_t n_suppressed;
	size_t max_piece;
};

/* One symbol of the text being merged; prev and next chain those still there. */
struct tok_node {
	uint32_t start, len;
	int32_t sym; /* -1: not in the vocabulary */
	uint32_t prev, next;
};

/* A merge that may be applied; stale ones are recognised when they come up. */
struct tok_cand {
	uint64_t key; /* rank, then position: the smallest is next */
	uint32_t len; /* bytes of both sides */
	int32_t sym;
};

/* Where unigram's best segmentation up to a byte comes from. */
struct tok_best {
	double score;
	uint32_t from;
	int32_t id;
};

/* The memory of one tok_encode() call. */
struct tok_work {
	const char *text; /* what nodes point into */
	struct tok_node *node;
	struct tok_cand *heap;
	size_t n_nodes, node_room, n_heap, heap_room;
	struct tok_best *best;
	size_t best_room;
	char *buf; /* normalised text */
	size_t buf_room;
	void *match, *context, *stack; /* of split.c */
	struct tok_cached *cache;      /* NULL: none */
	uint32_t cache_mask;
	struct tok_ids *out;
	struct zinc_err *err;
};

/* alphabet.c: the printable characters that stand for bytes in byte-level
 * vocabularies. False: not made of that alphabet. dst has room for n bytes. */
bool tok_alphabet_undo(const char *text, size_t n, char *dst, size_t *out_n);

/* words.c */
int tok_words_add(struct tok_words *w, const char *bytes, size_t n, uint32_t *sym);
/* Makes word sym findable; of equal words the last one added is found. */
int tok_words_index(struct tok_words *w, uint32_t sym);
uint32_t tok_words_find(const struct tok_words *w, const char *bytes, size_t n);
void tok_words_finish(struct tok_words *w);

static inline const char *tok_word(const struct tok_words *w, uint32_t i, uint32_t *n)
{
	*n = w->off[i + 1] - w->off[i];
	return w->bytes + w->off[i];
}

/* prefix.c. ids (malloc) are taken over. */
void tok_prefix_init(struct tok_prefix *p, const struct tok_words *w, uint32_t *ids, uint32_t n);
void tok_prefix_finish(struct tok_prefix *p);
struct tok_walk tok_walk_begin(const struct tok_prefix *p, uint8_t first);
/* One byte further; false when no word goes on so. */
bool tok_walk_step(const struct tok_prefix *p, const struct tok_words *w, struct tok_walk *k,
                   uint8_t byte);
/* The id whose word is exactly what was walked, or TOK_NONE. */
uint32_t tok_walk_id(const struct tok_prefix *p, const struct tok_words *w,
                     const struct tok_walk *k);
/* The longest word at the start of text, its length (0: none) and its id. */
size_t tok_prefix_longest(const struct tok_prefix *p, const struct tok_words *w, const char *text,
                          size_t n, uint32_t *id);

/* vocab.c: words, types, byte tokens, special tokens. */
int tok_vocab_load(struct tok *t, struct zinc_err *err);

/* merges.c */
int tok_merges_load(struct tok *t, struct zinc_err *err);
void tok_merges_finish(struct tok_merges *m);
bool tok_merge_find(const struct tok_merges *m, int32_t left, int32_t right, uint32_t *rank,
                    int32_t *sym);

/* spm.c, unigram.c: what these need of the scores. */
int tok_spm_load(struct tok *t, struct zinc_err *err);
int tok_unigram_load(struct tok *t, struct zinc_err *err);

/* split.c */
int tok_split_create(const struct zinc_tok_spec *spec, struct tok_split **out,
                     struct zinc_err *err);
void tok_split_destroy(struct tok_split *s); /* NULL ok */
typedef int tok_piece_fn(const struct tok *t, struct tok_work *w, const char *piece, size_t n);
/* Calls fn for every piece of a valid UTF-8 text, in order. */
int tok_split_run(const struct tok *t, struct tok_work *w, const char *text, size_t n,
                  tok_piece_fn *fn);
void tok_split_work_finish(struct tok_work *w);

/* cache.c. emit: true when the segment was known, and then its ids are out (or
 * *rc is an error). store: its ids are those from first_id on. */
void tok_cache_begin(struct tok_work *w, size_t text_bytes);
bool tok_cache_emit(struct tok_work *w, const char *text, size_t n, int *rc);
void tok_cache_store(const struct tok *t, struct tok_work *w, const char *text, size_t n,
                     size_t first_id);

/* normalize.c: NFC, U+2581 and the blank in front, as the spec asks. *text and
 * *n become the result, in w->buf where anything changed. */
int tok_normalize(const struct tok *t, struct tok_work *w, bool prefix, const char **text,
                  size_t *n);

/* The four algorithms: append the ids of a text without special tokens. */
int tok_bpe_bytes(const struct tok *t, struct tok_work *w, const char *text, size_t n);
int tok_bpe_chars(const struct tok *t, struct tok_work *w, const char *text, size_t n);
int tok_spm(const struct tok *t, struct tok_work *w, const char *text, size_t n);
int tok_unigram(const struct tok *t, struct tok_work *w, const char *text, size_t n);

/* bpe.c: bytes that no token covers: byte tokens, else the unknown token. */
int tok_emit_unknown(const struct tok *t, struct tok_work *w, const char *bytes, size_t n);
/* Merges the symbols of a text in segments, where no seam joins them. */
int tok_merge_text(const struct tok *t, struct tok_work *w, const char *text, size_t n);
void tok_seam_add(struct tok *t, char before, char after);

/* Room for n elements; false: no memory, and *list is as it was. */
bool tok_reserve(void **list, size_t *room, size_t n, size_t elem);

int tok_no_memory(struct zinc_err *err);

#endif
