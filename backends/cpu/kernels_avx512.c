/* kernels_avx512.c - the kernels for AVX-512. */
#include "vec_avx512.h"

#define KERNELS kernels_avx512
#include "kernels_body.h"
