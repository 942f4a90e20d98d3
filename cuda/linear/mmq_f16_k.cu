/* mmq_f16_k.cu - F16 tiles for Q4_K and Q5_K. */
#include "mmq_f16.cuh"

MMQ_F16(q4_k, ADA_Q4_K, 16, 4)
MMQ_F16(q4_k, ADA_Q4_K, 64, 3)
MMQ_F16(q4_k, ADA_Q4_K, 128, 2)

MMQ_F16(q5_k, ADA_Q5_K, 16, 3)
MMQ_F16(q5_k, ADA_Q5_K, 64, 2)
MMQ_F16(q5_k, ADA_Q5_K, 128, 2)
