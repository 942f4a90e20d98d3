/* quant_recipe.c - the recipes, and the roles of tensors by their names. */
#include "model/quant_recipe.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "model/dtype.h"
#include "model/gguf.h"
#include "util/err.h"

static const struct quant_recipe recipes[] = {
	{"q8_0", 7, ZINC_Q8_0, ZINC_Q8_0, ZINC_Q8_0, ZINC_Q8_0},
	{"q4_0", 2, ZINC_Q4_0, ZINC_Q4_0, ZINC_Q6_K, ZINC_Q4_0},
	{"q4_k_m", 15, ZINC_Q4_K, ZINC_Q6_K, ZINC_Q6_K, ZINC_Q5_K},
	{"q5_k_m", 17, ZINC_Q5_K, ZINC_Q6_K, ZINC_Q6_K, ZINC_Q5_K},
	{"q6_k", 18, ZINC_Q6_K, ZINC_Q6_K, ZINC_Q6_K, ZINC_Q6_K},
};

enum { N_RECIPES = sizeof(recipes) / sizeof(recipes[0]) };

/* With this many experts attention is a small part of the file, and its keys
 * and values are kept in eight bits. */
enum { FEW_EXPERTS = 8 };

enum role {
	ROLE_KEPT, /* norms, routers, convolutions: small, or too delicate */
	ROLE_PLAIN,
	ROLE_HEAD,
	ROLE_EMBED,
	ROLE_ATTN_VALUE,
	ROLE_ATTN_KEY,
	ROLE_ATTN_OUTPUT,
	ROLE_FFN_DOWN
};

/* What the choices depend on besides the tensor itself. */
struct model_facts {
	const struct quant_recipe *recipe;
	uint32_t n_layer, n_expert;
	uint32_t n_value; /* tensors with ROLE_ATTN_VALUE */
	bool has_head;
};

const struct quant_recipe *quant_recipe_find(const char *name)
{
	for (int i = 0; i < N_RECIPES; i++)
		if (!strcasecmp(recipes[i].name, name))
			return &recipes[i];
	return NULL;
}

const char *quant_recipe_names(void)
{
	return "q8_0, q4_0, q4_k_m, q5_k_m, q6_k";
}

/* "blk.7.attn_v.weight": 7, and the rest; -1 outside the blocks. */
static int32_t layer_of(const char *name, const char **rest)
{
	int layer = -1, used = 0;

	*rest = name;
	if (sscanf(name, "blk.%d.%n", &layer, &used) != 1 || !used)
		return -1;
	*rest = name + used;
	return layer;
}

static bool ends_in(const char *s, const char *end)
{
	size_t n = strlen(s), m = strlen(end);

	return n >= m && !strcmp(s + n - m, end);
}

static bool is_kept(const struct gguf_tensor *t, const char *name)
{
	static const char *const exact[] = {"ssm_conv1d.weight", "per_layer_model_proj.weight",
	                                    "position_embd.weight", "token_types.weight"};

	if (!ends_in(name, "weight") || ends_in(name, "_norm.weight"))
		return true;
	if (t->ne[1] == 1 && t->ne[2] == 1 && t->ne[3] == 1)
		return true;
	if (!strncmp(name, "ffn_gate_inp", strlen("ffn_gate_inp")))
		return true;
	for (size_t i = 0; i < sizeof(exact) / sizeof(exact[0]); i++)
		if (!strcmp(name, exact[i]))
			return true;
	return false;
}

static enum role role_of(const struct gguf_tensor *t)
{
	static const struct {
		const char *name;
		enum role role;
	} names[] = {
		{"output.weight", ROLE_HEAD},
		{"token_embd.weight", ROLE_EMBED},
		{"per_layer_token_embd.weight", ROLE_EMBED},
		{"attn_v.weight", ROLE_ATTN_VALUE},
		{"attn_qkv.weight", ROLE_ATTN_VALUE},
		{"attn_k.weight", ROLE_ATTN_KEY},
		{"attn_output.weight", ROLE_ATTN_OUTPUT},
	};
	const char *name;

	layer_of(t->name, &name);
	if (is_kept(t, name))
		return ROLE_KEPT;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (!strcmp(name, names[i].name))
			return names[i].role;
	if (!strncmp(name, "ffn_down", strlen("ffn_down")))
		return ROLE_FFN_DOWN;
	return ROLE_PLAIN;
}

