/* keys.c - metadata readers that say what is wrong. */
#include "keys.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base.h"

enum { MAX_KEY = 96 };

void keys_fail(struct arch_keys *k, int status, const char *fmt, ...)
{
	char msg[sizeof(k->err->msg)];
	va_list ap;

	if (k->status != ZINC_OK)
		return;
	va_start(ap, fmt);
	vsnprintf(msg, sizeof(msg), fmt, ap);
	va_end(ap);
	k->status = arch_fail(k->err, status, "%s", msg);
}

static const char *full_name(const struct arch_keys *k, const char *key, char out[MAX_KEY])
{
	snprintf(out, MAX_KEY, "%s.%s", k->arch, key);
	return out;
}

static void missing(struct arch_keys *k, const char *name)
{
	keys_fail(k, ZINC_E_INVALID, "metadata key %s is missing: the file is incomplete", name);
}

static void wrong_type(struct arch_keys *k, const char *name, const char *want)
{
	keys_fail(k, ZINC_E_INVALID, "metadata key %s is not %s: the file is damaged or too new",
	          name, want);
}

void keys_begin(struct arch_keys *k, const struct zinc_arch_host *host,
                const struct zinc_meta *meta, const char *const *names, struct zinc_err *err)
{
	const char *arch = NULL;
	uint64_t n = 0;

	*k = (struct arch_keys){.host = host, .meta = meta, .arch = names[0], .err = err};
	if (host->meta_str(meta, "general.architecture", &arch, &n) != ZINC_OK) {
		missing(k, "general.architecture");
		return;
	}
	for (; *names; names++)
		if (strlen(*names) == n && memcmp(*names, arch, n) == 0) {
			k->arch = *names;
			return;
		}
	keys_fail(k, ZINC_E_UNSUPPORTED,
	          "general.architecture is \"%.*s\", which this plugin does not implement",
	          n < 64 ? (int)n : 64, arch);
}

bool keys_has(const struct arch_keys *k, const char *key)
{
	char name[MAX_KEY];
	uint64_t n;

	return k->host->meta_len(k->meta, full_name(k, key, name), &n) != ZINC_E_UNSUPPORTED;
}

bool keys_has_tensor(const struct arch_keys *k, const char *name)
{
	return k->host->tensor(k->meta, name, NULL) == ZINC_OK;
}

/* False (and noted) unless the key holds exactly one value. */
static bool is_scalar(struct arch_keys *k, const char *name)
{
	uint64_t n = 0;
	int rc = k->host->meta_len(k->meta, name, &n);

	if (rc == ZINC_E_UNSUPPORTED)
		missing(k, name);
	else if (rc != ZINC_OK || n != 1)
		wrong_type(k, name, "a single value");
	return rc == ZINC_OK && n == 1;
}

static uint32_t in_range(struct arch_keys *k, const char *name, uint32_t v, uint32_t min,
                         uint32_t max)
{
	if (v >= min && v <= max)
		return v;
	keys_fail(k, ZINC_E_INVALID, "metadata key %s is %u, outside the possible range %u to %u",
	          name, v, min, max);
	return min;
}

uint32_t keys_u32(struct arch_keys *k, const char *key, uint32_t min, uint32_t max)
{
	char name[MAX_KEY];
	uint32_t v = 0;

	if (!is_scalar(k, full_name(k, key, name)))
		return min;
	if (k->host->meta_u32(k->meta, name, &v) != ZINC_OK) {
		wrong_type(k, name, "a whole number of at most 32 bits");
		return min;
	}
	return in_range(k, name, v, min, max);
}

uint32_t keys_u32_or(struct arch_keys *k, const char *key, uint32_t min, uint32_t max,
                     uint32_t absent)
{
	return keys_has(k, key) ? keys_u32(k, key, min, max) : absent;
}

float keys_f32(struct arch_keys *k, const char *key, float min, float max)
{
	char name[MAX_KEY];
	float v = 0;

	if (!is_scalar(k, full_name(k, key, name)))
		return min;
	if (k->host->meta_f32(k->meta, name, &v) != ZINC_OK) {
		wrong_type(k, name, "a floating-point number");
		return min;
	}
	if (isfinite(v) && v >= min && v <= max)
		return v;
	keys_fail(k, ZINC_E_INVALID, "metadata key %s is %g, outside the possible range %g to %g",
	          name, (double)v, (double)min, (double)max);
	return min;
}

