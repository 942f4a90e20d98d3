/* bpe.c - byte pair encoding: of all adjacent pairs that a rule can merge, the
 * one of lowest rank merges first, the leftmost of equals (Sennrich et al.,
 * "Neural Machine Translation of Rare Words with Subword Units", 2016).
 *
 * A heap holds the candidates, so a text of n characters takes O(n log n) even
 * when nothing splits it. */
#include "token/tok_impl.h"

#include <inttypes.h>

#include "token/utf8.h"
#include "util/err.h"

void tok_seam_add(struct tok *t, char before, char after)
{
	unsigned bit = (unsigned)(uint8_t)before << 8 | (uint8_t)after;

	t->seam[bit / 8] |= (uint8_t)(1u << bit % 8);
}

static bool has_seam(const struct tok *t, char before, char after)
{
	unsigned bit = (unsigned)(uint8_t)before << 8 | (uint8_t)after;

	return t->seam[bit / 8] >> bit % 8 & 1;
}

int tok_emit_unknown(const struct tok *t, struct tok_work *w, const char *bytes, size_t n)
{
	size_t have = 0;
	int rc = ZINC_OK;

	while (have < n && t->byte_id[(uint8_t)bytes[have]] >= 0)
		have++;
	if (have == n) {
		for (size_t i = 0; i < n && !rc; i++)
			rc = tok_ids_push(w->out, t->byte_id[(uint8_t)bytes[i]]);
		return rc ? tok_no_memory(w->err) : ZINC_OK;
	}
	if (t->spec.unk < 0)
		return err_set(w->err, ZINC_E_INVALID,
			       "the vocabulary has neither a token for byte 0x%02x nor an unknown "
			       "token",
			       (uint8_t)bytes[have]);
	/* A run of unknown characters is one unknown token. */
	if (w->out->n && w->out->id[w->out->n - 1] == t->spec.unk)
		return ZINC_OK;
	return tok_ids_push(w->out, t->spec.unk) ? tok_no_memory(w->err) : ZINC_OK;
}

static void sift_down(struct tok_work *w, size_t i)
{
	struct tok_cand c = w->heap[i];

	for (;;) {
		size_t kid = 2 * i + 1;

		if (kid >= w->n_heap)
			break;
		if (kid + 1 < w->n_heap && w->heap[kid + 1].key < w->heap[kid].key)
			kid++;
		if (c.key <= w->heap[kid].key)
			break;
		w->heap[i] = w->heap[kid];
		i = kid;
	}
	w->heap[i] = c;
}

static void sift_up(struct tok_work *w, size_t i)
{
	struct tok_cand c = w->heap[i];

	while (i > 0 && c.key < w->heap[(i - 1) / 2].key) {
		w->heap[i] = w->heap[(i - 1) / 2];
		i = (i - 1) / 2;
	}
	w->heap[i] = c;
}

/* Appends (below the heap order) the candidate of node `left` and the next. */
static bool candidate(const struct tok *t, struct tok_work *w, uint32_t left)
{
	const struct tok_node *a = &w->node[left], *b;
	struct tok_cand *c = &w->heap[w->n_heap];
	uint32_t rank;

	if (a->next == TOK_NONE)
		return false;
	b = &w->node[a->next];
	c->len = a->len + b->len;
	if (t->rank) {
		uint32_t id = tok_words_find(&t->words, w->text + a->start, c->len);

		if (id == TOK_NONE)
			return false;
		c->sym = (int32_t)id;
		rank = t->rank[id];
	} else if (a->sym < 0 || b->sym < 0 ||
		   !tok_merge_find(&t->merges, a->sym, b->sym, &rank, &c->sym)) {
		return false;
	}
	c->key = (uint64_t)rank << 32 | left;
	w->n_heap++;
	return true;
}

/* Joins node i with the next and queues the pairs that this makes. */
static void apply(const struct tok *t, struct tok_work *w, uint32_t i, int32_t sym)
{
	struct tok_node *a = &w->node[i], *b = &w->node[a->next];

	a->len += b->len;
	a->sym = sym;
	b->len = 0;
	a->next = b->next;
	if (a->next != TOK_NONE)
		w->node[a->next].prev = i;
	if (candidate(t, w, i))
		sift_up(w, w->n_heap - 1);
	if (a->prev != TOK_NONE && candidate(t, w, a->prev))
		sift_up(w, w->n_heap - 1);
}

/* A candidate is stale when one of its nodes was merged since: the left one is
 * gone, or the two together have grown. */
static bool is_stale(const struct tok_work *w, const struct tok_cand *c, uint32_t left)
{
	const struct tok_node *a = &w->node[left];

	return !a->len || a->next == TOK_NONE || a->len + w->node[a->next].len != c->len;
}

