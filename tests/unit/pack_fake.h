/* pack_fake.h - a backend that packs Q8_0 weights with padded rows, computes
 * nothing and remembers what it was asked. */
#ifndef TESTS_PACK_FAKE_H
#define TESTS_PACK_FAKE_H

#include <stdbool.h>
#include <zinc/device.h>

enum {
	PACK_LAYOUT = 77,
	PACK_ROW = 48,   /* bytes from row to row where the file has 34 */
	PACK_FILL = 0xee /* between rows                                */
};

enum { PACK_MAX_ASKED = 16, PACK_MAX_LINEAR = 8 };

struct pack_asked {
	struct zinc_weight_use use;
	uint32_t layout;
	const void *src; /* weight_pack() only */
};

extern struct pack_fake {
	/* Set by a test before the engine is made. */
	bool imports;
	bool discrete;    /* a device with memory of its own                    */
	bool free_sums;   /* its variants order sums their own way              */
	uint32_t fail_layout_of, fail_pack_of; /* ne[1] of the weight; 0: none */
	uint32_t fail_after;    /* fail_pack_of waits for so many that are packed */
	uint64_t fail_alloc_of; /* bytes of ZINC_MEM_DEVICE; 0: none              */
	/* At any time. */
	bool decline_packed; /* what supports() says of packed weights */

	struct pack_asked layout[PACK_MAX_ASKED], pack[PACK_MAX_ASKED];
	uint32_t n_layout, n_pack, n_packed;
	struct zinc_op_linear linear[PACK_MAX_LINEAR]; /* as record() got them */
	uint32_t n_linear;
	uint32_t n_bufs; /* alive */
} pack_fake;

extern const struct zinc_backend pack_backend;

/* weight_pack() waits until it has been allowed to run so many times more; without a
 * call, it does not wait. pack_free() lets all through, until setup. */
void pack_hold(void);
void pack_allow(uint32_t times);
void pack_free(void);

/* n bytes of a buffer of this backend; the test fails when they are outside. */
const unsigned char *pack_bytes(const struct zinc_buf *buf, uint64_t off, uint64_t n);

#endif
