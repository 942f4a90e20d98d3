/* dtype.c - the table of element types and GGUF's numbers for them. */
#include "model/dtype.h"

#include <strings.h>

static const struct zinc_dtype_info infos[ZINC_DTYPE_MAX] = {
	[ZINC_F32] = {"f32", 1, 4},
	[ZINC_F16] = {"f16", 1, 2},
	[ZINC_BF16] = {"bf16", 1, 2},
	[ZINC_I32] = {"i32", 1, 4},
	[ZINC_U8] = {"u8", 1, 1},
	[ZINC_Q8_0] = {"q8_0", 32, 34},
	[ZINC_Q4_0] = {"q4_0", 32, 18},
	[ZINC_Q4_1] = {"q4_1", 32, 20},
	[ZINC_Q5_0] = {"q5_0", 32, 22},
	[ZINC_Q5_1] = {"q5_1", 32, 24},
	[ZINC_Q2_K] = {"q2_k", 256, 84},
	[ZINC_Q3_K] = {"q3_k", 256, 110},
	[ZINC_Q4_K] = {"q4_k", 256, 144},
	[ZINC_Q5_K] = {"q5_k", 256, 176},
	[ZINC_Q6_K] = {"q6_k", 256, 210},
	[ZINC_IQ4_NL] = {"iq4_nl", 32, 18},
	[ZINC_IQ4_XS] = {"iq4_xs", 256, 136},
	[ZINC_MXFP4] = {"mxfp4", 32, 17},
};

/* Indexed by the number in the file. A name without a dtype is a type that
 * zinc does not read; numbers without a name were never given out. */
static const struct {
	const char *name;
	uint8_t known;
	uint8_t dtype;
} gguf_types[] = {
	[0] = {"f32", 1, ZINC_F32},
	[1] = {"f16", 1, ZINC_F16},
	[2] = {"q4_0", 1, ZINC_Q4_0},
	[3] = {"q4_1", 1, ZINC_Q4_1},
	[4] = {"q4_2", 0, 0},
	[5] = {"q4_3", 0, 0},
	[6] = {"q5_0", 1, ZINC_Q5_0},
	[7] = {"q5_1", 1, ZINC_Q5_1},
	[8] = {"q8_0", 1, ZINC_Q8_0},
	[9] = {"q8_1", 0, 0},
	[10] = {"q2_k", 1, ZINC_Q2_K},
	[11] = {"q3_k", 1, ZINC_Q3_K},
	[12] = {"q4_k", 1, ZINC_Q4_K},
	[13] = {"q5_k", 1, ZINC_Q5_K},
	[14] = {"q6_k", 1, ZINC_Q6_K},
	[15] = {"q8_k", 0, 0},
	[16] = {"iq2_xxs", 0, 0},
	[17] = {"iq2_xs", 0, 0},
	[18] = {"iq3_xxs", 0, 0},
	[19] = {"iq1_s", 0, 0},
	[20] = {"iq4_nl", 1, ZINC_IQ4_NL},
	[21] = {"iq3_s", 0, 0},
	[22] = {"iq2_s", 0, 0},
	[23] = {"iq4_xs", 1, ZINC_IQ4_XS},
	[24] = {"i8", 0, 0},
	[25] = {"i16", 0, 0},
	[26] = {"i32", 1, ZINC_I32},
	[27] = {"i64", 0, 0},
	[28] = {"f64", 0, 0},
	[29] = {"iq1_m", 0, 0},
	[30] = {"bf16", 1, ZINC_BF16},
	[31] = {"q4_0_4_4", 0, 0},
	[32] = {"q4_0_4_8", 0, 0},
	[33] = {"q4_0_8_8", 0, 0},
	[34] = {"tq1_0", 0, 0},
	[35] = {"tq2_0", 0, 0},
	[36] = {"iq4_nl_4_4", 0, 0},
	[37] = {"iq4_nl_4_8", 0, 0},
	[38] = {"iq4_nl_8_8", 0, 0},
	[39] = {"mxfp4", 1, ZINC_MXFP4},
	[40] = {"nvfp4", 0, 0},
};

enum { N_GGUF_TYPES = sizeof(gguf_types) / sizeof(gguf_types[0]) };

const struct zinc_dtype_info *dtype_info(uint32_t dtype)
{
	if (dtype >= ZINC_DTYPE_MAX || !infos[dtype].name)
		return NULL;
	return &infos[dtype];
}

const char *dtype_name(uint32_t dtype)
{
	const struct zinc_dtype_info *info = dtype_info(dtype);

	return info ? info->name : "?";
}

bool dtype_by_name(const char *name, uint32_t *dtype)
{
	for (uint32_t i = 0; i < ZINC_DTYPE_MAX; i++)
		if (infos[i].name && !strcasecmp(infos[i].name, name)) {
			*dtype = i;
			return true;
		}
	return false;
}

uint64_t dtype_row_bytes(uint32_t dtype, uint64_t n)
{
	const struct zinc_dtype_info *info = dtype_info(dtype);

	if (!info || n % info->block_elems ||
	    n / info->block_elems > UINT64_MAX / info->block_bytes)
		return 0;
	return n / info->block_elems * info->block_bytes;
}

bool dtype_from_gguf(uint32_t gguf_type, uint32_t *dtype)
{
	if (gguf_type >= N_GGUF_TYPES || !gguf_types[gguf_type].known)
		return false;
	*dtype = gguf_types[gguf_type].dtype;
	return true;
}

uint32_t dtype_to_gguf(uint32_t dtype)
{
	for (uint32_t i = 0; i < N_GGUF_TYPES; i++)
		if (gguf_types[i].known && gguf_types[i].dtype == dtype)
			return i;
	return UINT32_MAX;
}

const char *gguf_type_name(uint32_t gguf_type)
{
	return gguf_type < N_GGUF_TYPES ? gguf_types[gguf_type].name : "?";
}

struct zinc_view dtype_view(uint32_t dtype, uint32_t ne0, uint32_t ne1, uint32_t ne2, uint32_t ne3)
{
	const struct zinc_dtype_info *info = dtype_info(dtype);
	struct zinc_view v = {.dtype = dtype, .ne = {ne0, ne1, ne2, ne3}};

	v.nb[0] = info ? info->block_bytes : 0;
	v.nb[1] = dtype_row_bytes(dtype, ne0);
	v.nb[2] = v.nb[1] * ne1;
	v.nb[3] = v.nb[2] * ne2;
	return v;
}
