/* check.c - the rules of op.h, checked once in the core, so that backends may
 * take descriptors as valid and architectures get one clear sentence. */
#include <stdio.h>

#include "graph/graph.h"
#include "graph/schema.h"
#include "model/dtype.h"

struct check {
	char *why;
	size_t room;
	bool bad;
};

static bool same_shape(const struct zinc_view *a, const struct zinc_view *b)
{
	for (int i = 0; i < ZINC_MAX_DIMS; i++)
		if (a->ne[i] != b->ne[i])
			return false;
	return true;
}

/* The first rule that fails is the one reported. */
static void need(struct check *c, bool ok, const char *what)
{
	if (ok || c->bad)
		return;
	c->bad = true;
	snprintf(c->why, c->room, "%s", what);
}

static void need_fields(struct check *c, const struct schema_op *s, const void *desc)
{
	for (uint32_t i = 0; i < s->n_fields; i++) {
		const struct schema_field *f = &s->fields[i];
		const struct zinc_view *v = schema_cview(desc, f);

		if (!c->bad && !v->buf && !(f->flags & SCHEMA_OPT)) {
			c->bad = true;
			snprintf(c->why, c->room, "%s is absent", f->name);
		}
		if (!c->bad && v->buf && (!dtype_info(v->dtype) || !zinc_view_elems(v))) {
			c->bad = true;
			snprintf(c->why, c->room, "%s has no dtype or no elements", f->name);
		}
	}
}

static void need_f32(struct check *c, const struct zinc_view *v, const char *what)
{
	need(c, !v->buf || v->dtype == ZINC_F32, what);
}

/* Rows along the slowest dimension in use. */
static uint32_t rows_of(const struct zinc_view *v)
{
	return v->ne[3] > 1 ? v->ne[3] : v->ne[2] > 1 ? v->ne[2] : v->ne[1];
}

static void check_linear(struct check *c, const struct zinc_op_linear *d)
{
	bool experts = d->ids.buf != NULL;
	uint32_t k = d->ids.ne[0];

	need(c, d->w.ne[0] == d->x.ne[0], "rows of w and of x differ in length");
	need(c, d->w.ne[1] == d->y.ne[0], "w's rows are not y's lanes");
	need_f32(c, &d->x, "x must be F32");
	need_f32(c, &d->y, "y must be F32");
	need(c, (d->gate_w.buf != NULL) == (d->act != ZINC_ACT_NONE), "gate_w and act go together");
	need(c, !d->gate_w.buf || same_shape(&d->gate_w, &d->w), "gate_w's shape is not w's");
	need(c, !d->residual.buf || same_shape(&d->residual, &d->y),
	     "residual's shape is not y's");
	if (!experts) {
		need(c, d->w.ne[2] == 1, "w has experts but ids is absent");
		need(c, d->y.ne[1] >= d->n.imm && d->x.ne[1] >= d->n.imm,
		     "fewer rows than n in x or y");
		return;
	}
	need(c, d->expert_first.buf && d->perm.buf, "ids without expert_first and perm");
	need(c, d->expert_first.ne[0] == d->w.ne[2] + 1, "expert_first's length is not n_expert + 1");
	need(c, d->y.ne[1] == k && d->y.ne[2] >= d->n.imm, "y must be [n, k, M]");
	need(c, (d->x.ne[2] == 1 && d->x.ne[1] >= d->n.imm) ||
	        (d->x.ne[1] == k && d->x.ne[2] >= d->n.imm), "x must be [n, K] or [n, k, K]");
}

static void check_rmsnorm(struct check *c, const struct zinc_op_rmsnorm *d)
{
	need(c, same_shape(&d->x, &d->y), "x and y differ in shape");
	need(c, !d->weight.buf || (d->weight.dtype == ZINC_F32 && d->weight.ne[0] == d->x.ne[0]),
	     "weight must be F32 of x's row length");
	need(c, (d->residual.buf != NULL) == (d->sum.buf != NULL), "residual and sum go together");
	need(c, !d->residual.buf || (same_shape(&d->residual, &d->x) && same_shape(&d->sum, &d->x)),
	     "residual or sum differ from x in shape");
	need(c, !d->gate.buf || same_shape(&d->gate, &d->x), "gate's shape is not x's");
	need(c, !d->after.buf || same_shape(&d->after, &d->x), "after's shape is not x's");
	need(c, rows_of(&d->x) >= d->n.imm, "fewer rows than n");
	need(c, d->eps >= 0, "eps is negative");
}

