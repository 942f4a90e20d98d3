/* reference.h - a fixture's JSON and reference files (see fixtures/README.md). */
#ifndef TESTS_E2E_REFERENCE_H
#define TESTS_E2E_REFERENCE_H

#include <stdint.h>

struct reference {
	int32_t *prompt, *long_prompt, *greedy;
	uint32_t n_prompt, n_long, n_greedy;
	uint32_t n_vocab, n_embd, n_layer;
	float *logits;      /* [n_prompt][n_vocab]                     */
	float *long_logits; /* [n_long][n_vocab] or NULL               */
	float *hidden;      /* [n_layer + 1][n_prompt][n_embd] or NULL */
	double peer_rms;    /* the peer's deviation from exact, 0: not given */
	/* The same on its prompt and on models_prompt() with the seeds 1, 2, ...; NULL:
	 * not given */
	double *peer_by_prompt;
	uint32_t n_peer;
};

/* model: path of the .gguf; the JSON and .bin files stand beside it. Fails the
 * test when something is missing. Returns 0 when there is no JSON for it. */
int reference_open(struct reference *r, const char *model);
void reference_close(struct reference *r);

#endif
