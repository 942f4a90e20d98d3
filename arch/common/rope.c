/* rope.c - reading rope.scaling, and the frequencies that it means. */
#include "rope.h"

#include <math.h>
#include <string.h>

enum kind { NONE, LINEAR, YARN };

static const struct arch_rope as_trained = {.factor = 1.0f, .gain = 1.0f};

static enum kind read_kind(struct arch_keys *k, bool yarn)
{
	static const char *const names[] = {[NONE] = "none", [LINEAR] = "linear", [YARN] = "yarn"};
	const char *type;
	uint64_t n;

	/* Without a type the factor alone means linear scaling. */
	if (!keys_str(k, "rope.scaling.type", &type, &n))
		return LINEAR;
	for (int i = NONE; i <= (yarn ? YARN : LINEAR); i++)
		if (n == strlen(names[i]) && memcmp(type, names[i], n) == 0)
			return (enum kind)i;
	keys_fail(k, ZINC_E_UNSUPPORTED,
	          "metadata key %s.rope.scaling.type is \"%.*s\", and only linear%s scaling is "
	          "known here: take the file without the long-context extension",
	          k->arch, n < 32 ? (int)n : 32, type, yarn ? " and yarn" : "");
	return NONE;
}

/* What the paper recommends (section 3.4): sqrt(1/t) = 0.1 ln(s) + 1. */
static float usual_gain(float factor, float weight)
{
	return factor <= 1.0f ? 1.0f : 0.1f * weight * logf(factor) + 1.0f;
}

static float read_gain(struct arch_keys *k, const struct arch_rope *rope)
{
	const float weight = keys_f32_or(k, "rope.scaling.yarn_log_multiplier", 0.0f, 100.0f, 0.0f);
	float gain = 1.0f;

	if (rope->unstretched > 0.0f)
		gain = usual_gain(rope->factor, 1.0f) / usual_gain(rope->factor, weight);
	/* Some converters write the whole gain here, others what it is to be
	 * multiplied with. */
	const float own = keys_f32_or(k, "rope.scaling.yarn_attn_factor", 1e-3f, 1e3f, 1.0f);

	if (fabsf(own - 1.0f) > 1e-4f && fabsf(own - gain) > 1e-4f)
		keys_fail(k, ZINC_E_UNSUPPORTED,
		          "metadata key %s.rope.scaling.yarn_attn_factor is %g, which has two "
		          "meanings unless it is 1 or %.4f: write rope.scaling.attn_factor "
		          "instead, by which the latter is multiplied",
		          k->arch, (double)own, (double)gain);
	return gain * keys_f32_or(k, "rope.scaling.attn_factor", 1e-3f, 1e3f, 1.0f);
}

static struct arch_rope read_yarn(struct arch_keys *k, uint32_t n_ctx)
{
	struct arch_rope rope = {.factor = keys_f32(k, "rope.scaling.factor", 1e-3f, 1e6f)};

	rope.n_ctx = keys_u32_or(k, "rope.scaling.original_context_length", 1, ARCH_MAX_CONTEXT,
	                         n_ctx);
	rope.unstretched = keys_f32_or(k, "rope.scaling.yarn_ext_factor", 0.0f, 1.0f, 1.0f);
	rope.fast = keys_f32_or(k, "rope.scaling.yarn_beta_fast", 1e-3f, 1e6f, 32.0f);
	rope.slow = keys_f32_or(k, "rope.scaling.yarn_beta_slow", 1e-3f, 1e6f, 1.0f);
	if (rope.fast < rope.slow)
		keys_fail(k, ZINC_E_INVALID,
		          "metadata key %s.rope.scaling.yarn_beta_fast (%g) is less than "
		          "yarn_beta_slow (%g)",
		          k->arch, (double)rope.fast, (double)rope.slow);
	rope.gain = read_gain(k, &rope);
	return rope;
}

static struct arch_rope read_scaling(struct arch_keys *k, enum kind kind, uint32_t n_ctx)
{
	struct arch_rope rope = as_trained;

	if (kind == YARN)
		return read_yarn(k, n_ctx);
	if (kind == LINEAR)
		rope.factor = keys_f32_or(k, "rope.scaling.factor", 1e-3f, 1e6f, 1.0f);
	return rope;
}

struct arch_rope keys_rope(struct arch_keys *k, uint32_t n_ctx)
{
	return read_scaling(k, read_kind(k, true), n_ctx);
}

struct arch_rope keys_rope_linear(struct arch_keys *k)
{
	return read_scaling(k, read_kind(k, false), 0);
}

/* The index, between two frequencies, of the one that turns so often over the
 * trained context. */
static double index_of_turns(const struct arch_rope *rope, uint32_t n_rot, double base,
                             double turns)
{
	const double pi = 3.14159265358979323846;

	return n_rot * log(rope->n_ctx / (turns * 2 * pi)) / (2 * log(base));
}

/* 0 for frequencies that are spared, 1 for those that are stretched. The ends
 * of the ramp are whole indices, as in the paper's program. fmin() and fmax()
 * drop the NaN of a base of 1. */
static double ramp(const struct arch_rope *rope, uint32_t n_rot, double base, uint32_t i)
{
	const double low = fmax(floor(index_of_turns(rope, n_rot, base, rope->fast)), 0);
	const double high =
		fmin(ceil(index_of_turns(rope, n_rot, base, rope->slow)), n_rot - 1.0);

	return fmin(fmax((i - low) / fmax(high - low, 1e-3), 0), 1);
}

double rope_freq(const struct arch_rope *rope, uint32_t n_rot, double base, uint32_t i)
{
	const double freq = pow(base, -2.0 * i / n_rot);
	double spared = 0;

	if (!rope)
		return freq;
	if (rope->unstretched > 0)
		spared = rope->unstretched * (1 - ramp(rope, n_rot, base, i));
	return freq / rope->factor * (1 - spared) + freq * spared;
}
