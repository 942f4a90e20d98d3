/* table_lru.c - which rows of a table in host memory have a slot on the device. */
#include "device.h"
#include "table.h"
#include "table_priv.h"

enum { FETCH_THREADS = 256 };

static void unlink_slot(struct ada_table *t, uint32_t s)
{
	t->slot[t->slot[s].prev].next = t->slot[s].next;
	t->slot[t->slot[s].next].prev = t->slot[s].prev;
}

static void put_first(struct ada_table *t, uint32_t s)
{
	struct ada_table_slot *ends = &t->slot[t->n_slots];

	t->slot[s].prev = t->n_slots;
	t->slot[s].next = ends->next;
	t->slot[ends->next].prev = s;
	ends->next = s;
}

void ada_table_lru_init(struct ada_table *t)
{
	struct ada_table_slot *ends = &t->slot[t->n_slots];

	*ends = (struct ada_table_slot){.id = -1, .next = t->n_slots, .prev = t->n_slots};
	for (uint32_t s = 0; s < t->n_slots; s++) {
		t->slot[s] = (struct ada_table_slot){.id = -1};
		put_first(t, s);
	}
}

static bool is_row(const struct ada_table *t, int32_t id)
{
	return id >= 0 && (uint32_t)id < t->n_rows;
}

/* Rows that have a slot keep it in this turn. False: others are wanted, too. */
static bool keep_present(struct ada_table *t, const int32_t *ids, uint32_t n)
{
	bool all = true;

	t->turn++;
	for (uint32_t i = 0; i < n; i++) {
		int32_t s = is_row(t, ids[i]) ? t->slot_of[ids[i]] : -1;

		if (s < 0) {
			all = all && !is_row(t, ids[i]);
			continue;
		}
		unlink_slot(t, (uint32_t)s);
		put_first(t, (uint32_t)s);
		t->slot[s].turn = t->turn;
	}
	return all;
}

/* A slot for a row that has none; false where all are wanted in this turn. */
static bool take_slot(struct ada_table *t, int32_t id, struct ada_row_order *o)
{
	uint32_t s = t->slot[t->n_slots].prev;
	struct ada_table_slot *slot = &t->slot[s];

	if (slot->turn == t->turn)
		return false;
	*o = (struct ada_row_order){.id = id, .old = slot->id, .slot = s};
	if (slot->id >= 0)
		t->slot_of[slot->id] = -1;
	t->slot_of[id] = (int32_t)s;
	slot->id = id;
	slot->turn = t->turn;
	unlink_slot(t, s);
	put_first(t, s);
	return true;
}

static CUresult send(struct zinc_dev *dev, struct ada_table *t, uint32_t n)
{
	const uint64_t half = t->half * (uint64_t)ADA_TABLE_ORDERS * sizeof(*t->orders);
	struct ada_table_fetch_args a = {.orders = t->orders_at + half, .table = t->rows_at,
	                                 .slots = t->slots, .map = t->map,
	                                 .row_bytes = t->row_bytes};
	struct ada_launch l = {.kernel = "table_fetch", .grid = {n, 1, 1},
	                       .block = {FETCH_THREADS, 1, 1}, .args = &a,
	                       .args_size = sizeof(a)};
	struct ada_function *f;
	CUresult r;

	if (ada_kernel_find(dev, l.kernel, &f, NULL))
		return CUDA_ERROR_NOT_FOUND;
	r = ada_kernel_launch(dev, dev->tables.copy, f, &l);
	if (r == CUDA_SUCCESS)
		r = dev->drv->cuEventRecord(t->done[t->half], dev->tables.copy);
	t->half ^= 1;
	return r;
}

/* Orders for all rows without a slot, as far as there are slots. */
static CUresult order(struct zinc_dev *dev, struct ada_table *t, const int32_t *ids, uint32_t n,
                      bool *any)
{
	CUresult r = CUDA_SUCCESS;
	uint32_t i = 0;

	while (i < n && r == CUDA_SUCCESS) {
		struct ada_row_order *o = t->orders + t->half * ADA_TABLE_ORDERS;
		uint32_t count = 0;

		/* What this half ordered before has been read. */
		r = dev->drv->cuEventSynchronize(t->done[t->half]);
		for (; i < n && count < ADA_TABLE_ORDERS; i++)
			if (is_row(t, ids[i]) && t->slot_of[ids[i]] < 0) {
				if (!take_slot(t, ids[i], &o[count]))
					break;
				count++;
			}
		if (!count)
			return r;
		*any = true;
		if (r == CUDA_SUCCESS)
			r = send(dev, t, count);
		if (count < ADA_TABLE_ORDERS)
			return r;
	}
	return r;
}

CUresult ada_table_want(struct zinc_dev *dev, struct ada_table *t, const int32_t *ids, uint32_t n)
{
	const struct ada_driver *drv = dev->drv;
	CUresult r = CUDA_SUCCESS;
	bool any = false;

	pthread_mutex_lock(&dev->tables.lock);
	if (!keep_present(t, ids, n)) {
		r = drv->cuStreamWaitEvent(dev->tables.copy, dev->tables.busy, 0);
		if (r == CUDA_SUCCESS)
			r = order(dev, t, ids, n, &any);
	}
	/* The half that was sent last ends last. */
	if (r == CUDA_SUCCESS && any)
		r = drv->cuStreamWaitEvent(dev->stream, t->done[t->half ^ 1], 0);
	pthread_mutex_unlock(&dev->tables.lock);
	return r;
}

CUresult ada_tables_in_use(struct zinc_dev *dev)
{
	return dev->drv->cuEventRecord(dev->tables.busy, dev->stream);
}
