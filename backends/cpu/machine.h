/* machine.h - what the operating system says of this machine. */
#ifndef CPU_MACHINE_H
#define CPU_MACHINE_H

#include <stddef.h>
#include <stdint.h>

/* The CPU's name, always terminated; "CPU" when unknown. */
void machine_cpu_name(char *out, size_t room);

/* Threads worth starting: the physical cores that this process may run on, and
 * no more than its control group's CPU quota pays for. At least 1. */
uint32_t machine_threads(void);

/* Threads that can run at once: all CPUs that this process may run on, within
 * the same quota. At least 1. */
uint32_t machine_cpus(void);

/* Bytes of memory in all, and bytes that can be had without swapping. */
void machine_memory(uint64_t *total, uint64_t *available);

#endif
