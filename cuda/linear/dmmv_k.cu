/* dmmv_k.cu - products for few columns, class Q8: the types of Q4_K_M and Q5_K_M
 * files. */
#include "dmmv_ring.cuh"

DMMV_RING(q4_k, ADA_Q4_K)
DMMV_RING(q5_k, ADA_Q5_K)
DMMV_RING(q6_k, ADA_Q6_K)

DMMV_COLUMNS(q4_k, dmmv_q8<ADA_Q4_K>, 3, 2, 1)
DMMV_COLUMNS(q5_k, dmmv_q8<ADA_Q5_K>, 3, 2, 2)
DMMV_COLUMNS(q6_k, dmmv_q8<ADA_Q6_K>, 3, 2, 2)