static void check_rope(struct check *c, const struct zinc_op_rope_dual *d)
{
	need(c, same_shape(&d->q, &d->q_out), "q and q_out differ in shape");
	need(c, (d->k.buf != NULL) == (d->k_out.buf != NULL), "k and k_out go together");
	need(c, !d->k.buf || same_shape(&d->k, &d->k_out), "k and k_out differ in shape");
	need(c, d->q.ne[2] >= d->n.imm, "q must be [n, n_head, q_head_dim]");
	need(c, !d->k.buf || d->k.ne[2] >= d->n.imm, "k must be [n, n_head_kv, k_head_dim]");
	need(c, d->n_rot % 2 == 0 && d->n_rot <= d->q.ne[0], "n_rot is odd or longer than a head");
	need(c, !d->k.buf || d->n_rot <= d->k.ne[0], "n_rot is longer than a head of k");
	need(c, d->freqs.ne[0] >= d->n_rot / 2, "freqs is shorter than n_rot / 2");
	need(c, !d->factors.buf || d->factors.ne[0] >= d->n_rot / 2,
	     "factors is shorter than n_rot / 2");
	need(c, d->pos.dtype == ZINC_I32, "pos must be I32");
	need(c, d->mode <= ZINC_ROPE_INTERLEAVED, "mode is unknown");
	need(c, !d->q_norm.buf || d->q_norm.ne[0] == d->q.ne[0], "q_norm is not of q_head_dim");
	need(c, !d->k_norm.buf || (d->k.buf && d->k_norm.ne[0] == d->k.ne[0]),
	     "k_norm is not of k_head_dim");
}

static void check_kv_write(struct check *c, const struct zinc_op_kv_write *d)
{
	need(c, d->k.ne[0] == d->k_cache.ne[0] && d->v.ne[0] == d->v_cache.ne[0],
	     "head dims of the rows and of the cache differ");
	need(c, d->k.ne[1] == d->k_cache.ne[2] && d->v.ne[1] == d->v_cache.ne[2],
	     "KV heads of the rows and of the cache differ");
	need(c, d->k.ne[2] >= d->n.imm && d->v.ne[2] >= d->n.imm, "fewer rows than n");
	need(c, d->k_cache.ne[1] == ZINC_KV_PAGE && d->v_cache.ne[1] == ZINC_KV_PAGE,
	     "a cache page is not ZINC_KV_PAGE tokens");
}

static void check_attn(struct check *c, const struct zinc_op_flash_attn *d)
{
	need(c, d->q.ne[0] == d->q_head_dim, "q's head dim is not q_head_dim");
	need(c, d->k_cache.ne[0] == d->kv_head_dim, "the K cache's head dim is not kv_head_dim");
	need(c, d->out.ne[0] == d->v_cache.ne[0], "out's head dim is not the V cache's");
	need(c, d->q.ne[1] == d->n_head && d->out.ne[1] == d->n_head, "q or out lack heads");
	need(c, d->n_head_kv && d->n_head % d->n_head_kv == 0,
	     "n_head is no multiple of n_head_kv");
	need(c, d->k_cache.ne[2] == d->n_head_kv && d->v_cache.ne[2] == d->n_head_kv,
	     "the cache's heads are not n_head_kv");
	need(c, d->q.ne[2] >= d->n.imm && d->out.ne[2] >= d->n.imm, "fewer rows than n");
	need(c, !d->gate.buf || same_shape(&d->gate, &d->out), "gate's shape is not out's");
}

static void check_conv1d(struct check *c, const struct zinc_op_conv1d *d)
{
	need(c, same_shape(&d->x, &d->y), "x and y differ in shape");
	need(c, d->w.ne[1] == d->x.ne[0], "w's channels are not x's");
	need(c, d->state.ne[0] == (d->w.ne[0] - 1) * d->x.ne[0], "the state is not (K-1)*C long");
	need(c, d->act == ZINC_ACT_NONE || d->act == ZINC_ACT_SILU, "act must be none or silu");
}

static void check_delta(struct check *c, const struct zinc_op_delta_net *d)
{
	uint32_t nv = d->v.ne[1], nk = d->k.ne[1];

	need(c, same_shape(&d->q, &d->k), "q and k differ in shape");
	need(c, same_shape(&d->v, &d->y), "v and y differ in shape");
	need(c, nk && nv % nk == 0, "n_v_head is no multiple of n_k_head");
	need(c, d->alpha.ne[0] == nv && d->beta.ne[0] == nv && d->a.ne[0] == nv &&
	        d->dt.ne[0] == nv, "alpha, beta, a or dt are not n_v_head long");
	need(c, (uint64_t)d->state.ne[0] == (uint64_t)nv * d->k.ne[0] * d->v.ne[0],
	     "the state is not n_v_head * d_k * d_v long");
	need(c, d->head_map <= ZINC_DELTA_GROUPED, "head_map is unknown");
}

