/* memory.c - device buffers that the ledger knows of. */
#include "run/memory.h"

#include "util/err.h"

int memory_alloc(const struct memory *m, enum ledger_kind kind, uint32_t mem, uint64_t bytes,
                 struct memory_block *out, struct zinc_err *err)
{
	int rc;

	*out = (struct memory_block){0};
	if (!bytes)
		return ZINC_OK;
	rc = ledger_take(m->ledger, kind, bytes, err);
	if (rc)
		return rc;
	rc = m->backend->buf_alloc(m->dev, bytes, mem, &out->buf, err);
	if (rc) {
		ledger_give(m->ledger, kind, bytes);
		return err_prefix(err, "%s", ledger_kind_name(kind));
	}
	out->bytes = bytes;
	out->kind = kind;
	return ZINC_OK;
}

void memory_free(const struct memory *m, struct memory_block *b)
{
	if (!b->buf)
		return;
	m->backend->buf_free(b->buf);
	ledger_give(m->ledger, b->kind, b->bytes);
	*b = (struct memory_block){0};
}
