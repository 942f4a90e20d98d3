/* hazard.c - what each op reads and writes. */
#include "hazard.h"

#include <stddef.h>
#include <string.h>

#include "cpu.h"

struct field {
	uint16_t off; /* of the view in the descriptor */
	bool write;
};

struct layout {
	const struct field *fields;
	uint32_t n;
};

#define R(T, view) {offsetof(struct T, view), false}
#define W(T, view) {offsetof(struct T, view), true}

static const struct field embed[] = {R(zinc_op_embed, table), R(zinc_op_embed, ids),
                                     W(zinc_op_embed, y)};
static const struct field linear[] = {
	R(zinc_op_linear, w), R(zinc_op_linear, x), W(zinc_op_linear, y), R(zinc_op_linear, ids),
	R(zinc_op_linear, expert_first), R(zinc_op_linear, perm), R(zinc_op_linear, gate_w),
	R(zinc_op_linear, residual)};
static const struct field quant_act[] = {R(zinc_op_quant_act, x), W(zinc_op_quant_act, y)};
static const struct field rmsnorm[] = {
	R(zinc_op_rmsnorm, x), R(zinc_op_rmsnorm, weight), W(zinc_op_rmsnorm, y),
	R(zinc_op_rmsnorm, residual), W(zinc_op_rmsnorm, sum), R(zinc_op_rmsnorm, gate),
	R(zinc_op_rmsnorm, after)};
static const struct field rope_dual[] = {
	R(zinc_op_rope_dual, q), R(zinc_op_rope_dual, k), W(zinc_op_rope_dual, q_out),
	W(zinc_op_rope_dual, k_out), R(zinc_op_rope_dual, pos), R(zinc_op_rope_dual, pos_row),
	R(zinc_op_rope_dual, freqs), R(zinc_op_rope_dual, factors), R(zinc_op_rope_dual, q_norm),
	R(zinc_op_rope_dual, k_norm)};
static const struct field kv_write[] = {
	R(zinc_op_kv_write, k), R(zinc_op_kv_write, v), W(zinc_op_kv_write, k_cache),
	W(zinc_op_kv_write, v_cache), R(zinc_op_kv_write, tok_seq), R(zinc_op_kv_write, tok_pos),
	R(zinc_op_kv_write, block_table)};
static const struct field flash_attn[] = {
	R(zinc_op_flash_attn, q), R(zinc_op_flash_attn, k_cache), R(zinc_op_flash_attn, v_cache),
	W(zinc_op_flash_attn, out), R(zinc_op_flash_attn, tok_seq), R(zinc_op_flash_attn, tok_pos),
	R(zinc_op_flash_attn, seq_first), R(zinc_op_flash_attn, seq_kv_len),
	R(zinc_op_flash_attn, block_table), R(zinc_op_flash_attn, gate)};
static const struct field glu[] = {R(zinc_op_glu, gate), R(zinc_op_glu, up), W(zinc_op_glu, y)};
static const struct field binary[] = {R(zinc_op_binary, a), R(zinc_op_binary, b),
                                      W(zinc_op_binary, y)};
static const struct field unary[] = {R(zinc_op_unary, x), W(zinc_op_unary, y)};
static const struct field sigmoid_gate[] = {
	R(zinc_op_sigmoid_gate, x), R(zinc_op_sigmoid_gate, gate), W(zinc_op_sigmoid_gate, y)};
static const struct field copy[] = {R(zinc_op_copy, x), W(zinc_op_copy, y)};
static const struct field moe_route[] = {
	R(zinc_op_moe_route, logits), W(zinc_op_moe_route, ids), W(zinc_op_moe_route, weights),
	W(zinc_op_moe_route, expert_first), W(zinc_op_moe_route, perm), R(zinc_op_moe_route, bias),
	R(zinc_op_moe_route, expert_scale)};
static const struct field moe_combine[] = {
	R(zinc_op_moe_combine, x), R(zinc_op_moe_combine, weights), W(zinc_op_moe_combine, y),
	R(zinc_op_moe_combine, shared), R(zinc_op_moe_combine, shared_gate),
	R(zinc_op_moe_combine, residual)};
static const struct field conv1d[] = {
	R(zinc_op_conv1d, x), R(zinc_op_conv1d, w), W(zinc_op_conv1d, y), W(zinc_op_conv1d, state),
	R(zinc_op_conv1d, seq_first), R(zinc_op_conv1d, state_slot)};
static const struct field delta_net[] = {
	R(zinc_op_delta_net, q), R(zinc_op_delta_net, k), R(zinc_op_delta_net, v),
	R(zinc_op_delta_net, alpha), R(zinc_op_delta_net, beta), R(zinc_op_delta_net, a),
	R(zinc_op_delta_net, dt), W(zinc_op_delta_net, y), W(zinc_op_delta_net, state),
	R(zinc_op_delta_net, seq_first), R(zinc_op_delta_net, state_slot)};
