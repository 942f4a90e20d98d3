/* peaks.h - what this machine reaches at most. Backend table entry. */
#ifndef CPU_PEAKS_H
#define CPU_PEAKS_H

#include "cpu.h"

int cpu_dev_peaks(struct zinc_dev *dev, const struct zinc_span *spans, uint32_t n_spans,
                  struct zinc_peaks *out, struct zinc_err *err);

#endif
