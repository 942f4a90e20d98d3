/* case.h - one case of an op: a descriptor, the bytes of everything that it
 * names, and the results that it must give.
 *
 * A case is built on the host. Its tensors are regions: each has an image of
 * what its memory holds before the op, and a mask of what the op may change.
 * Views carry a region in `buf` until the case is bound to a device, and `off`
 * counts from the region's first byte. All memory of a case is freed with it. */
#ifndef KIT_CASE_H
#define KIT_CASE_H

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <zinc/device.h>
#include <zinc/view.h>

#include "conformance/op_check.h"
#include "numbers.h"

enum {
	KIT_DESC_MAX = 2048, /* bytes of a descriptor, a plugin's longer one included */
	KIT_REGIONS = 32,
	KIT_OUTS = 4,
	KIT_TEXT = 320
};

/* What kind of memory a region wants, as the core does it. Weights are copied to
 * the device, or MAPPED: read where the file is, through buf_import(), at the 32
 * bytes that GGUF aligns to. */
enum kit_place { KIT_WEIGHTS, KIT_DATA, KIT_TABLES, KIT_MAPPED, KIT_PLACES };

struct kit_region {
	enum kit_place place;
	uint64_t bytes, at; /* at: where it starts in its place's buffer */
	uint8_t *image;     /* bytes before the op                       */
	uint8_t *may;       /* bytes that the op may change; NULL: none  */
	bool dirty;         /* changed since it was last uploaded        */
	/* A packed weight: image is the file's bytes, `bytes` those of the
	 * backend's layout. */
	bool packed;
	struct zinc_weight_use use;
	uint32_t layout;
};

/* A result. Rows are counted along row_dim, the slowest dimension in use. */
struct kit_out {
	struct zinc_view view; /* live rows only                               */
	uint32_t row_dim;
	uint32_t first;        /* its first row's number among all rows of the case */
	const uint32_t *rows;  /* or the number of each row; NULL: first, first + 1, ... */
};

/* What all rows of a result must be: want, and how far off it may be. A slack
 * of NAN asks nothing. slack8 and slack16 are added for the numerics classes
 * that round; NULL: nothing is. */
struct kit_want {
	uint32_t dtype;
	uint32_t row_elems, n_rows;
	double *want, *slack, *slack8, *slack16;
};

struct kit_case;

struct kit_recipe {
	uint32_t op;
	/* Fills in the descriptor, regions and outs; the first call of a case. */
	void (*build)(struct kit_case *c, const void *shape);
	/* Fills in c->wants; called once, after build() and only if needed. */
	void (*expect)(struct kit_case *c, const void *shape);
	/* Puts the inputs, parameters and outs of submit number i in place; NULL:
	 * one submit, and build() did. False: there is none. */
	bool (*step)(struct kit_case *c, const void *shape, uint32_t i);
};

struct kit_case {
	const struct kit_recipe *recipe;
	const void *shape;
	uint64_t serial; /* no two cases of a run have the same */
	/* 0: the case itself. Others show the same rows in another company (alone,
	 * in steps): where class and row agree, bits must too. build() sets
	 * n_variations to how many there are. */
	uint32_t variation, n_variations;
	bool fused;    /* a backend may decline it                  */
	bool optional; /* so it may for another reason              */
	uint32_t cols; /* n as recorded, for max_cols               */
	uint32_t wtype; /* dtype of the weight, 0xff: none          */
	char text[KIT_TEXT]; /* the shape, for a reader             */

	_Alignas(16) uint8_t desc[KIT_DESC_MAX];
	uint32_t desc_size;
	uint32_t params[ZINC_SLOT_COUNT];
	struct kit_region regions[KIT_REGIONS];
	uint32_t n_regions;
	struct kit_out outs[KIT_OUTS];
	struct kit_want wants[KIT_OUTS];
	uint32_t n_outs;
	void **mem;
	uint32_t n_mem, room_mem;
	void *data; /* the recipe's own */
	struct rnd rnd;
};

struct kit_case *kit_case_create(const struct kit_recipe *r, const void *shape,
                                 uint32_t variation);
void kit_case_destroy(struct kit_case *c);

/* Zeroed memory that lives as long as the case. */
void *kit_alloc(struct kit_case *c, size_t n, size_t size);
float *kit_normal(struct kit_case *c, size_t n, float scale);
float *kit_uniform(struct kit_case *c, size_t n, float lo, float hi);
void kit_text(struct kit_case *c, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The rows that this variation shows of `n` of a case recorded for n_max: all,
 * or a single one, recorded alone. Sets params, cols and n_variations. */
struct kit_rows {
	uint32_t first, n, n_max;
	struct zinc_u32 slot; /* of the descriptor */
};

struct kit_rows kit_rows(struct kit_case *c, uint32_t slot, uint32_t n, uint32_t n_max);

/* A dense tensor in a region of its own, all bytes 0xff: NaN as floats, -1 as
 * indices. */
struct zinc_view kit_tensor(struct kit_case *c, enum kit_place place, uint32_t dtype,
                            uint32_t ne0, uint32_t ne1, uint32_t ne2, uint32_t ne3);
/* An F32 activation [n, d] or, with h, [n, h, d]; pad: elements between rows
 * that belong to nobody. */
struct zinc_view kit_act(struct kit_case *c, uint32_t d, uint32_t h, uint32_t n, uint32_t pad);
/* The same, its first rows filled from dense data. */
struct zinc_view kit_act_of(struct kit_case *c, uint32_t d, uint32_t h, struct kit_rows rows,
                            uint32_t pad, const float *all_rows);
/* A filled vector: F32 or I32. */
struct zinc_view kit_vector(struct kit_case *c, enum kit_place place, uint32_t dtype, uint32_t n,
                            const void *data);
/* Writes dense rows into a view's image. */
void kit_put(const struct zinc_view *v, const void *dense);
/* All bytes 0xff again. */
void kit_poison(const struct zinc_view *v);
/* Allows the op to write all of v. */
void kit_may(struct kit_case *c, const struct zinc_view *v);
struct zinc_view kit_first_rows(struct zinc_view v, uint32_t row_dim, uint32_t n);
/* Declares v, of which the rows `r` of row_dim are live, a result: writable,
 * checked. */
void kit_out(struct kit_case *c, const struct zinc_view *v, uint32_t row_dim, struct kit_rows r);
/* Room for what result `i` must be, slack 0. */
struct kit_want *kit_want(struct kit_case *c, uint32_t i, uint32_t dtype, uint32_t row_elems,
                          uint32_t n_rows);
/* Adds to slack: tol of the root mean square of each `len` elements of want. */
void kit_slack_rows(struct kit_want *w, uint32_t len, double tol);
/* Adds to slack: tol of each element, and floor. */
void kit_slack_elems(struct kit_want *w, double tol, double floor);

#endif
