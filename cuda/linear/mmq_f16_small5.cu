/* mmq_f16_small5.cu - F16 tiles for Q5_0 and Q5_1. */
#include "mmq_f16.cuh"

MMQ_F16(q5_0, ADA_Q5_0, 16, 4)
MMQ_F16(q5_0, ADA_Q5_0, 64, 3)
MMQ_F16(q5_0, ADA_Q5_0, 128, 2)

MMQ_F16(q5_1, ADA_Q5_1, 16, 4)
MMQ_F16(q5_1, ADA_Q5_1, 64, 2)
MMQ_F16(q5_1, ADA_Q5_1, 128, 2)