static void check_route(struct check *c, const struct zinc_op_moe_route *d)
{
	uint32_t n_expert = d->logits.ne[0];

	need(c, d->k >= 1 && d->k <= n_expert, "k is 0 or more than the experts");
	need(c, d->ids.ne[0] == d->k && d->weights.ne[0] == d->k, "ids or weights are not [n, k]");
	need(c, d->ids.dtype == ZINC_I32 && d->expert_first.dtype == ZINC_I32 &&
	        d->perm.dtype == ZINC_I32, "ids, expert_first and perm must be I32");
	need(c, d->expert_first.ne[0] == n_expert + 1, "expert_first is not n_expert + 1 long");
	need(c, zinc_view_elems(&d->perm) >= (uint64_t)d->n.imm * d->k, "perm is shorter than n*k");
	need(c, d->gating <= ZINC_GATING_SIGMOID, "gating is unknown");
	need(c, !d->bias.buf || d->bias.ne[0] == n_expert, "bias is not n_expert long");
	need(c, !d->expert_scale.buf || d->expert_scale.ne[0] == n_expert,
	     "expert_scale is not n_expert long");
}

static void check_combine(struct check *c, const struct zinc_op_moe_combine *d)
{
	need(c, d->x.ne[0] == d->y.ne[0], "x and y differ in row length");
	need(c, d->x.ne[1] == d->weights.ne[0], "x and weights differ in k");
	need(c, !d->shared.buf || same_shape(&d->shared, &d->y), "shared's shape is not y's");
	need(c, !d->shared_gate.buf || (d->shared.buf && d->shared_gate.ne[0] == 1),
	     "shared_gate must be [n, 1] and needs shared");
	need(c, !d->residual.buf || same_shape(&d->residual, &d->y),
	     "residual's shape is not y's");
}

static void check_binary(struct check *c, const struct zinc_op_binary *d)
{
	need(c, same_shape(&d->a, &d->y), "a and y differ in shape");
	for (int i = 0; i < ZINC_MAX_DIMS; i++)
		need(c, d->b.ne[i] == 1 || d->b.ne[i] == d->a.ne[i], "b does not repeat to a's shape");
	need(c, rows_of(&d->a) >= d->n.imm, "fewer rows than n");
}

static void check_rest(struct check *c, uint32_t op, const void *desc)
{
	const struct zinc_op_embed *e = desc;
	const struct zinc_op_glu *g = desc;
	const struct zinc_op_unary *u = desc;
	const struct zinc_op_sigmoid_gate *s = desc;
	const struct zinc_op_copy *p = desc;

	switch (op) {
	case ZINC_OP_EMBED:
		need(c, e->table.ne[0] == e->y.ne[0], "table and y differ in row length");
		need(c, e->ids.dtype == ZINC_I32, "ids must be I32");
		need(c, e->y.ne[1] >= e->n.imm && e->ids.ne[0] >= e->n.imm, "fewer rows than n");
		break;
	case ZINC_OP_GLU:
		need(c, same_shape(&g->gate, &g->y) && same_shape(&g->up, &g->y),
		     "gate, up and y differ in shape");
		need(c, g->act != ZINC_ACT_NONE, "act is none");
		break;
	case ZINC_OP_SCALE:
	case ZINC_OP_SOFTCAP:
		need(c, same_shape(&u->x, &u->y), "x and y differ in shape");
		need(c, op == ZINC_OP_SCALE || u->value > 0, "the cap is not positive");
		break;
	case ZINC_OP_SIGMOID_GATE:
		need(c, same_shape(&s->x, &s->y), "x and y differ in shape");
		need(c, s->gate.ne[0] == 1 || same_shape(&s->gate, &s->x),
		     "gate is neither x's shape nor one per row");
		break;
	case ZINC_OP_COPY:
	case ZINC_OP_CAST:
		need(c, same_shape(&p->x, &p->y), "x and y differ in shape");
		need(c, op == ZINC_OP_CAST || p->x.dtype == p->y.dtype, "x and y differ in dtype");
		break;
	default:
		break;
	}
}

int graph_check_op(uint32_t op, const void *desc, char *why, size_t room)
{
	struct check c = {why, room, false};

	need_fields(&c, schema_op(op), desc);
	if (c.bad)
		return ZINC_E_INVALID;
	switch (op) {
	case ZINC_OP_LINEAR: check_linear(&c, desc); break;
	case ZINC_OP_RMSNORM: check_rmsnorm(&c, desc); break;
	case ZINC_OP_ROPE_DUAL: check_rope(&c, desc); break;
	case ZINC_OP_KV_WRITE: check_kv_write(&c, desc); break;
	case ZINC_OP_FLASH_ATTN: check_attn(&c, desc); break;
	case ZINC_OP_CONV1D: check_conv1d(&c, desc); break;
	case ZINC_OP_DELTA_NET: check_delta(&c, desc); break;
	case ZINC_OP_MOE_ROUTE: check_route(&c, desc); break;
	case ZINC_OP_MOE_COMBINE: check_combine(&c, desc); break;
	case ZINC_OP_ADD:
	case ZINC_OP_MUL: check_binary(&c, desc); break;
	default: check_rest(&c, op, desc); break;
	}
	return c.bad ? ZINC_E_INVALID : ZINC_OK;
}
