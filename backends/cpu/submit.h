/* submit.h - running command lists, and timelines. Backend table entries. */
#ifndef CPU_SUBMIT_H
#define CPU_SUBMIT_H

#include "cpu.h"

/* Work is done when this returns, so a wait for a point that only this thread
 * could signal never ends. */
int cpu_submit(struct zinc_dev *dev, const struct zinc_submit *s, struct zinc_err *err);

int cpu_tl_create(struct zinc_dev *dev, uint64_t initial, struct zinc_timeline **out);
int cpu_tl_wait(struct zinc_timeline *tl, uint64_t value, uint64_t timeout_ns);
int cpu_tl_value(struct zinc_timeline *tl, uint64_t *out);
void cpu_tl_free(struct zinc_timeline *tl);
/* A lower value changes nothing: a timeline only grows. */
void cpu_tl_signal(struct zinc_timeline *tl, uint64_t value);

#endif
