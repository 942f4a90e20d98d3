/* dtype.h - what tests/unit/arch_*.c ask of element types, answered by
 * numbers.h: the kit has nothing of the core's in it. */
#ifndef KIT_SHIM_DTYPE_H
#define KIT_SHIM_DTYPE_H

#include "kit/numbers.h"

static inline uint64_t dtype_row_bytes(uint32_t dtype, uint64_t n)
{
	return num_block(dtype) && n % num_block(dtype) == 0 ? num_row_bytes(dtype, n) : 0;
}

static inline struct zinc_view dtype_view(uint32_t dtype, uint32_t ne0, uint32_t ne1, uint32_t ne2,
                                          uint32_t ne3)
{
	struct zinc_view v = {.dtype = dtype, .ne = {ne0, ne1, ne2, ne3}};

	v.nb[0] = num_block_bytes(dtype);
	v.nb[1] = dtype_row_bytes(dtype, ne0);
	v.nb[2] = v.nb[1] * ne1;
	v.nb[3] = v.nb[2] * ne2;
	return v;
}

#endif
