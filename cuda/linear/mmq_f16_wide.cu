/* mmq_f16_wide.cu - F16 tiles for weights of 8 and 16 bits. Those of 16 fill too many
 * registers for 128 columns. */
#include "mmq_f16.cuh"

MMQ_F16(q8_0, ADA_Q8_0, 16, 3)
MMQ_F16(q8_0, ADA_Q8_0, 64, 2)
MMQ_F16(q8_0, ADA_Q8_0, 128, 2)

MMQ_F16(f16, ADA_F16, 16, 3)
MMQ_F16(f16, ADA_F16, 64, 2)

MMQ_F16(bf16, ADA_BF16, 16, 3)
MMQ_F16(bf16, ADA_BF16, 64, 2)
