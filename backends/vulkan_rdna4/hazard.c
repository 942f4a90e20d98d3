/* hazard.c - a dispatch must wait when it touches what a dispatch since the
 * last barrier wrote, or writes what one read. */
#include "hazard.h"

#include <string.h>

bool hazard_collide(const struct rdna4_range *a, const struct rdna4_range *b)
{
	return (a->write || b->write) && a->buf == b->buf && a->first < b->end &&
	       b->first < a->end;
}

bool hazard_wrote(const struct hazard *h, const struct zinc_buf *buf)
{
	for (uint32_t i = 0; i < h->n_wrote; i++)
		if (h->wrote[i] == buf)
			return true;
	return h->n_wrote == HAZARD_BUFS;
}

static void remember(struct hazard *h, const struct rdna4_range *ranges, uint32_t n)
{
	memcpy(h->seen + h->n, ranges, n * sizeof(*ranges));
	h->n += n;
	for (uint32_t i = 0; i < n; i++)
		if (ranges[i].write && !hazard_wrote(h, ranges[i].buf))
			h->wrote[h->n_wrote++] = ranges[i].buf;
}

bool hazard_add(struct hazard *h, const struct rdna4_range *ranges, uint32_t n)
{
	bool wait = h->n + n > HAZARD_MAX;

	for (uint32_t i = 0; i < n && !wait; i++)
		for (uint32_t k = 0; k < h->n && !wait; k++)
			wait = hazard_collide(&ranges[i], &h->seen[k]);
	if (wait)
		h->n = 0;
	h->last = h->n;
	remember(h, ranges, n);
	return wait;
}

bool hazard_join(struct hazard *h, const struct rdna4_range *ranges, uint32_t n, bool behind)
{
	uint32_t n_seen = behind ? h->last : h->n;

	if (h->n + n > HAZARD_MAX)
		return false;
	for (uint32_t i = 0; i < n; i++)
		for (uint32_t k = 0; k < n_seen; k++)
			if (hazard_collide(&ranges[i], &h->seen[k]))
				return false;
	remember(h, ranges, n);
	return true;
}

/* From the first byte to behind the last, gaps included. */
static void add_range(struct rdna4_call *call, const struct zinc_view *v, bool write)
{
	bool plain = v->dtype < ZINC_Q8_0 && !v->layout;
	uint64_t bytes = plain ? v->ne[0] * v->nb[0] : v->nb[1];

	if (!zinc_view_present(v))
		return;
	for (int i = 1; i < ZINC_MAX_DIMS; i++)
		bytes += (v->ne[i] - 1) * v->nb[i];
	call->ranges[call->n_ranges++] =
		(struct rdna4_range){v->buf, v->off, v->off + bytes, write};
}

void rdna4_reads(struct rdna4_call *call, const struct zinc_view *v)
{
	add_range(call, v, false);
}

void rdna4_writes(struct rdna4_call *call, const struct zinc_view *v)
{
	add_range(call, v, true);
}
