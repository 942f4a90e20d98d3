/* ids.c - growable lists. */
#include "token/tok_impl.h"

#include <stdlib.h>

#include "util/err.h"

bool tok_reserve(void **list, size_t *room, size_t n, size_t elem)
{
	size_t want = *room + *room / 2;
	void *p;

	if (n <= *room)
		return true;
	if (want < n)
		want = n;
	if (want < 16)
		want = 16;
	if (want > SIZE_MAX / elem)
		return false;
	p = realloc(*list, want * elem);
	if (!p)
		return false;
	*list = p;
	*room = want;
	return true;
}

int tok_no_memory(struct zinc_err *err)
{
	return err_set(err, ZINC_E_NO_MEMORY, "out of memory in the tokenizer");
}

void tok_ids_finish(struct tok_ids *ids)
{
	free(ids->id);
	*ids = (struct tok_ids){0};
}

int tok_ids_push(struct tok_ids *ids, int32_t id)
{
	void *list = ids->id;

	if (ids->n == ids->room) {
		if (!tok_reserve(&list, &ids->room, ids->n + 1, sizeof(*ids->id)))
			return ZINC_E_NO_MEMORY;
		ids->id = list;
	}
	ids->id[ids->n++] = id;
	return ZINC_OK;
}
