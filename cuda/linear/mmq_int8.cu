/* mmq_int8.cu - int8 tiles by weight type. Q2_K is not among them: its minima are for
 * 16 elements, sums of activations for 32. */
#include "mmq_int8.cuh"

MMQ_INT8(q8_0, ADA_Q8_0, 2)
MMQ_INT8(q4_0, ADA_Q4_0, 2)
MMQ_INT8(q4_1, ADA_Q4_1, 2)
MMQ_INT8(q5_0, ADA_Q5_0, 2)
MMQ_INT8(q5_1, ADA_Q5_1, 2)
MMQ_INT8(q3_k, ADA_Q3_K, 2)
MMQ_INT8(q4_k, ADA_Q4_K, 2)
MMQ_INT8(q5_k, ADA_Q5_K, 2)
MMQ_INT8(q6_k, ADA_Q6_K, 2)
MMQ_INT8(iq4_nl, ADA_IQ4_NL, 2)
MMQ_INT8(iq4_xs, ADA_IQ4_XS, 2)
MMQ_INT8(mxfp4, ADA_MXFP4, 2)
