/* sampling.h - the sampler's configuration from options and the model file. */
#ifndef CORE_CLI_SAMPLING_H
#define CORE_CLI_SAMPLING_H

#include "sample/sample.h"
#include "token/tok.h"

struct model;
struct options;

/* config points into the other fields. */
struct sampling {
	struct sample_config config;
	struct sample_bias *bias;
	struct tok_ids breakers;
};

/* What the options alone say, checked: an error here is wrong usage. Without
 * --seed, a seed is drawn. */
int sampling_init(struct sampling *s, const struct options *o, struct zinc_err *err);
/* Where the user chose nothing, what the file recommends (general.sampling.*),
 * and the tokens of the DRY breakers. */
int sampling_add_model(struct sampling *s, const struct options *o, const struct model *m,
		       struct zinc_err *err);
void sampling_finish(struct sampling *s);

#endif