/* The first and last eighth of the layers, and every third between. */
static bool wants_more(uint32_t i, uint32_t n)
{
	return i < n / 8 || i >= 7 * n / 8 || (i - n / 8) % 3 == 2;
}

/* How many value projections come before this one, by layer. */
static uint32_t value_rank(const struct gguf *g, const struct gguf_tensor *t)
{
	const char *rest;
	int32_t layer = layer_of(t->name, &rest);
	uint32_t rank = 0;

	for (uint64_t i = 0; i < gguf_n_tensors(g); i++) {
		const struct gguf_tensor *other = gguf_tensor_at(g, i);

		if (role_of(other) == ROLE_ATTN_VALUE && layer_of(other->name, &rest) < layer)
			rank++;
	}
	return rank;
}

static uint32_t wanted_type(const struct model_facts *m, const struct gguf *g,
                            const struct gguf_tensor *t)
{
	const struct quant_recipe *r = m->recipe;
	bool few = m->n_expert == FEW_EXPERTS;
	const char *rest;

	switch (role_of(t)) {
	case ROLE_KEPT: return t->dtype;
	case ROLE_HEAD: return r->head;
	case ROLE_EMBED: return m->has_head ? r->base : r->head;
	case ROLE_ATTN_KEY: return few ? ZINC_Q8_0 : r->base;
	case ROLE_ATTN_OUTPUT: return few ? r->attn_output_few_experts : r->base;
	case ROLE_ATTN_VALUE:
		if (few)
			return ZINC_Q8_0;
		return wants_more(value_rank(g, t), m->n_value) ? r->more : r->base;
	case ROLE_FFN_DOWN:
		return wants_more((uint32_t)layer_of(t->name, &rest), m->n_layer) ? r->more : r->base;
	default: return r->base;
	}
}

/* The nearest type with smaller blocks and no fewer bits. */
static uint32_t next_type(uint32_t dtype)
{
	switch (dtype) {
	case ZINC_Q4_K: return ZINC_Q5_0;
	case ZINC_Q5_K: return ZINC_Q5_1;
	case ZINC_Q6_K: return ZINC_Q8_0;
	default: return ZINC_F16;
	}
}

static bool is_plain(uint32_t dtype)
{
	return dtype == ZINC_F32 || dtype == ZINC_F16 || dtype == ZINC_BF16;
}

static uint32_t arch_u32(const struct gguf *g, const char *suffix)
{
	struct gguf_str arch;
	char key[256];
	uint32_t v = 0;

	if (gguf_get_str(g, "general.architecture", 0, &arch) || arch.n > 128)
		return 0;
	snprintf(key, sizeof(key), "%.*s.%s", (int)arch.n, arch.ptr, suffix);
	return gguf_get_u32(g, key, 0, &v) ? 0 : v;
}

static struct model_facts read_facts(const struct quant_recipe *r, const struct gguf *g)
{
	struct model_facts m = {.recipe = r, .n_layer = arch_u32(g, "block_count"),
	                        .n_expert = arch_u32(g, "expert_count")};

	for (uint64_t i = 0; i < gguf_n_tensors(g); i++) {
		enum role role = role_of(gguf_tensor_at(g, i));

		m.n_value += role == ROLE_ATTN_VALUE;
		m.has_head |= role == ROLE_HEAD;
	}
	return m;
}

int quant_recipe_plan(const struct quant_recipe *r, const struct gguf *g,
                      struct quant_choice *choices, struct zinc_err *err)
{
	struct model_facts m = read_facts(r, g);

	for (uint64_t i = 0; i < gguf_n_tensors(g); i++) {
		const struct gguf_tensor *t = gguf_tensor_at(g, i);
		uint32_t wanted = wanted_type(&m, g, t), dtype = wanted;

		while (dtype != t->dtype && !dtype_row_bytes(dtype, t->ne[0]))
			dtype = next_type(dtype);
		if (dtype != t->dtype && !is_plain(t->dtype))
			return err_set(err, ZINC_E_UNSUPPORTED,
			               "tensor %s is %s already and cannot become %s; give the F16, BF16 "
			               "or F32 file of this model",
			               t->name, dtype_name(t->dtype), dtype_name(dtype));
		choices[i].dtype = dtype;
		choices[i].fallback = dtype != wanted;
	}
	return ZINC_OK;
}
