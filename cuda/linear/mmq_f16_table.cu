/* mmq_f16_table.cu - F16 tiles for weights whose nibbles choose from a table. */
#include "mmq_f16.cuh"

MMQ_F16(iq4_nl, ADA_IQ4_NL, 16, 4)
MMQ_F16(iq4_nl, ADA_IQ4_NL, 64, 3)
MMQ_F16(iq4_nl, ADA_IQ4_NL, 128, 2)

MMQ_F16(iq4_xs, ADA_IQ4_XS, 16, 4)
MMQ_F16(iq4_xs, ADA_IQ4_XS, 64, 3)
MMQ_F16(iq4_xs, ADA_IQ4_XS, 128, 2)

MMQ_F16(mxfp4, ADA_MXFP4, 16, 4)
MMQ_F16(mxfp4, ADA_MXFP4, 64, 3)
MMQ_F16(mxfp4, ADA_MXFP4, 128, 2)
