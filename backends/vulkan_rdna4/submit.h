/* submit.h - starting recorded lists. */
#ifndef RDNA4_SUBMIT_H
#define RDNA4_SUBMIT_H

#include "rdna4.h"

/* The preludes that bring the parameters of each submit to the device. */
int rdna4_ring_create(struct zinc_dev *dev, struct rdna4_ring **out, struct zinc_err *err);
void rdna4_ring_destroy(struct rdna4_ring *ring); /* NULL ok */

int rdna4_submit(struct zinc_dev *dev, const struct zinc_submit *s, struct zinc_err *err);

#endif
