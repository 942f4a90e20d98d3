/* choice.h - which way a matrix product of many columns goes: what was measured on this
 * GPU, or else what its makers' measurements suggest.
 *
 * Up to 8 columns every product is dmmv's, so that tokens of sequences that decode
 * together keep the bits they have alone. The choice is among the ways from 9 columns
 * on, where a run that allows the free classes has no such promise; a run that asks for
 * one strict class has dmmv alone, whatever was measured. */
#ifndef ADA_CHOICE_H
#define ADA_CHOICE_H

#include "linear.h"

enum ada_way {
	ADA_WAY_DMMV,    /* 8 columns at a time, weights read again for each 8 */
	ADA_WAY_TILES,   /* mmq_tile.c                                         */
	ADA_WAY_LIBRARY, /* mmq_gemm.c                                         */
	ADA_N_WAYS
};

/* One measured product. */
struct ada_choice {
	uint32_t type, rows, k, cols;
	uint32_t ns[ADA_N_WAYS]; /* of one product; 0: not a way for it */
};

enum { ADA_CHOICES_MAX = 1024 };

struct ada_choices {
	uint32_t n;
	bool measuring; /* then every product goes `forced` */
	enum ada_way forced;
	struct ada_choice list[ADA_CHOICES_MAX];
};

/* Where this device's table is kept; all but the last is part of the key. */
struct ada_choice_key {
	char device[64], driver[64], plugin[32];
	char path[4096]; /* "": nowhere */
};

/* [dev] Reads or measures the table as option "tune" says, when a device is opened.
 * Without a table, dev->choices stays NULL and nothing is lost but speed. */
void ada_choices_init(struct zinc_dev *dev);
void ada_choices_finish(struct zinc_dev *dev);

/* [any] The way of a product; all ways that can take it are told apart by it. */
enum ada_way ada_choice_of(struct zinc_dev *dev, const struct zinc_op_linear *op);
/* [any] Would the library be the fastest if w had an F16 copy (dense.h)? */
bool ada_choice_wants_copy(struct zinc_dev *dev, const struct zinc_op_linear *op);
/* [any] Does that come from a measurement? */
bool ada_choice_is_measured(struct zinc_dev *dev, const struct zinc_op_linear *op);
/* [any] The measurement nearest to it with weights of that type, NULL where there is
 * none. */
const struct ada_choice *ada_choice_near(const struct ada_choices *all,
                                         const struct zinc_op_linear *op, uint32_t type);
enum ada_way ada_choice_fastest(const struct ada_choice *c);

/* choice_file.c. ZINC_E_IO: there is no file, or it cannot be written; ZINC_E_INVALID:
 * it is damaged, or of another device, driver or version. */
void ada_choice_find_path(const struct zinc_host *host, struct ada_choice_key *key);
int ada_choices_read(const struct ada_choice_key *key, struct ada_choices *out);
int ada_choices_write(const struct ada_choice_key *key, const struct ada_choices *all);
/* "q4_k  8192 x  8192, 16 columns: dmmv 31.2 us, tiles 28.0 us" */
void ada_choice_print(const struct ada_choice *c, char *text, size_t n);

/* choice_measure.c. all->measuring while it lasts. sample: two small products, to see
 * that it works. */
int ada_choices_measure(struct zinc_dev *dev, struct ada_choices *all, bool sample,
                        struct zinc_err *err);

#endif
