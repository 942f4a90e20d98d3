/* rope.h - RoPE frequencies, as trained or stretched for longer contexts.
 *
 * Linear scaling divides every frequency by one factor. YaRN (Peng et al., 2023,
 * section 3) divides the slow ones and leaves the fast ones alone, with a ramp
 * between them, and makes the scores larger by a temperature. */
#ifndef ARCH_COMMON_ROPE_H
#define ARCH_COMMON_ROPE_H

#include "keys.h"

struct arch_rope {
	float factor;      /* frequencies are divided by it; 1: as trained      */
	float unstretched; /* how much of that the fast frequencies are spared:
	                    * 0 linear scaling, usually 1 YaRN                  */
	/* Turns over the trained context: with more than `fast` a frequency is
	 * spared, with fewer than `slow` it is not. */
	float fast, slow;
	uint32_t n_ctx; /* trained context */
	float gain;     /* of the rotated lanes of q and of k; 1: none */
};

/* Reads rope.scaling; a kind that is not known is refused by its name. n_ctx:
 * the trained context of files that do not tell it there. */
struct arch_rope keys_rope(struct arch_keys *k, uint32_t n_ctx);
/* The same where only linear scaling has a meaning. */
struct arch_rope keys_rope_linear(struct arch_keys *k);

/* Frequency i of n_rot/2. rope NULL: as trained. */
double rope_freq(const struct arch_rope *rope, uint32_t n_rot, double base, uint32_t i);

#endif
