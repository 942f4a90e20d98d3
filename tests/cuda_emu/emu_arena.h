/* emu_arena.h - memory of the emulated device, and pinned memory of the host.
 *
 * An allocation ends right before a page that may not be touched, and freed
 * memory may not be touched either until the arena has gone round. */
#ifndef EMU_ARENA_H
#define EMU_ARENA_H

#include <stddef.h>
#include <stdint.h>

enum emu_memory { EMU_DEVICE = 0, EMU_PINNED = 1 };

/* 0: no memory. Filled with rubbish, aligned to 256 bytes. */
uintptr_t emu_arena_alloc(enum emu_memory kind, size_t bytes);
/* False where no allocation of this kind begins. */
bool emu_arena_free(enum emu_memory kind, uintptr_t at);
/* Does [at, at + n) lie inside one allocation of this kind? */
bool emu_arena_has(enum emu_memory kind, uintptr_t at, size_t n);
size_t emu_arena_total(); /* of the device */
size_t emu_arena_used();
/* Frees everything; how many allocations there were. */
size_t emu_arena_clear();

#endif
