/* op_run.h - runs one op of a backend: opens the backend with a given
 * instruction set and number of threads, makes guarded buffers, records,
 * submits and reads back. Everything goes through the backend's public table.
 *
 * Failures are cmocka assertions. */
#ifndef CONFORMANCE_OP_RUN_H
#define CONFORMANCE_OP_RUN_H

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <zinc/plugin.h>
#include <zinc/view.h>

enum { RUN_MAX_BUFS = 64 };

/* Instruction sets under test: those of enum cpu_isa, by number. SIMDE is the AVX-512 code compiled for emulated
 * vectors, where the build found SIMDe. */
enum run_isa { RUN_PLAIN, RUN_AVX2, RUN_AVX512, RUN_AVX512_SIMDE, RUN_ISA_COUNT };

struct op_run {
	enum run_isa isa;
	const char *isa_name;
	uint32_t n_threads;
	char threads_text[8];
	struct zinc_host host;
	void *self;
	const struct zinc_backend *backend;
	struct zinc_dev *dev;
	struct zinc_buf *bufs[RUN_MAX_BUFS];
	uint64_t sizes[RUN_MAX_BUFS];
	uint32_t n_bufs;
	int64_t n_allocs; /* live allocations of the host's allocator       */
	int64_t fail_at;  /* this allocation from now on fails; 0: none     */
};

/* False when this machine or build lacks the instruction set. */
bool run_open(struct op_run *r, enum run_isa isa, uint32_t n_threads);
/* Frees all buffers and asserts that nothing leaked. */
void run_close(struct op_run *r);
/* Frees the buffers made so far, for the next case. */
void run_reset(struct op_run *r);

/* fn once for every instruction set at hand with 1 and with 3 threads, closing
 * after each; a set that is missing is named in a line. */
void run_everywhere(void (*fn)(struct op_run *));

/* For every instruction set: fn fills n floats with 1 and with 4 threads, the
 * same bits. */
void run_threads_agree(void (*fn)(struct op_run *, float *out), size_t n);

/* test_FN(), a cmocka test that runs FN everywhere. */
#define EVERYWHERE(fn)                                                                             \
	static void test_##fn(void **state)                                                        \
	{                                                                                          \
		(void)state;                                                                       \
		run_everywhere(fn);                                                                \
	}

/* A dense view in a buffer of its own, with guard bytes on either side. All
 * bytes are 0xff: NaN in every float type, so what is read before it was
 * written shows. */
struct zinc_view run_view(struct op_run *r, uint32_t dtype, uint32_t ne0, uint32_t ne1,
                          uint32_t ne2, uint32_t ne3);
/* The same, filled; NULL data: zeros. */
struct zinc_view run_view_f32(struct op_run *r, const float *data, uint32_t ne0, uint32_t ne1,
                              uint32_t ne2);
struct zinc_view run_view_i32(struct op_run *r, const int32_t *data, uint32_t ne0, uint32_t ne1);

/* Between a view of any strides and a dense array of its rows. */
void run_put(struct op_run *r, const struct zinc_view *v, const void *dense);
void run_get(struct op_run *r, const struct zinc_view *v, void *dense);

/* Values of the parameter slots. */
struct run_params {
	uint32_t slot[ZINC_SLOT_COUNT];
};

struct run_params run_step(uint32_t n_tokens, uint32_t n_seqs);

const struct zinc_op_impl *run_impl(const struct op_run *r, uint32_t op);
/* supports() of the op's variant. */
int run_supports(const struct op_run *r, uint32_t op, const void *desc, uint32_t variant);
/* Records and runs one op; then no guard byte has changed. */
void run_op(struct op_run *r, uint32_t op, const void *desc, uint32_t variant,
            const struct run_params *p);

#endif
