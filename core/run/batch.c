/* batch.c - the tables of one step. */
#include "run/batch.h"

#include <stdlib.h>
#include <string.h>

#include "model/dtype.h"
#include "util/err.h"

/* What a table has an entry for. */
enum per { PER_TOKEN = 1, PER_SEQ, PER_SEQ_AND_END, PER_OUT };

/* By enum zinc_table; block tables are the groups' own. */
static const struct {
	const char *name;
	enum per per;
} kinds[ZINC_TABLE_COUNT] = {
	[ZINC_TABLE_TOK_ID] = {"tok_id", PER_TOKEN},
	[ZINC_TABLE_TOK_SEQ] = {"tok_seq", PER_TOKEN},
	[ZINC_TABLE_TOK_POS] = {"tok_pos", PER_TOKEN},
	[ZINC_TABLE_SEQ_FIRST] = {"seq_first", PER_SEQ_AND_END},
	[ZINC_TABLE_SEQ_KV_LEN] = {"seq_kv_len", PER_SEQ},
	[ZINC_TABLE_STATE_SLOT] = {"state_slot", PER_SEQ},
	[ZINC_TABLE_OUT_ROW] = {"out_row", PER_OUT},
	[ZINC_TABLE_OUT_SEQ] = {"out_seq", PER_OUT},
	[ZINC_TABLE_OUT_POS] = {"out_pos", PER_OUT},
	[ZINC_TABLE_OUT_FIRST] = {"out_first", PER_SEQ_AND_END},
};

static uint32_t entries(int table, uint32_t n_tokens, uint32_t n_seqs, uint32_t n_out)
{
	switch (kinds[table].per) {
	case PER_TOKEN: return n_tokens;
	case PER_SEQ: return n_seqs;
	case PER_SEQ_AND_END: return n_seqs + 1;
	case PER_OUT: return n_out;
	default: return 0;
	}
}

static int plan_tables(struct batch *b)
{
	for (int t = 0; t < ZINC_TABLE_COUNT; t++) {
		uint32_t room = entries(t, b->max_tokens, b->max_seqs, b->max_out);

		if (!kinds[t].per)
			continue;
		b->host[t] = calloc(room, sizeof(*b->host[t]));
		if (!b->host[t])
			return ZINC_E_NO_MEMORY;
		b->tables[t] = dtype_view(ZINC_I32, room, 1, 1, 1);
		b->tables[t].buf = (struct zinc_buf *)(void *)&b->mem[t];
		b->mem[t].temp = -1;
		b->mem[t].name = kinds[t].name;
		b->mem[t].off = b->bytes;
		b->bytes += memory_align((uint64_t)room * sizeof(int32_t));
	}
	return ZINC_OK;
}

static int plan_blocks(struct batch *b, const struct kv *kv)
{
	for (uint32_t i = 0; i < kv->n_groups; i++) {
		const struct kv_group *g = &kv->groups[i];

		b->group_mem[i].temp = -1;
		b->group_mem[i].name = "block_table";
		b->group_mem[i].off = b->bytes;
		b->bytes += memory_align((uint64_t)b->max_seqs * g->max_blocks * sizeof(int32_t));
	}
	b->blocks = calloc(kv->n_states + 1, sizeof(*b->blocks));
	if (!b->blocks)
		return ZINC_E_NO_MEMORY;
	for (uint32_t i = 0; i < kv->n_states; i++) {
		const struct kv_state *s = &kv->states[i];

		if (s->kind != ZINC_STATE_KV)
			continue;
		b->blocks[i] = dtype_view(ZINC_I32, kv->groups[s->group].max_blocks, b->max_seqs, 1,
		                          1);
		b->blocks[i].buf = (struct zinc_buf *)(void *)&b->group_mem[s->group];
	}
	return ZINC_OK;
}

int batch_plan(struct batch *b, const struct kv *kv, const struct memory *mem, uint32_t max_tokens,
               uint32_t max_out, struct zinc_err *err)
{
	memset(b, 0, sizeof(*b));
	b->max_tokens = max_tokens;
	b->max_seqs = kv->cfg.max_seqs;
	b->max_out = max_out;
	if (plan_tables(b) || plan_blocks(b, kv))
		return err_set(err, ZINC_E_NO_MEMORY, "out of memory for batch tables");
	ledger_plan(mem->ledger, LEDGER_BATCH, b->bytes);
	return ZINC_OK;
}

