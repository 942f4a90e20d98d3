/* elf_symbols.h - which symbols a shared object exports and wants. */
#ifndef KIT_ELF_SYMBOLS_H
#define KIT_ELF_SYMBOLS_H

#include <stdbool.h>

/* fn for every named dynamic symbol; false: not a file that this can read. */
bool elf_each_symbol(const char *path, void (*fn)(void *ctx, const char *name, bool defined),
                     void *ctx);

#endif
