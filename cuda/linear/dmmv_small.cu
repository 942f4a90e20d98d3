/* dmmv_small.cu - products for few columns, class Q8: the types with blocks of 32.
 * A unit of Q8_0 is twice as long. */
#include "dmmv.cuh"

DMMV_KERNELS(q8_0, dmmv_q8<ADA_Q8_0>, 3, 2, 1)
DMMV_KERNELS(q4_0, dmmv_q8<ADA_Q4_0>, 4, 3, 2)
DMMV_KERNELS(q4_1, dmmv_q8<ADA_Q4_1>, 4, 3, 2)
DMMV_KERNELS(q5_0, dmmv_q8<ADA_Q5_0>, 4, 3, 2)
DMMV_KERNELS(q5_1, dmmv_q8<ADA_Q5_1>, 4, 3, 2)
