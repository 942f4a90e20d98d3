/* dmmv_k.cu - products for few columns, class Q8: the types of Q4_K_M and Q5_K_M
 * files. */
#include "dmmv.cuh"

DMMV_KERNELS(q4_k, dmmv_q8<ADA_Q4_K>, 4, 3, 2)
DMMV_KERNELS(q5_k, dmmv_q8<ADA_Q5_K>, 4, 3, 2)
DMMV_KERNELS(q6_k, dmmv_q8<ADA_Q6_K>, 4, 3, 2)

DMMV_WIDE(q4_k, dmmv_q8<ADA_Q4_K>, 3)
DMMV_WIDE(q5_k, dmmv_q8<ADA_Q5_K>, 2)
DMMV_WIDE(q6_k, dmmv_q8<ADA_Q6_K>, 2)
