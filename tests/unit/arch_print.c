/* arch_print.c - a recorded op as one line of text:
 *   op OUTPUT... = INPUT... scalars
 * An activation is named by its number, with its shape (slowest dimension
 * first) and, where it is a window on another, "+offset/strides" in elements.
 * Inputs but the first are named by their field. */
#include <inttypes.h>
#include <string.h>

#include "arch_graph.h"
#include "model/dtype.h"

static uint32_t rank(const struct zinc_view *v)
{
	uint32_t n = ZINC_MAX_DIMS;

	while (n > 1 && v->ne[n - 1] == 1)
		n--;
	return n;
}

static bool packed(const struct zinc_view *v)
{
	uint64_t nb = dtype_row_bytes(v->dtype, v->ne[0]);

	for (int i = 1; i < ZINC_MAX_DIMS; nb *= v->ne[i], i++)
		if (v->ne[i] > 1 && v->nb[i] != nb)
			return false;
	return true;
}

void graph_print_view(struct zinc_graph *g, const struct zinc_view *v)
{
	struct zinc_buf *b = v->buf;
	bool part = memcmp(v->ne, b->whole.ne, sizeof(v->ne)) != 0;

	if (!b->name[0])
		snprintf(b->name, sizeof(b->name), "t%u", g->n_named++);
	fputs(b->name, g->out);
	if (b->kind != FAKE_TEMP && !part)
		return;
	for (uint32_t i = rank(v); i-- > 0;)
		fprintf(g->out, "%c%u", i + 1 == rank(v) ? '[' : ',', v->ne[i]);
	fputc(']', g->out);
	/* Offsets of block types are given in rows. */
	bool plain = v->dtype < ZINC_Q8_0;
	if (v->off)
		fprintf(g->out, "+%" PRIu64 "%s", v->off / (plain ? v->nb[0] : v->nb[1]),
		        plain ? "" : "rows");
	if (packed(v) || !plain)
		return;
	for (uint32_t i = rank(v); i-- > 1;)
		fprintf(g->out, "%c%" PRIu64, i + 1 == rank(v) ? '/' : ',', v->nb[i] / v->nb[0]);
}

static void print_act(struct zinc_graph *g, uint32_t act)
{
	static const char *const names[] = {"none", "silu", "gelu_tanh"};

	if (act)
		fprintf(g->out, " act=%s", act < 3 ? names[act] : "?");
}

static void print_scalars(struct zinc_graph *g, uint32_t op, const void *desc)
{
	const struct zinc_op_embed *embed = desc;
	const struct zinc_op_linear *linear = desc;
	const struct zinc_op_rope_dual *rope = desc;
	const struct zinc_op_flash_attn *attn = desc;
	const struct zinc_op_moe_route *route = desc;
	const struct zinc_op_delta_net *delta = desc;

	switch (op) {
	case ZINC_OP_EMBED:
		if (embed->scale != 0)
			fprintf(g->out, " scale=%.6g", (double)embed->scale);
		break;
	case ZINC_OP_LINEAR:
		if (linear->scale != 0)
			fprintf(g->out, " scale=%.6g", (double)linear->scale);
		print_act(g, linear->act);
		break;
	case ZINC_OP_RMSNORM:
		fprintf(g->out, " eps=%g", (double)((const struct zinc_op_rmsnorm *)desc)->eps);
		break;
	case ZINC_OP_ROPE_DUAL:
		fprintf(g->out, " n_rot=%u %s", rope->n_rot,
		        rope->mode == ZINC_ROPE_NEOX ? "neox" : "interleaved");
		break;
	case ZINC_OP_FLASH_ATTN:
		fprintf(g->out, " scale=%.6g window=%u softcap=%g", (double)attn->scale,
		        attn->window, (double)attn->softcap);
		break;
	case ZINC_OP_GLU: print_act(g, ((const struct zinc_op_glu *)desc)->act); break;
	case ZINC_OP_SCALE:
	case ZINC_OP_SOFTCAP:
		fprintf(g->out, " value=%.6g", (double)((const struct zinc_op_unary *)desc)->value);
		break;
	case ZINC_OP_CONV1D: print_act(g, ((const struct zinc_op_conv1d *)desc)->act); break;
	case ZINC_OP_MOE_ROUTE:
		fprintf(g->out, " k=%u gating=%u%s", route->k, route->gating,
		        route->flags & ZINC_ROUTE_RENORM ? " renorm" : "");
		break;
	case ZINC_OP_DELTA_NET:
		fprintf(g->out, " %s q_scale=%.6g l2_eps=%g",
		        delta->head_map == ZINC_DELTA_TILED ? "tiled" : "grouped",
		        (double)delta->q_scale, (double)delta->l2_eps);
		break;
	default: break;
	}
}

/* Tables that say nothing about the model are left out. */
static bool is_batch_table(const struct op_field *f)
{
	return !strcmp(f->name, "tok_seq") || !strcmp(f->name, "tok_pos") ||
	       !strcmp(f->name, "pos") || !strcmp(f->name, "seq_first") ||
	       !strcmp(f->name, "seq_kv_len") || !strcmp(f->name, "state_slot");
}

void graph_print(struct zinc_graph *g, uint32_t op, const void *desc)
{
	const struct op_layout *l = op_layout(op);
	bool first = true;

	if (!l || g->result.n_problems)
		return;
	fputs(l->name, g->out);
	for (const struct op_field *f = l->fields; f->name; f++)
		if ((f->flags & (OP_OUT | OP_IN)) == OP_OUT && op_view(desc, f)->buf) {
			fputc(' ', g->out);
			graph_print_view(g, op_view(desc, f));
		}
	fputs(" =", g->out);
	for (const struct op_field *f = l->fields; f->name; f++) {
		if (!(f->flags & OP_IN) || !op_view(desc, f)->buf || is_batch_table(f))
			continue;
		fputc(' ', g->out);
		if (!first)
			fprintf(g->out, "%s=", f->name);
		first = false;
		graph_print_view(g, op_view(desc, f));
	}
	print_scalars(g, op, desc);
	const struct zinc_u32 *n = (const void *)((const char *)desc + l->n_off);
	fprintf(g->out, " n=%s\n", n->slot == ZINC_SLOT_N_OUT ? "out" : "tokens");
}
