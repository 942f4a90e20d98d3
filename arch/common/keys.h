/* keys.h - reading a model's metadata, with complete checks and one sentence
 * for whatever is wrong.
 *
 * The first failure sticks: later readers return their smallest legal value and
 * say nothing, so that open() reads every key in a row and asks once. Key names
 * are given without the architecture's prefix ("block_count" for
 * "llama.block_count"). */
#ifndef ARCH_COMMON_KEYS_H
#define ARCH_COMMON_KEYS_H

#include <stdbool.h>
#include <zinc/arch.h>

/* No real model comes near these; they keep every product of two of them (and
 * of the three in a recurrent state) inside 32 bits. */
enum arch_limit {
	ARCH_MAX_LAYERS = 1024,
	ARCH_MAX_CONTEXT = 1 << 28,
	ARCH_MAX_EMBD = 1 << 17,
	ARCH_MAX_FF = 1 << 20,
	ARCH_MAX_HEADS = 1 << 12,
	ARCH_MAX_HEAD_DIM = 1 << 12,
	ARCH_MAX_EXPERTS = 1 << 12,
	ARCH_MAX_VOCAB = 1 << 24
};

struct arch_keys {
	const struct zinc_arch_host *host;
	const struct zinc_meta *meta;
	const char *arch;     /* general.architecture: the prefix of the keys */
	struct zinc_err *err;
	int status;           /* ZINC_OK, or the first failure                */
};

/* Finds general.architecture among names (NULL-terminated). */
void keys_begin(struct arch_keys *k, const struct zinc_arch_host *host,
                const struct zinc_meta *meta, const char *const *names, struct zinc_err *err);

/* Makes `status` the failure, unless there is one already. */
__attribute__((format(printf, 3, 4))) void keys_fail(struct arch_keys *k, int status,
                                                     const char *fmt, ...);

bool keys_has(const struct arch_keys *k, const char *key);
bool keys_has_tensor(const struct arch_keys *k, const char *name);

/* A number in min..max; the second form returns `absent` without the key. */
uint32_t keys_u32(struct arch_keys *k, const char *key, uint32_t min, uint32_t max);
uint32_t keys_u32_or(struct arch_keys *k, const char *key, uint32_t min, uint32_t max,
                     uint32_t absent);
/* A finite number in min..max. */
float keys_f32(struct arch_keys *k, const char *key, float min, float max);
float keys_f32_or(struct arch_keys *k, const char *key, float min, float max, float absent);
bool keys_bool_or(struct arch_keys *k, const char *key, bool absent);
/* False without the key. The string is not terminated. */
bool keys_str(struct arch_keys *k, const char *key, const char **out, uint64_t *n);

struct keys_range {
	uint32_t n;        /* blocks in the file                        */
	uint32_t min, max; /* of every value                            */
	bool array_only;   /* else one number may stand for all         */
};

/* A number (or bool, 0 or 1) per block: an array of exactly range.n. */
void keys_per_layer(struct arch_keys *k, const char *key, struct keys_range range, uint32_t *out);

/* What every attention has: n_head is a multiple of n_head_kv. */
void keys_check_heads(struct arch_keys *k, uint32_t n_head, uint32_t n_head_kv);
/* key_length and value_length (with suffix "" or "_swa"), which must agree;
 * without the key `absent`, and 0 there makes the key required. */
uint32_t keys_head_dim(struct arch_keys *k, const char *suffix, uint32_t absent);
/* Rotated lanes of a head: even, at most head_dim; absent: all of them. */
uint32_t keys_n_rot(struct arch_keys *k, const char *suffix, uint32_t head_dim);

#endif
