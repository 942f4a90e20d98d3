/* kernels_neon.c - the kernels for NEON. */
#include "vec_neon.h"

#define KERNELS kernels_neon
#include "kernels_body.h"