int batch_load(struct batch *b, const struct kv *kv, const struct memory *mem,
               struct zinc_err *err)
{
	int rc = memory_alloc(mem, LEDGER_BATCH, ZINC_MEM_UPLOAD, b->bytes, &b->block, err);

	for (int t = 0; t < ZINC_TABLE_COUNT; t++)
		b->mem[t].buf = b->block.buf;
	for (uint32_t i = 0; i < kv->n_groups; i++)
		b->group_mem[i].buf = b->block.buf;
	return rc;
}

void batch_finish(struct batch *b, const struct memory *mem)
{
	for (int t = 0; t < ZINC_TABLE_COUNT; t++)
		free(b->host[t]);
	free(b->blocks);
	memory_free(mem, &b->block);
	memset(b, 0, sizeof(*b));
}

void batch_reset(struct batch *b)
{
	b->n_tokens = b->n_seqs = b->n_out = 0;
	b->host[ZINC_TABLE_SEQ_FIRST][0] = b->host[ZINC_TABLE_OUT_FIRST][0] = 0;
}

/* The logits of token t of the step are read. */
static void add_out(struct batch *b, uint32_t t)
{
	b->host[ZINC_TABLE_OUT_ROW][b->n_out] = (int32_t)t;
	b->host[ZINC_TABLE_OUT_SEQ][b->n_out] = b->host[ZINC_TABLE_TOK_SEQ][t];
	b->host[ZINC_TABLE_OUT_POS][b->n_out++] = b->host[ZINC_TABLE_TOK_POS][t];
}

void batch_add(struct batch *b, uint32_t seq, uint32_t pos, const int32_t *ids, uint32_t n,
               uint32_t n_out)
{
	for (uint32_t i = 0; i < n; i++) {
		uint32_t t = b->n_tokens + i;

		b->host[ZINC_TABLE_TOK_ID][t] = ids[i];
		b->host[ZINC_TABLE_TOK_SEQ][t] = (int32_t)b->n_seqs;
		b->host[ZINC_TABLE_TOK_POS][t] = (int32_t)(pos + i);
		if (i >= n - n_out)
			add_out(b, t);
	}
	b->n_tokens += n;
	b->host[ZINC_TABLE_SEQ_KV_LEN][b->n_seqs] = (int32_t)(pos + n);
	b->host[ZINC_TABLE_STATE_SLOT][b->n_seqs] = (int32_t)seq;
	b->n_seqs++;
	b->host[ZINC_TABLE_SEQ_FIRST][b->n_seqs] = (int32_t)b->n_tokens;
	b->host[ZINC_TABLE_OUT_FIRST][b->n_seqs] = (int32_t)b->n_out;
}

void batch_read_all(struct batch *b)
{
	b->n_out = 0;
	for (uint32_t t = 0; t < b->n_tokens; t++)
		add_out(b, t);
	memcpy(b->host[ZINC_TABLE_OUT_FIRST], b->host[ZINC_TABLE_SEQ_FIRST],
	       (b->n_seqs + 1) * sizeof(int32_t));
}

/* The block tables of the step's sequences, in the step's order. */
static int upload_blocks(const struct batch *b, const struct kv *kv, const struct memory *mem)
{
	for (uint32_t i = 0; i < kv->n_groups; i++) {
		const struct kv_group *g = &kv->groups[i];

		for (uint32_t s = 0; s < b->n_seqs; s++) {
			size_t seq = (size_t)b->host[ZINC_TABLE_STATE_SLOT][s];
			uint64_t row = (uint64_t)g->max_blocks * sizeof(int32_t);
			uint64_t n = g->end_block[seq] * sizeof(int32_t);

			if (mem->backend->buf_write(b->block.buf, b->group_mem[i].off + s * row,
			                            g->table + seq * g->max_blocks, n))
				return ZINC_E_DEVICE_LOST;
		}
	}
	return ZINC_OK;
}

int batch_upload(const struct batch *b, const struct kv *kv, const struct memory *mem,
                 struct zinc_err *err)
{
	int rc = ZINC_OK;

	for (int t = 0; t < ZINC_TABLE_COUNT && !rc; t++) {
		uint64_t n = sizeof(int32_t) *
		             (uint64_t)entries(t, b->n_tokens, b->n_seqs, b->n_out);

		if (n)
			rc = mem->backend->buf_write(b->block.buf, b->mem[t].off, b->host[t], n);
	}
	if (!rc)
		rc = upload_blocks(b, kv, mem);
	return rc ? err_set(err, rc, "copying the batch tables to the device failed") : ZINC_OK;
}
