/* attn_parts.c - attention cut along the keys: units of one token, a block of heads
 * and a chunk, whose sums a second stage merges. */
#include "attn_parts.h"

#include "shape.h"

/* Chunks that one token can see. */
static uint32_t max_chunks(const struct zinc_op_flash_attn *d)
{
	uint32_t blocks = d->block_table.ne[0];
	uint32_t n = (blocks + ATTN_CHUNK_PAGES - 1) / ATTN_CHUNK_PAGES;
	uint32_t in_window = d->window / (ATTN_CHUNK_PAGES * ZINC_KV_PAGE) + 2;

	return d->window && in_window < n ? in_window : n;
}

/* A part of the chunks variant: one query's sum over one chunk. */
static uint64_t part_floats(const struct zinc_op_flash_attn *d)
{
	return 2 + (uint64_t)attn_dv(d);
}

uint64_t attn_parts_bytes(const struct zinc_op_flash_attn *d)
{
	return (uint64_t)d->n.imm * d->n_head * max_chunks(d) * part_floats(d) * sizeof(float);
}

static float *part_at(const struct cpu_ctx *ctx, const struct zinc_op_flash_attn *d,
                      uint64_t token, uint32_t head, uint32_t chunk)
{
	float *parts = (float *)(void *)(ctx->scratch + ctx->nth * attn_space_bytes(d));

	return parts + ((token * d->n_head + head) * max_chunks(d) + chunk) * part_floats(d);
}

static void store_parts(const struct cpu_ctx *ctx, const struct attn_block *b, uint32_t chunk)
{
	uint32_t dv = attn_dv(b->d);

	for (uint32_t r = 0; r < b->n_heads; r++) {
		const struct kern_query *row = &b->space->rows[r];
		float *part = part_at(ctx, b->d, b->token, b->head + r, chunk);

		part[0] = row->m;
		part[1] = row->l;
		for (uint32_t i = 0; i < dv; i++)
			part[2 + i] = row->acc[i];
	}
}

/* How the heads of a token are cut: KV heads to a block, or blocks to a KV head. */
struct heads {
	uint32_t together, per_kv;
	uint32_t blocks; /* of a token */
};

/* Chunks of all tokens. */
static uint64_t count_chunks(const struct cpu_ctx *ctx, const struct zinc_op_flash_attn *d)
{
	uint64_t chunks = 0;

	for (uint32_t t = 0; t < cpu_live(ctx, d->n); t++) {
		struct attn_range r = attn_chunks(d, t);

		chunks += r.end - r.first;
	}
	return chunks;
}

/* KV heads go together up to 64 KB of a page's keys, as long as every thread has some
 * units. */
static struct heads cut_heads(const struct cpu_ctx *ctx, const struct zinc_op_flash_attn *d)
{
	enum { RUN = 64 << 10, SOME = 3 };
	uint32_t group = d->n_head / d->n_head_kv;
	uint64_t chunks = count_chunks(ctx, d);
	struct heads h = {1, (group + ATTN_MIN_ROWS - 1) / ATTN_MIN_ROWS, 0};

	while (d->n_head_kv % (2 * h.together) == 0 && 2 * h.together * group <= ATTN_MIN_ROWS &&
	       2 * h.together * d->k_cache.nb[2] <= RUN &&
	       chunks * (d->n_head_kv / (2 * h.together)) >= SOME * (uint64_t)ctx->nth)
		h.together *= 2;
	h.blocks = d->n_head_kv / h.together * h.per_kv;
	return h;
}

/* Nanoseconds of a unit, from the keys that the last token sees. */
static uint64_t part_ns(const struct cpu_ctx *ctx, const struct zinc_op_flash_attn *d,
                        const struct heads *h)
{
	const uint32_t chunk = ATTN_CHUNK_PAGES * ZINC_KV_PAGE;
	uint32_t n = cpu_live(ctx, d->n), keys = chunk;
	int32_t pos = n ? cpu_i32(&d->tok_pos, 0)[n - 1] : 0;

	if (pos >= 0 && (uint32_t)pos < keys)
		keys = (uint32_t)pos + 1;
	return 500 + (uint64_t)keys * (attn_dk(d) + attn_dv(d)) * h->together *
	             (2 + d->n_head / d->n_head_kv) / 16;
}

uint64_t attn_parts_cut(const struct cpu_ctx *ctx, const void *desc)
{
	const struct heads h = cut_heads(ctx, desc);

	return shape_cut(ctx, count_chunks(ctx, desc) * h.blocks, part_ns(ctx, desc, &h));
}

