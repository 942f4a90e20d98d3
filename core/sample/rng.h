/* rng.h - the random numbers behind a draw: xoshiro256** of Blackman and Vigna,
 * "Scrambled Linear Pseudorandom Number Generators" (2018), seeded through
 * SplitMix64 (Steele, Lea, Flood: "Fast Splittable Pseudorandom Number
 * Generators", 2014), as its authors advise. */
#ifndef CORE_SAMPLE_RNG_H
#define CORE_SAMPLE_RNG_H

#include <stdint.h>

struct rng {
	uint64_t s[4]; /* never all zero */
};

void rng_seed(struct rng *r, uint64_t seed);
uint64_t rng_next(struct rng *r);
/* Uniform in [0, 1), a multiple of 2^-53. */
double rng_uniform(struct rng *r);

#endif
