/* mmq_f16_small4.cu - F16 tiles for Q4_0 and Q4_1. */
#include "mmq_f16.cuh"

MMQ_F16(q4_0, ADA_Q4_0, 16, 4)
MMQ_F16(q4_0, ADA_Q4_0, 64, 3)
MMQ_F16(q4_0, ADA_Q4_0, 128, 2)

MMQ_F16(q4_1, ADA_Q4_1, 16, 4)
MMQ_F16(q4_1, ADA_Q4_1, 64, 3)
MMQ_F16(q4_1, ADA_Q4_1, 128, 2)
