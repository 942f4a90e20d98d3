/* args.h - what host code (C) and kernels (CUDA C++) share: the pieces that the
 * argument structs of kernels are made of.
 *
 * A kernel takes one struct by value. It is defined in cuda/<family>/args.h from
 * fixed-width members without implicit padding, addresses as uint64_t. */
#ifndef ADA_ARGS_H
#define ADA_ARGS_H

#include <stdint.h>

/* A view on the device: the address of its first element, and bytes between
 * neighbours along dimensions 1, 2 and 3. p == 0: absent. */
struct ada_view {
	uint64_t p;
	uint64_t nb1, nb2, nb3;
	uint32_t ne0, ne1, ne2, ne3;
};

/* struct zinc_u32: imm, or the value of a parameter slot, at most imm. */
struct ada_count {
	uint32_t imm, slot;
};

#endif
