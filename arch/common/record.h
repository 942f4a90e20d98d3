/* record.h - recording ops in the words of a forward pass.
 *
 * Each function allocates what it returns and records one op (or the few that
 * its comment names). The number of rows is kept here: all tokens of the step
 * at first, and after rec_out_rows() those whose logits somebody reads. A
 * weight is named by the index that decl_*() gave; ARCH_NONE is an absent
 * view. */
#ifndef ARCH_COMMON_RECORD_H
#define ARCH_COMMON_RECORD_H

#include "model.h"

struct arch_rec {
	const struct zinc_arch_host *host;
	struct zinc_graph *graph;
	const struct arch_model *model;
	const struct zinc_shape *shape;
	struct zinc_u32 n;      /* live rows of what is recorded next */
	struct zinc_u32 n_seqs;
	/* Tables of these rows: the sequence and the position of each, the first
	 * of each sequence. */
	enum zinc_table row_seq, row_pos, seq_first;
};

void rec_begin(struct arch_rec *r, const struct arch_model *m, struct zinc_graph *g,
               const struct zinc_shape *shape);

struct zinc_view rec_weight(const struct arch_rec *r, uint32_t index);
struct zinc_view rec_table(const struct arch_rec *r, enum zinc_table table);
/* F32 [rows, width]. */
struct zinc_view rec_temp(const struct arch_rec *r, uint32_t width);
void rec_label(const struct arch_rec *r, uint32_t layer, const char *what);

/* Rows of a table by token id, times scale (0: as they are). */
struct zinc_view rec_embed(const struct arch_rec *r, uint32_t table, float scale);
/* The input of the first block: token_embd's rows times scale. */
struct zinc_view rec_embed_tokens(const struct arch_rec *r, float scale);

/* rmsnorm(x, weight); x may be heads, each of which is then normed apart. */
struct zinc_view rec_norm(const struct arch_rec *r, struct zinc_view x, uint32_t weight);
/* into += rmsnorm(x, weight): a post-norm and its residual add. */
void rec_norm_add(const struct arch_rec *r, struct zinc_view x, uint32_t weight,
                  struct zinc_view into);
/* x = rmsnorm(x, weight). */
void rec_norm_in_place(const struct arch_rec *r, struct zinc_view x, uint32_t weight);

/* scale * W x; scale 0 is 1. */
struct zinc_view rec_linear_scaled(const struct arch_rec *r, uint32_t w, struct zinc_view x,
                                   float scale);
struct zinc_view rec_linear(const struct arch_rec *r, uint32_t w, struct zinc_view x);
/* into += W x. */
void rec_linear_add(const struct arch_rec *r, uint32_t w, struct zinc_view x,
                    struct zinc_view into);

/* The residual stream after block `layer` (0: before the first): for whoever
 * compares layer by layer. */
void rec_tap(const struct arch_rec *r, uint32_t layer, struct zinc_view x);

/* Are fewer rows read than the recording has tokens? */
bool rec_reads_few(const struct arch_rec *r);
/* From here on only the rows whose logits are read: replaces each of the n
 * views ([T, D], strided or not) by those rows, unless it has no others. */
void rec_out_rows(struct arch_rec *r, struct zinc_view *const *views, uint32_t n);
/* Final norm, head and (softcap != 0) soft cap: the graph's result. */
void rec_head(const struct arch_rec *r, struct zinc_view x, float softcap);

#endif
