/* quant_recipe.h - which element type each tensor of a file gets.
 *
 * A recipe has a base type and says where more bits are worth their bytes: the
 * head (or the embedding when it serves as the head too), and the value and
 * down projections of some layers. The choices are those that people expect
 * under these names, so that files can be compared. */
#ifndef CORE_MODEL_QUANT_RECIPE_H
#define CORE_MODEL_QUANT_RECIPE_H

#include <stdbool.h>
#include <zinc/status.h>

struct gguf;

struct quant_recipe {
	const char *name;
	uint32_t file_type;  /* value of general.file_type                    */
	uint32_t base;       /* enum zinc_dtype                               */
	uint32_t more;       /* value and down projections of some layers     */
	uint32_t head;
	uint32_t attn_output_few_experts; /* models of FEW_EXPERTS experts    */
};

/* By name, case-insensitive; NULL: unknown. */
const struct quant_recipe *quant_recipe_find(const char *name);
/* "q8_0, q4_0, ..." */
const char *quant_recipe_names(void);

/* What becomes of one tensor. */
struct quant_choice {
	uint32_t dtype; /* of the new file                                    */
	bool fallback;  /* the rows are no multiple of the wanted type's block */
};

/* Fills one choice per tensor of g. A tensor that is quantised already, and not
 * of the type it should get, is an error. */
int quant_recipe_plan(const struct quant_recipe *r, const struct gguf *g,
                      struct quant_choice *choices, struct zinc_err *err);

#endif
