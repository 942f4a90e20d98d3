/* wish.h - checking the backend's options. */
#ifndef RDNA4_WISH_H
#define RDNA4_WISH_H

#include "rdna4.h"

/* ZINC_E_INVALID, with a line, where an option of some words has another. */
int rdna4_wishes_check(const struct zinc_host *host, struct zinc_err *err);

#endif
