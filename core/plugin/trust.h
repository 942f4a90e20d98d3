/* trust.h - may code be loaded from this path?
 *
 * A path is trusted when nobody but root and the effective user can change what
 * it leads to: each component, of the path as written and of everything its
 * symbolic links lead to, is owned by one of the two and writable by nobody
 * else. A shared sticky directory of root's (/tmp) may stand above a directory
 * of ours, never directly above a file. */
#ifndef CORE_PLUGIN_TRUST_H
#define CORE_PLUGIN_TRUST_H

#include <stddef.h>

/* path is absolute. ZINC_OK; ZINC_E_INVALID when it is not trusted, with the
 * component and the remedy in why; ZINC_E_IO when it cannot be followed. */
int trust_check(const char *path, char *why, size_t room);

#endif
