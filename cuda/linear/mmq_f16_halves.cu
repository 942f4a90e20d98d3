/* mmq_f16_halves.cu - F16 tiles for superblocks with a scale for every 16 weights. */
#include "mmq_f16.cuh"

MMQ_F16(q2_k, ADA_Q2_K, 16, 4)
MMQ_F16(q2_k, ADA_Q2_K, 64, 3)
MMQ_F16(q2_k, ADA_Q2_K, 128, 2)

MMQ_F16(q3_k, ADA_Q3_K, 16, 4)
MMQ_F16(q3_k, ADA_Q3_K, 64, 2)
MMQ_F16(q3_k, ADA_Q3_K, 128, 2)

MMQ_F16(q6_k, ADA_Q6_K, 16, 3)
MMQ_F16(q6_k, ADA_Q6_K, 64, 2)
MMQ_F16(q6_k, ADA_Q6_K, 128, 2)