/* A unit: block of heads counted over all tokens, chunk of its token. */
struct unit {
	uint32_t block, chunk;
};

static struct unit unit_at(const struct zinc_op_flash_attn *d, const struct heads *h, uint64_t at)
{
	struct unit u = {0, 0};

	for (;; u.block += h->blocks) {
		struct attn_range r = attn_chunks(d, u.block / h->blocks);
		uint64_t chunks = r.end - r.first;

		if (at >= chunks * h->blocks) {
			at -= chunks * h->blocks;
			continue;
		}
		u.block += (uint32_t)(at / chunks);
		u.chunk = r.first + (uint32_t)(at % chunks);
		return u;
	}
}

/* Of n tokens; false behind the last. */
static bool next_unit(const struct zinc_op_flash_attn *d, const struct heads *h, uint32_t n,
                      struct unit *u)
{
	struct attn_range r = attn_chunks(d, u->block / h->blocks);

	if (++u->chunk < r.end)
		return true;
	while (++u->block / h->blocks < n) {
		r = attn_chunks(d, u->block / h->blocks);
		u->chunk = r.first;
		if (r.first < r.end)
			return true;
	}
	return false;
}

static struct attn_block unit_block(const struct cpu_ctx *ctx, const struct zinc_op_flash_attn *d,
                                    const struct heads *h, struct attn_space *space,
                                    const struct unit *u)
{
	uint32_t group = d->n_head / d->n_head_kv, block = u->block % h->blocks;
	uint32_t kv = block / h->per_kv * h->together, sub = block % h->per_kv * ATTN_MIN_ROWS;
	uint32_t left = h->together * group - sub, most = ATTN_MIN_ROWS;

	return attn_token_block(ctx, d, space, u->block / h->blocks, kv * group + sub,
	                        left < most ? left : most);
}

void attn_run_parts(const struct cpu_ctx *ctx, const void *desc)
{
	const struct zinc_op_flash_attn *d = desc;
	const struct heads h = cut_heads(ctx, d);
	struct attn_space space = attn_own_space(ctx, d);
	struct cpu_ctx placed = *ctx;
	struct shape_part part;
	struct unit u;

	placed.piece = shape_in_lanes(ctx);
	part = shape_share(&placed, count_chunks(ctx, d) * h.blocks);
	if (part.first == part.end)
		return;
	u = unit_at(d, &h, part.first);
	for (uint64_t at = part.first; at < part.end; at++) {
		struct attn_block b = unit_block(ctx, d, &h, &space, &u), next;
		uint32_t chunk = u.chunk;

		if (next_unit(d, &h, cpu_live(ctx, d->n), &u)) {
			next = unit_block(ctx, d, &h, &space, &u);
			b.after = attn_start_of(d, next.token, next.kv_head, u.chunk);
		}
		attn_load(&b);
		attn_chunk(&b, chunk);
		store_parts(ctx, &b, chunk - attn_chunks(d, b.token).first);
	}
}

uint64_t attn_merge_cut(const struct cpu_ctx *ctx, const void *desc)
{
	const struct zinc_op_flash_attn *d = desc;
	uint64_t n = cpu_live(ctx, d->n);
	/* Many pieces, however the heads were cut: parts come from other threads' caches. */
	uint64_t ns = n ? count_chunks(ctx, d) / n * d->n_head_kv * attn_dv(d) / 4 : 0;

	return shape_cut(ctx, n * d->n_head, ns);
}

void attn_merge_parts(const struct cpu_ctx *ctx, const void *desc)
{
	const struct zinc_op_flash_attn *d = desc;
	struct attn_space space = attn_own_space(ctx, d);
	struct shape_part share = shape_share(ctx, (uint64_t)cpu_live(ctx, d->n) * d->n_head);

	for (uint64_t i = share.first; i < share.end; i++) {
		uint64_t token = i / d->n_head;
		uint32_t head = (uint32_t)(i % d->n_head);
		struct attn_range r = attn_chunks(d, token);
		struct attn_sum sum = {0};

		for (uint32_t c = r.first; c < r.end; c++) {
			const float *part = part_at(ctx, d, token, head, c - r.first);
			struct attn_sum next = {part[0], part[1]};

			attn_merge(&sum, space.full, &next, part + 2, attn_dv(d));
		}
		attn_finish(d, ctx->dev->kernels, &sum, space.full, token, head);
	}
}
