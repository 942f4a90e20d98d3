/* key.h - one typed character for libedit, without losing a Ctrl-C. */
#ifndef CORE_CLI_KEY_H
#define CORE_CLI_KEY_H

#include <histedit.h>
#include <wchar.h>

/* An el_rfunc_t for EL_GETCFN. Returns 1 with *key set, 0 at the end of the input,
 * -1 with errno EINTR when interrupt_pending(). SIGINT is held back except while
 * the terminal is waited for, so one that comes just before the wait ends it too. */
int key_read(EditLine *el, wchar_t *key);

#endif
