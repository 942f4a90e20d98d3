/* dmmv_pairs.cu - products for few columns, class Q8: quants of 2 and 3 bits. */
#include "dmmv.cuh"

DMMV_KERNELS(q2_k, dmmv_q8<ADA_Q2_K>, 4, 3, 2)
DMMV_KERNELS(q3_k, dmmv_q8<ADA_Q3_K>, 4, 3, 2)
