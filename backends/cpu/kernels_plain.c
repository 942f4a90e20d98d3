/* kernels_plain.c - the kernels in portable C. */
#include "vec_plain.h"

#define KERNELS kernels_plain
#include "kernels_body.h"