static const struct field argmax[] = {R(zinc_op_argmax, x), W(zinc_op_argmax, ids)};
static const struct field top_logits[] = {R(zinc_op_top_logits, x), W(zinc_op_top_logits, ids),
                                          W(zinc_op_top_logits, values)};
static const struct field state_copy[] = {W(zinc_op_state_copy, pool)};

#define LAYOUT(fields) {fields, sizeof(fields) / sizeof((fields)[0])}

static const struct layout layouts[ZINC_OP_COUNT] = {
	[ZINC_OP_EMBED] = LAYOUT(embed),
	[ZINC_OP_DMMV] = LAYOUT(linear),
	[ZINC_OP_MMQ] = LAYOUT(linear),
	[ZINC_OP_QUANT_ACT] = LAYOUT(quant_act),
	[ZINC_OP_RMSNORM] = LAYOUT(rmsnorm),
	[ZINC_OP_ROPE_DUAL] = LAYOUT(rope_dual),
	[ZINC_OP_KV_WRITE] = LAYOUT(kv_write),
	[ZINC_OP_FLASH_ATTN] = LAYOUT(flash_attn),
	[ZINC_OP_GLU] = LAYOUT(glu),
	[ZINC_OP_ADD] = LAYOUT(binary),
	[ZINC_OP_MUL] = LAYOUT(binary),
	[ZINC_OP_SCALE] = LAYOUT(unary),
	[ZINC_OP_SOFTCAP] = LAYOUT(unary),
	[ZINC_OP_SIGMOID_GATE] = LAYOUT(sigmoid_gate),
	[ZINC_OP_COPY] = LAYOUT(copy),
	[ZINC_OP_CAST] = LAYOUT(copy),
	[ZINC_OP_MOE_ROUTE] = LAYOUT(moe_route),
	[ZINC_OP_MOE_COMBINE] = LAYOUT(moe_combine),
	[ZINC_OP_CONV1D] = LAYOUT(conv1d),
	[ZINC_OP_DELTA_NET] = LAYOUT(delta_net),
	[ZINC_OP_ARGMAX] = LAYOUT(argmax),
	[ZINC_OP_TOP_LOGITS] = LAYOUT(top_logits),
	[ZINC_OP_STATE_COPY] = LAYOUT(state_copy),
};

void hazard_touch(struct hazard_touch *touch, uintptr_t first, uint64_t bytes, bool write)
{
	uintptr_t end = bytes > UINTPTR_MAX - first ? UINTPTR_MAX : first + (uintptr_t)bytes;

	touch->ranges[touch->n++] = (struct hazard_range){first, end, write};
}

/* From the first byte to behind the last, gaps included, in numbers: what is recorded
 * need not make sense until it runs. A row of blocks may have any stride where there is
 * no second: then it is taken to be longer than it is. */
static void touch_view(struct hazard_touch *touch, const struct zinc_view *v, bool write)
{
	bool plain = v->dtype < ZINC_Q8_0 && !v->layout;
	uint64_t bytes = plain ? v->ne[0] * v->nb[0] : v->nb[1];

	if (!zinc_view_present(v))
		return;
	for (int i = 1; i < ZINC_MAX_DIMS; i++)
		bytes += (v->ne[i] - UINT64_C(1)) * v->nb[i];
	hazard_touch(touch, (uintptr_t)v->buf->base + (uintptr_t)v->off, bytes, write);
}

bool hazard_of(uint32_t op, const void *desc, struct hazard_touch *touch)
{
	const struct layout *l = op < ZINC_OP_COUNT ? &layouts[op] : NULL;

	touch->n = 0;
	if (!l || !l->n)
		return false;
	for (uint32_t i = 0; i < l->n; i++)
		touch_view(touch, (const struct zinc_view *)(const void *)((const uint8_t *)desc +
		                                                           l->fields[i].off),
		           l->fields[i].write);
	return true;
}

static bool collide(const struct hazard_range *a, const struct hazard_range *b)
{
	return (a->write || b->write) && a->first < b->end && b->first < a->end;
}

bool hazard_join(struct hazard *h, const struct hazard_touch *touch)
{
	if (h->n + touch->n > HAZARD_MAX)
		return false;
	for (uint32_t i = 0; i < touch->n; i++)
		for (uint32_t k = 0; k < h->n; k++)
			if (collide(&touch->ranges[i], &h->seen[k]))
				return false;
	memcpy(h->seen + h->n, touch->ranges, touch->n * sizeof(touch->ranges[0]));
	h->n += touch->n;
	return true;
}
