/* kernels_avx2.c - the kernels for AVX2, FMA and F16C. */
#include "vec_avx2.h"

#define KERNELS kernels_avx2
#include "kernels_body.h"
