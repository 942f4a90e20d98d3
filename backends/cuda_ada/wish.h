/* wish.h - checking the backend's options. */
#ifndef ADA_WISH_H
#define ADA_WISH_H

#include "ada.h"

/* ZINC_E_INVALID, with a line, where an option has a value that means nothing. */
int ada_wishes_check(const struct zinc_host *host, struct zinc_err *err);

#endif