float keys_f32_or(struct arch_keys *k, const char *key, float min, float max, float absent)
{
	return keys_has(k, key) ? keys_f32(k, key, min, max) : absent;
}

bool keys_str(struct arch_keys *k, const char *key, const char **out, uint64_t *n)
{
	char name[MAX_KEY];
	int rc = k->host->meta_str(k->meta, full_name(k, key, name), out, n);

	if (rc != ZINC_OK && rc != ZINC_E_UNSUPPORTED)
		wrong_type(k, name, "a string");
	return rc == ZINC_OK;
}

bool keys_bool_or(struct arch_keys *k, const char *key, bool absent)
{
	char name[MAX_KEY];
	uint32_t v = 0;
	int rc = k->host->meta_bool(k->meta, full_name(k, key, name), &v);

	if (rc == ZINC_E_UNSUPPORTED)
		return absent;
	if (rc != ZINC_OK)
		wrong_type(k, name, "true or false");
	return v != 0;
}

void keys_per_layer(struct arch_keys *k, const char *key, struct keys_range range, uint32_t *out)
{
	char name[MAX_KEY];
	uint64_t len = 0;
	int rc = k->host->meta_len(k->meta, full_name(k, key, name), &len);
	bool for_all = len == 1 && !range.array_only;

	for (uint32_t i = 0; i < range.n; i++)
		out[i] = range.min;
	if (rc == ZINC_E_UNSUPPORTED) {
		missing(k, name);
		return;
	}
	if (rc != ZINC_OK || (!for_all && len != range.n)) {
		keys_fail(k, ZINC_E_INVALID,
		          "metadata key %s has %llu entries, but the model has %u blocks", name,
		          (unsigned long long)len, range.n);
		return;
	}
	for (uint32_t i = 0; i < range.n; i++) {
		if (k->host->meta_u32_at(k->meta, name, for_all ? 0 : i, &out[i]) != ZINC_OK) {
			out[i] = range.min;
			wrong_type(k, name, "made of whole numbers of at most 32 bits");
			return;
		}
		out[i] = in_range(k, name, out[i], range.min, range.max);
	}
}

void keys_check_heads(struct arch_keys *k, uint32_t n_head, uint32_t n_head_kv)
{
	if (n_head_kv == 0 || n_head % n_head_kv != 0)
		keys_fail(k, ZINC_E_INVALID,
		          "metadata keys %s.attention.head_count (%u) and head_count_kv (%u) do "
		          "not divide",
		          k->arch, n_head, n_head_kv);
}

uint32_t keys_head_dim(struct arch_keys *k, const char *suffix, uint32_t absent)
{
	char key[48], value[48];
	uint32_t dim = absent;

	snprintf(key, sizeof(key), "attention.key_length%s", suffix);
	snprintf(value, sizeof(value), "attention.value_length%s", suffix);
	if (absent == 0 || keys_has(k, key))
		dim = keys_u32(k, key, 2, ARCH_MAX_HEAD_DIM);
	if (keys_u32_or(k, value, 2, ARCH_MAX_HEAD_DIM, dim) != dim)
		keys_fail(k, ZINC_E_UNSUPPORTED,
		          "metadata key %s.%s differs from %s: keys and values of different size "
		          "are not part of this architecture",
		          k->arch, value, key);
	return dim;
}

uint32_t keys_n_rot(struct arch_keys *k, const char *suffix, uint32_t head_dim)
{
	char key[48];

	snprintf(key, sizeof(key), "rope.dimension_count%s", suffix);
	uint32_t n = keys_u32_or(k, key, 2, head_dim, head_dim);
	if (n % 2 != 0)
		keys_fail(k, ZINC_E_INVALID,
		          "metadata key %s.%s makes %u lanes of a head turn; they turn in pairs",
		          k->arch, keys_has(k, key) ? key : "attention.key_length", n);
	return n;
}
