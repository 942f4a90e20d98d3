/* isa.h - which instruction sets this machine and its kernel offer. */
#ifndef CPU_ISA_H
#define CPU_ISA_H

#include "cpu.h"

/* The best one that may be used here. */
enum cpu_isa isa_detect(void);

/* "plain", "avx2", "avx512"; "plain", "neon", "dotprod". */
const char *isa_name(enum cpu_isa isa);
/* false: no such name. */
bool isa_by_name(const char *name, enum cpu_isa *out);

#endif
