/* table.cu - rows of a table that lies in pinned host memory: some have a copy in a slot
 * on the device, the others are read over the bus. */
#include "embed.cuh"
#include "linear/table_args.h"

ADA_KERNEL(table_fetch, struct ada_table_fetch_args, 256, 4)
{
	const struct ada_row_order o =
		reinterpret_cast<const struct ada_row_order *>(a.orders)[blockIdx.x];
	const uint4 *from = reinterpret_cast<const uint4 *>(a.table + o.id * a.row_bytes);
	uint4 *to = reinterpret_cast<uint4 *>(a.slots + o.slot * a.row_bytes);
	int32_t *map = reinterpret_cast<int32_t *>(a.map);

	ada_wait_inputs();
	for (uint32_t i = threadIdx.x; i < a.row_bytes / 16; i += blockDim.x)
		to[i] = from[i];
	if (threadIdx.x)
		return;
	if (o.old >= 0)
		map[o.old] = -1;
	map[o.id] = (int32_t)o.slot;
}

/* Block (i, part): row i. */
ADA_KERNEL(table_embed, struct ada_table_embed_args, 256, 4)
{
	const struct ada_embed_args &e = a.embed;
	uint32_t row = blockIdx.x;

	ada_wait_inputs();
	ada_release_next();
	if (row >= ada_live(e.params, e.n))
		return;
	uint32_t id = *ada_at<uint32_t>(e.ids, row);
	bool inside = id < e.table.ne1; /* negative ids are large */
	int32_t slot = inside ? reinterpret_cast<const int32_t *>(a.map)[id] : 0;
	const uint8_t *from = reinterpret_cast<const uint8_t *>(slot < 0 ? e.table.p : a.slots) +
	                      (uint64_t)(slot < 0 ? id : (uint32_t)slot) * e.table.nb1;

	embed_row(e, ADA_WEIGHT_GGUF, from, row, inside);
}
