/* pack_model.h - a model of a few tensors, in a file, on the backend that packs. */
#ifndef TESTS_PACK_MODEL_H
#define TESTS_PACK_MODEL_H

#include <zinc/arch.h>

#include "model/gguf.h"
#include "run/engine.h"
#include "run/ledger.h"
#include "unit/pack_fake.h"

/* One Q8_0 block is a row. */
enum { K = 32, FILE_ROW = 34, VOCAB = 8, A_ROWS = 12, E_ROWS = 6, EXPERTS = 4, USED = 2 };
enum { W_EMBD, W_A, W_EXPERTS, W_ROUTER, W_ABSENT, W_HEAD, N_WEIGHTS };

extern const struct zinc_weight_decl pack_decls[N_WEIGHTS];
extern const struct gguf_tensor *pack_tensors[N_WEIGHTS];
/* The backend that engines get; a test may take entries out. */
extern struct zinc_backend pack_table;

/* For a group of tests, and before each. */
int pack_setup_file(void **state);
int pack_teardown_file(void **state);
int pack_setup(void **state);

/* pack: enum run_pack. */
int pack_make(struct engine **e, uint32_t pack, struct zinc_err *err);
/* One token more; pack_fake.linear has what was recorded for it, if anything. */
void pack_step(struct engine *e, struct seq *s);
/* An engine that has run one token, so that its ops are recorded: rows 4..11 of a, all of
 * a, the router, rows 2..5 of each expert, the head. */
struct engine *pack_start(uint32_t pack);

uint64_t pack_data_bytes(int weight);
uint64_t pack_aligned(uint64_t n);
/* Of all that is packed, in the ledger. */
uint64_t pack_packed_bytes(void);
/* What the ledger says of weights; used as planned. */
void pack_check_ledger(const struct engine *e, uint64_t packed, uint64_t copied, uint64_t mapped);
/* Row `row` of slice `slice` of a recorded view is row `at` of weight w in the file. */
void pack_check_row(const struct zinc_view *v, uint32_t slice, uint32_t row, int w, uint32_t at);

#endif