static int merge_nodes(const struct tok *t, struct tok_work *w)
{
	void *heap = w->heap;

	/* Every merge takes one candidate out and puts two in at most. */
	if (!tok_reserve(&heap, &w->heap_room, 2 * w->n_nodes, sizeof(*w->heap)))
		return tok_no_memory(w->err);
	w->heap = heap;
	w->n_heap = 0;
	for (uint32_t i = 0; i + 1 < w->n_nodes; i++)
		candidate(t, w, i);
	for (size_t i = w->n_heap / 2; i-- > 0;)
		sift_down(w, i);
	while (w->n_heap) {
		struct tok_cand c = w->heap[0];

		w->heap[0] = w->heap[--w->n_heap];
		if (w->n_heap)
			sift_down(w, 0);
		if (!is_stale(w, &c, (uint32_t)c.key))
			apply(t, w, (uint32_t)c.key, c.sym);
	}
	return ZINC_OK;
}

/* Merges the collected nodes and emits what is left of them. */
static int flush(const struct tok *t, struct tok_work *w)
{
	int rc = ZINC_OK;

	w->node[w->n_nodes - 1].next = TOK_NONE;
	if (w->n_nodes > 1)
		rc = merge_nodes(t, w);
	for (uint32_t i = 0; i != TOK_NONE && !rc; i = w->node[i].next) {
		const struct tok_node *a = &w->node[i];

		if (a->sym >= 0 && (uint32_t)a->sym < t->n_vocab)
			rc = tok_ids_push(w->out, a->sym) ? tok_no_memory(w->err) : ZINC_OK;
		else
			rc = tok_emit_unknown(t, w, w->text + a->start, a->len);
	}
	return rc;
}

static int merge_segment(const struct tok *t, struct tok_work *w, const char *text, size_t n)
{
	bool bytes = t->spec.kind == ZINC_TOK_BPE_BYTES;
	size_t first_id = w->out->n;
	void *node = w->node;
	unsigned len = 1;
	int rc;

	if (tok_cache_emit(w, text, n, &rc))
		return rc;
	if (!tok_reserve(&node, &w->node_room, n, sizeof(*w->node)))
		return tok_no_memory(w->err);
	w->node = node;
	w->text = text;
	w->n_nodes = 0;
	for (uint32_t i = 0; i < n; i += len) {
		uint32_t at = (uint32_t)w->n_nodes++;
		int32_t sym = -1;

		len = 1;
		if (bytes || (uint8_t)text[i] < 0x80)
			sym = t->char_sym[(uint8_t)text[i]];
		else if (utf8_next(text + i, n - i, &len) == UTF8_VALID)
			sym = (int32_t)tok_words_find(&t->words, text + i, len);
		else
			len = 1;
		w->node[at] = (struct tok_node){i, len, sym, at ? at - 1 : TOK_NONE, at + 1};
	}
	rc = flush(t, w);
	if (!rc)
		tok_cache_store(t, w, text, n, first_id);
	return rc;
}

int tok_merge_text(const struct tok *t, struct tok_work *w, const char *text, size_t n)
{
	int rc = ZINC_OK;

	while (n && !rc) {
		size_t len = 1;

		/* A continuation byte begins no character, so none is cut there. */
		while (len < n && (((uint8_t)text[len] & 0xc0) == 0x80 ||
				   has_seam(t, text[len - 1], text[len])))
			len++;
		rc = merge_segment(t, w, text, len);
		text += len;
		n -= len;
	}
	return rc;
}

static int merge_piece(const struct tok *t, struct tok_work *w, const char *piece, size_t n)
{
	if (t->spec.flags & ZINC_TOK_WHOLE_PIECE) {
		uint32_t id = tok_words_find(&t->words, piece, n);

		if (id < t->n_vocab && t->type[id] != TOK_USER_DEFINED)
			return tok_ids_push(w->out, (int32_t)id) ? tok_no_memory(w->err) : ZINC_OK;
	}
	return tok_merge_text(t, w, piece, n);
}

int tok_bpe_bytes(const struct tok *t, struct tok_work *w, const char *text, size_t n)
{
	int rc = ZINC_OK;

	/* The patterns speak of characters, so a byte that is part of none is a
	 * piece of its own. */
	while (n && !rc) {
		size_t run = utf8_valid_run(text, n);

		if (run)
			rc = tok_split_run(t, w, text, run, merge_piece);
		if (!rc && run < n)
			rc = merge_piece(t, w, text + run++, 1);
		text += run;
		n -= run;
	}
	return rc;
}

int tok_bpe_chars(const struct tok *t, struct tok_work *w, const char *text, size_t n)
{
	bool whole = t->spec.flags & ZINC_TOK_NEWLINE_RUNS;
	int rc = ZINC_OK;

	while (n && !rc) {
		bool newline = text[0] == '\n';
		size_t run = 1;
		uint32_t id;

		while (run < n && (text[run] == '\n') == newline)
			run++;
		id = newline && whole ? tok_words_find(&t->words, text, run) : TOK_NONE;
		if (id < t->n_vocab)
			rc = tok_ids_push(w->out, (int32_t)id) ? tok_no_memory(w->err) : ZINC_OK;
		else
			rc = tok_merge_text(t, w, text, run);
		text += run;
		n -= run;
	}
	return rc;
}
