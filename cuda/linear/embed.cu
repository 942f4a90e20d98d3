/* embed.cu - rows of a table by id, dequantised exactly and scaled. */
#include "embed.cuh"

/* Block (i, part): row i. */
ADA_KERNEL(embed_rows, struct ada_embed_args, 256, 4)
{
	uint32_t row = blockIdx.x;

	ada_wait_inputs();
	ada_release_next();
	if (row >= ada_live(a.params, a.n))
		return;
	uint32_t id = *ada_at<uint32_t>(a.ids, row);
	bool inside = id < a.table.ne1; /* negative ids are large */
	const uint8_t *from = reinterpret_cast<const uint8_t *>(a.table.p) +
	                      (inside ? id : 0) * a.table.nb1;

	embed_row(a, a.layout, from, row, inside);
}
