/* sampling.c - sampler settings: the user's, else the model file's, else ours. */
#include "cli/sampling.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "cli/options.h"
#include "model/gguf.h"
#include "model/model.h"
#include "run/generate.h"
#include "util/err.h"

/* "ID=X"; X may be -inf. */
static int parse_bias(const char *text, struct sample_bias *out, struct zinc_err *err)
{
	char *end;
	long id = strtol(text, &end, 10);

	if (text[0] >= '0' && text[0] <= '9' && *end == '=' && id <= INT32_MAX) {
		const char *value = end + 1;

		out->id = (int32_t)id;
		out->bias = strtof(value, &end);
		if (end != value && !*end && out->bias < INFINITY)
			return ZINC_OK;
	}
	return err_set(err, ZINC_E_INVALID,
		       "--logit-bias: '%s' is not of the form ID=X, X a number or -inf", text);
}

static int parse_biases(struct sampling *s, const struct options *o, struct zinc_err *err)
{
	int rc = ZINC_OK;

	if (!o->logit_bias.n)
		return ZINC_OK;
	s->bias = calloc(o->logit_bias.n, sizeof(*s->bias));
	if (!s->bias)
		return err_set(err, ZINC_E_NO_MEMORY, "no memory for the options");
	for (size_t i = 0; i < o->logit_bias.n && !rc; i++)
		rc = parse_bias(o->logit_bias.v[i], &s->bias[i], err);
	s->config.bias = s->bias;
	s->config.n_bias = o->logit_bias.n;
	return rc;
}

static uint64_t draw_seed(void)
{
	uint64_t seed;

	if (getrandom(&seed, sizeof(seed), 0) == sizeof(seed))
		return seed >> 32; /* short enough to be typed again */
	return (uint64_t)time(NULL);
}

/* --greedy and --temp say the same thing; the stronger source wins. */
static bool greedy_wins(const struct options *o)
{
	return o->greedy && opt_source_of(o, "greedy") >= opt_source_of(o, "temp");
}

int sampling_init(struct sampling *s, const struct options *o, struct zinc_err *err)
{
	int rc;

	*s = (struct sampling){.config = {
				       .temperature = greedy_wins(o) ? 0.0f : o->temp,
				       .top_k = o->top_k,
				       .top_p = o->top_p,
				       .min_p = o->min_p,
				       .typical_p = o->typical,
				       .penalty_last_n = o->repeat_last_n,
				       .repeat_penalty = o->repeat_penalty,
				       .presence_penalty = o->presence_penalty,
				       .frequency_penalty = o->frequency_penalty,
				       .dry_multiplier = o->dry_multiplier,
				       .dry_base = o->dry_base,
				       .dry_allowed_length = o->dry_allowed_length,
				       .dry_last_n = o->dry_last_n,
				       .seed = opt_source_of(o, "seed") ? o->seed : draw_seed(),
			       }};
	rc = parse_biases(s, o, err);
	return rc ? rc : sample_config_check(&s->config, err);
}

static void from_file_f32(const struct options *o, const char *option, const struct gguf *g,
			  const char *key, float *to)
{
	float v;

	if (!opt_source_of(o, option) && gguf_get_f32(g, key, 0, &v) == ZINC_OK)
		*to = v;
}

/* Files hold these as signed; a negative number means "off" or "all". */
static void from_file_u32(const struct options *o, const char *option, const struct gguf *g,
			  const char *key, uint32_t *to)
{
	int32_t v;

	if (!opt_source_of(o, option) && gguf_get_i32(g, key, 0, &v) == ZINC_OK)
		*to = v > 0 ? (uint32_t)v : 0;
}

static int add_breakers(struct sampling *s, const struct options *o, const struct model *m,
			struct zinc_err *err)
{
	static const char *const usual[] = {"\n", ":", "\"", "*"};
	bool chosen = opt_source_of(o, "dry-breaker") != OPT_DEFAULT;
	const char *const *list = chosen ? (const char *const *)o->dry_breakers.v : usual;

	if (s->config.dry_multiplier == 0.0f)
		return ZINC_OK;
	if (answer_breakers(m->tok, list, chosen ? o->dry_breakers.n : 4, &s->breakers))
		return err_set(err, ZINC_E_NO_MEMORY, "no memory for the DRY breakers");
	s->config.dry_breakers = s->breakers.id;
	s->config.n_dry_breakers = s->breakers.n;
	return ZINC_OK;
}

int sampling_add_model(struct sampling *s, const struct options *o, const struct model *m,
		       struct zinc_err *err)
{
	struct sample_config *c = &s->config;
	const struct gguf *g = m->gguf;
	int rc;

	if (!greedy_wins(o))
		from_file_f32(o, "temp", g, "general.sampling.temp", &c->temperature);
	from_file_u32(o, "top-k", g, "general.sampling.top_k", &c->top_k);
	from_file_f32(o, "top-p", g, "general.sampling.top_p", &c->top_p);
	from_file_f32(o, "min-p", g, "general.sampling.min_p", &c->min_p);
	from_file_u32(o, "repeat-last-n", g, "general.sampling.penalty_last_n", &c->penalty_last_n);
	from_file_f32(o, "repeat-penalty", g, "general.sampling.penalty_repeat",
		      &c->repeat_penalty);
	rc = sample_config_check(c, err);
	if (rc) {
		err_prefix(err, "the model file's general.sampling");
		return rc;
	}
	return add_breakers(s, o, m, err);
}

void sampling_finish(struct sampling *s)
{
	free(s->bias);
	tok_ids_finish(&s->breakers);
}
