/* test_kernels.h - arguments of the kernels that test the emulation. */
#ifndef TEST_KERNELS_H
#define TEST_KERNELS_H

#include <stdint.h>

/* in and out are device addresses; what they hold, each kernel says. */
struct test_args {
	uint64_t in, out;
	uint32_t n, option;
};

#endif
