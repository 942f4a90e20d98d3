/* rig.h - a model on a backend, for end-to-end tests.
 *
 * ZINC_TEST_BACKEND names the backend's id; without it, the CPU's.
 * ZINC_TEST_OPTIONS: options for plugins, PLUGIN.KEY=VALUE[,PLUGIN.KEY=VALUE].
 * ZINC_TEST_SHARD=I/K runs every Kth part of a test, from the Ith on: one test in K
 * processes, for slow devices with many cores beside them. */
#ifndef TESTS_E2E_RIG_H
#define TESTS_E2E_RIG_H

#include <stdbool.h>
#include <stdint.h>

#include "run/engine.h"

struct plug;
struct plug_registry;
struct model;

struct rig {
	struct plug_registry *reg;
	struct model *model;
	struct engine *engine;
};

/* Defaults for tests: F32 cache, numerics F32, all_logits off. */
struct engine_config rig_config(void);

/* Can the backend run here? If not, says why; the test then exits with 77. */
bool rig_has_backend(void);

/* Asked once for each part of a test, always in the same order: is it to run here? */
bool rig_mine(void);
/* What main() returns: failed, and not 0 if every part was for others. */
int rig_result(int failed);

/* Fails the test with the message when anything goes wrong. */
void rig_open(struct rig *r, const char *path, const struct engine_config *c);
/* On what wrap() makes of the backend; it must outlive the rig. */
void rig_open_wrapped(struct rig *r, const char *path, const struct engine_config *c,
                      const struct plug *(*wrap)(const struct plug *backend));
void rig_close(struct rig *r);

/* Runs ids through one new sequence; logits: n_ids * n_vocab floats, all rows
 * (the engine must have all_logits). hidden may be NULL, else
 * [n_layer + 1][n_ids][n_embd]. */
void rig_logits(struct rig *r, const int32_t *ids, uint32_t n, float *logits, float *hidden);

/* Runs until the sequence has logits. */
void rig_run(struct rig *r, struct seq *s);

/* The largest logit's token; where the engine looks for the best ones, that must be
 * the first of them. */
int32_t rig_choose(const struct rig *r, struct seq *s);
/* n greedy tokens after ids. */
void rig_greedy(struct rig *r, const int32_t *ids, uint32_t n_ids, int32_t *out, uint32_t n);

uint32_t rig_argmax(const float *x, uint32_t n);
double rig_max_abs(const float *a, const float *b, size_t n);
double rig_rms(const float *a, const float *b, size_t n);

/* Every .gguf of a folder, sorted; the test fails when there is none. */
char **rig_list(const char *dir, uint32_t *n);
void rig_list_free(char **list, uint32_t n);

/* The folder of F16 fixtures, or NULL when ZINC_FIXTURES does not name it. */
const char *rig_f16_dir(void);

#endif
