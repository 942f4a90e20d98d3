/* whole.h - has a shared library all the bytes that the loader will map? */
#ifndef CORE_PLUGIN_WHOLE_H
#define CORE_PLUGIN_WHOLE_H

#include <stdbool.h>

/* False only for a library of this machine's kind whose segments reach beyond the
 * end of the file: the loader would map pages that are not there and die of
 * SIGBUS, or read zeros where it stops within one. Every other flaw is left for
 * dlopen() to name. */
bool library_is_whole(const char *path);

#endif
