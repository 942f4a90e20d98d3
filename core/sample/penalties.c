/* penalties.c - repetition, presence and frequency penalties. */
#include "sample/chain.h"
#include "sample/sample.h"

void penalties_apply(const struct sample_config *c, struct window w, float *logits, uint32_t *mark)
{
	for (size_t i = 0; i < w.n; i++)
		mark[w.id[i]]++;
	for (size_t i = 0; i < w.n; i++) {
		int32_t id = w.id[i];
		float *l = &logits[id];

		if (mark[id] == 0)
			continue;
		*l = *l > 0.0f ? *l / c->repeat_penalty : *l * c->repeat_penalty;
		*l -= c->presence_penalty + (float)mark[id] * c->frequency_penalty;
		mark[id] = 0;
	}
}
