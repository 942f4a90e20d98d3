/* weight.c - which weights the kernels of shaders/common/weights.glsl can read. */
#include "weight.h"

#include "layout.h"

static const struct {
	uint16_t elems, bytes;
	uint16_t align; /* the widest load that the kernels do at a block */
} formats[] = {
	[ZINC_F32] = {1, 4, 4},       [ZINC_F16] = {1, 2, 2},      [ZINC_BF16] = {1, 2, 2},
	[ZINC_Q8_0] = {32, 34, 2},    [ZINC_Q4_0] = {32, 18, 2},   [ZINC_Q4_1] = {32, 20, 4},
	[ZINC_Q5_0] = {32, 22, 2},    [ZINC_Q5_1] = {32, 24, 4},   [ZINC_Q2_K] = {256, 84, 4},
	[ZINC_Q3_K] = {256, 110, 2},  [ZINC_Q4_K] = {256, 144, 4}, [ZINC_Q5_K] = {256, 176, 4},
	[ZINC_Q6_K] = {256, 210, 2},  [ZINC_IQ4_NL] = {32, 18, 2}, [ZINC_IQ4_XS] = {256, 136, 4},
	[ZINC_MXFP4] = {32, 17, 1},
};

enum { N_FORMATS = sizeof(formats) / sizeof(formats[0]) };

uint32_t rdna4_block_elems(uint32_t dtype)
{
	return dtype < N_FORMATS ? formats[dtype].elems : 0;
}

uint32_t rdna4_block_bytes(uint32_t dtype)
{
	return dtype < N_FORMATS ? formats[dtype].bytes : 0;
}

bool rdna4_weight_is_packed(const struct zinc_view *w)
{
	return w->layout == RDNA4_WEIGHT_ROWS && w->dtype < N_FORMATS &&
	       (ZINC_TMASK_BLOCK & ZINC_TBIT(w->dtype));
}

bool rdna4_weight_ok(const struct zinc_view *w)
{
	uint32_t elems = rdna4_block_elems(w->dtype), align;
	bool packed = rdna4_weight_is_packed(w);

	if (!zinc_view_present(w) || !elems || !w->ne[0] || w->ne[0] % elems ||
	    (!packed && (w->layout || w->nb[0] != formats[w->dtype].bytes)))
		return false;
	align = packed ? 16 : formats[w->dtype].align;
	if (w->off % align)
		return false;
	for (int i = 1; i < ZINC_MAX_DIMS; i++)
		if (!w->ne[i] || (w->ne[i] > 1 && w->nb[i] % align))
			return false;
	return w->nb[1] <= UINT32_MAX;
}
