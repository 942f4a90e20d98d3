/* dmmv_table.cu - products for few columns, class Q8: nibbles that index a table
 * of 16 values. */
#include "dmmv.cuh"

DMMV_KERNELS(iq4_nl, dmmv_q8<ADA_IQ4_NL>, 4, 3, 2)
DMMV_KERNELS(iq4_xs, dmmv_q8<ADA_IQ4_XS>, 4, 3, 2)
DMMV_KERNELS(mxfp4, dmmv_q8<ADA_MXFP4>, 4, 3, 2)
