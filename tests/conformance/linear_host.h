/* linear_host.h - runs a linear op of the CPU backend without a device: on an
 * instruction set and a number of threads that the test chooses. */
#ifndef LINEAR_HOST_H
#define LINEAR_HOST_H

#include "linear.h"

/* Records and runs; -1 when supports() or record() refuse. params may be NULL
 * when the descriptor reads no slot. */
int linear_host_run(enum cpu_isa isa, uint32_t n_threads, const struct zinc_op_impl *op,
                    const void *desc, uint32_t variant, const uint32_t *params);

/* Which instruction sets can run here (a SIMDe build runs AVX-512 with AVX2). */
bool linear_host_has(enum cpu_isa isa);

#endif
