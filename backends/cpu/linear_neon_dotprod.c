/* linear_neon_dotprod.c - class Q8 with the dot products of ARMv8.2. */
#define DOT4 vdotq_s32
#define LIN_ISA lin_neon_dotprod
#include "linear_neon_q8.h"
