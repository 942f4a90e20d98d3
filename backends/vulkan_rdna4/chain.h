/* chain.h - lists whose dispatches wait for each other by counters in memory instead of
 * by barriers; shaders/common/chain.glsl is the device's half and has the reasons. */
#ifndef RDNA4_CHAIN_H
#define RDNA4_CHAIN_H

#include "cmd.h"

/* Whether this device's lists are chained, by the option `chain`. */
int rdna4_chain_open(struct zinc_dev *dev, struct zinc_err *err);
void rdna4_chain_close(struct zinc_dev *dev);

/* Finds out what each step of a complete list waits for. A list of many operations, one
 * with a profile, or one of another device's stays as it is. */
void rdna4_chain_plan(struct zinc_cmd *cmd);
/* [any] Behind a wait for the device: an error, once, where a chained list gave up
 * waiting; lists are ordered by barriers from then on. */
int rdna4_chain_check(struct zinc_dev *dev);

#endif
