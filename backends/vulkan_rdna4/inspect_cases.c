/* inspect_cases.c - the ops as models of today record them: the shapes behind the table
 * of `zinc plugin shaders`. A kernel that several cases bind is told once. */
#include "inspect.h"

#include "layout.h"
#include "ops.h"
#include "weight.h"

enum { WIDTH = 4096, EXPERTS = 256, CHOSEN = 8, PROMPT = 512, PAGES = 256, VOCABULARY = 151936 };

static const char *const type_names[] = {
	[ZINC_F32] = "F32",   [ZINC_F16] = "F16",   [ZINC_BF16] = "BF16", [ZINC_Q8_0] = "Q8_0",
	[ZINC_Q4_0] = "Q4_0", [ZINC_Q4_1] = "Q4_1", [ZINC_Q5_0] = "Q5_0", [ZINC_Q5_1] = "Q5_1",
	[ZINC_Q2_K] = "Q2_K", [ZINC_Q3_K] = "Q3_K", [ZINC_Q4_K] = "Q4_K", [ZINC_Q5_K] = "Q5_K",
	[ZINC_Q6_K] = "Q6_K", [ZINC_IQ4_NL] = "IQ4_NL", [ZINC_IQ4_XS] = "IQ4_XS",
	[ZINC_MXFP4] = "MXFP4"};

enum { N_TYPES = sizeof(type_names) / sizeof(type_names[0]) };

/* [n3, n2, n1, n0] of 4-byte or, of caches, other elements, without gaps. */
static struct zinc_view view(struct rdna4_inspection *in, uint32_t dtype, const uint32_t ne[4])
{
	uint32_t elems = rdna4_block_elems(dtype), bytes = rdna4_block_bytes(dtype);
	struct zinc_view v = {.buf = rdna4_inspect_memory(in), .dtype = dtype};

	if (dtype == ZINC_I32)
		elems = 1, bytes = 4;
	v.nb[0] = bytes;
	v.nb[1] = (uint64_t)ne[0] / elems * bytes;
	for (int i = 0; i < ZINC_MAX_DIMS; i++) {
		v.ne[i] = ne[i];
		if (i > 1)
			v.nb[i] = v.nb[i - 1] * ne[i - 1];
	}
	return v;
}

#define VIEW(dtype, ...) view(in, dtype, (const uint32_t[4]){__VA_ARGS__})

/* A weight in the layout that the backend would choose. */
static struct zinc_view weight(struct rdna4_inspection *in, uint32_t dtype, uint32_t experts)
{
	struct zinc_view w = VIEW(dtype, WIDTH, WIDTH, experts, 1);

	if (ZINC_TMASK_BLOCK & ZINC_TBIT(dtype)) {
		w.layout = RDNA4_WEIGHT_ROWS;
		w.nb[1] = rdna4_packed_row_bytes(dtype, WIDTH);
		w.nb[2] = w.nb[1] * WIDTH;
		w.nb[3] = w.nb[2] * experts;
	}
	return w;
}

/* One type of weights in both products: plain, with a gate, of experts. */
static int products(struct rdna4_inspection *in, uint32_t type)
{
	static const uint32_t tokens[] = {32, 64, 256, PROMPT};
	const char *name = type_names[type];
	struct zinc_op_linear d = {.struct_size = sizeof(d), .n = zinc_imm(1),
	                           .w = weight(in, type, 1), .x = VIEW(ZINC_F32, WIDTH, 1, 1, 1),
	                           .y = VIEW(ZINC_F32, WIDTH, 1, 1, 1)};
	int rc = rdna4_inspect_linear(in, &rdna4_op_dmmv, &d, name);

	for (int i = 0; i < 4 && !rc; i++) {
		d.n = zinc_imm(tokens[i]);
		rc = rdna4_inspect_linear(in, &rdna4_op_mmq, &d,
		                          rdna4_inspect_text(in, "%s, %u tokens", name, tokens[i]));
	}
	d.gate_w = d.w;
	d.act = ZINC_ACT_SILU;
	if (!rc)
		rc = rdna4_inspect_linear(in, &rdna4_op_mmq, &d,
		                          rdna4_inspect_text(in, "%s, %u tokens with gate", name,
		                                             PROMPT));
	d.n = zinc_imm(1);
	if (!rc)
		rc = rdna4_inspect_linear(in, &rdna4_op_dmmv, &d,
		                          rdna4_inspect_text(in, "%s, with gate", name));
	d.w = d.gate_w = weight(in, type, EXPERTS);
	d.y = VIEW(ZINC_F32, WIDTH, CHOSEN, 1, 1);
	d.ids = VIEW(ZINC_I32, CHOSEN, 1, 1, 1);
	d.expert_first = VIEW(ZINC_I32, EXPERTS + 1, 1, 1, 1);
	d.perm = VIEW(ZINC_I32, CHOSEN * PROMPT, 1, 1, 1);
	if (!rc)
		rc = rdna4_inspect_linear(in, &rdna4_op_dmmv, &d,
		                          rdna4_inspect_text(in, "%s, experts with gate", name));
	d.gate_w = (struct zinc_view){0};
	d.act = ZINC_ACT_NONE;
	if (!rc)
		rc = rdna4_inspect_linear(in, &rdna4_op_dmmv, &d,
		                          rdna4_inspect_text(in, "%s, experts", name));
	d.n = zinc_imm(PROMPT);
	if (!rc)
		rc = rdna4_inspect_linear(in, &rdna4_op_mmq, &d,
		                          rdna4_inspect_text(in, "%s, experts of %u tokens", name,
		                                             PROMPT));
	return rc;
}

/* Caches of one type and width; decode, then a prompt. */
static int attention(struct rdna4_inspection *in, uint32_t type, uint32_t lanes)
{
	int rc = ZINC_OK;

	for (uint32_t n = 1; n <= PROMPT && !rc; n += PROMPT - 1) {
		struct zinc_op_flash_attn d = {
			.struct_size = sizeof(d), .n = zinc_imm(n), .n_seqs = zinc_imm(1),
			.q = VIEW(ZINC_F32, lanes, 32, n, 1), .out = VIEW(ZINC_F32, lanes, 32, n, 1),
			.k_cache = VIEW(type, lanes, ZINC_KV_PAGE, 8, PAGES),
			.v_cache = VIEW(type, lanes, ZINC_KV_PAGE, 8, PAGES),
			.tok_seq = VIEW(ZINC_I32, n, 1, 1, 1), .tok_pos = VIEW(ZINC_I32, n, 1, 1, 1),
			.seq_first = VIEW(ZINC_I32, 2, 1, 1, 1),
			.seq_kv_len = VIEW(ZINC_I32, 1, 1, 1, 1),
			.block_table = VIEW(ZINC_I32, PAGES, 1, 1, 1), .q_head_dim = lanes,
			.kv_head_dim = lanes, .n_head = 32, .n_head_kv = 8, .scale = 1};

		rc = rdna4_inspect_op(in, &rdna4_op_flash_attn, &d,
		                      rdna4_inspect_text(in, "%s, heads of %u, %s", type_names[type],
		                                         lanes, n == 1 ? "decode" : "prefill"));
	}
	return rc;
}

static int caches(struct rdna4_inspection *in)
{
	static const uint32_t types[] = {ZINC_F16, ZINC_Q8_0};
	int rc = ZINC_OK;

	for (int i = 0; i < 2 && !rc; i++) {
		struct zinc_op_kv_write d = {
			.struct_size = sizeof(d), .n = zinc_imm(1),
			.k = VIEW(ZINC_F32, 128, 8, 1, 1), .v = VIEW(ZINC_F32, 128, 8, 1, 1),
			.k_cache = VIEW(types[i], 128, ZINC_KV_PAGE, 8, PAGES),
			.v_cache = VIEW(types[i], 128, ZINC_KV_PAGE, 8, PAGES),
			.tok_seq = VIEW(ZINC_I32, 1, 1, 1, 1), .tok_pos = VIEW(ZINC_I32, 1, 1, 1, 1),
			.block_table = VIEW(ZINC_I32, PAGES, 1, 1, 1)};

		rc = rdna4_inspect_op(in, &rdna4_op_kv_write, &d, type_names[types[i]]);
		for (uint32_t lanes = 64; lanes <= 512 && !rc; lanes *= 2)
			rc = attention(in, types[i], lanes);
	}
	return rc;
}

static int rotations(struct rdna4_inspection *in)
{
	int rc = ZINC_OK;

	for (uint32_t lanes = 64; lanes <= 512 && !rc; lanes *= 2) {
		struct zinc_op_rope_dual d = {
			.struct_size = sizeof(d), .n = zinc_imm(1), .n_rot = lanes,
			.q = VIEW(ZINC_F32, lanes, 32, 1, 1), .k = VIEW(ZINC_F32, lanes, 8, 1, 1),
			.q_out = VIEW(ZINC_F32, lanes, 32, 1, 1),
			.k_out = VIEW(ZINC_F32, lanes, 8, 1, 1), .pos = VIEW(ZINC_I32, 1, 1, 1, 1),
			.freqs = VIEW(ZINC_F32, lanes / 2, 1, 1, 1),
			.q_norm = VIEW(ZINC_F32, lanes, 1, 1, 1),
			.k_norm = VIEW(ZINC_F32, lanes, 1, 1, 1)};

		rc = rdna4_inspect_op(in, &rdna4_op_rope_dual, &d,
		                      rdna4_inspect_text(in, "heads of %u", lanes));
	}
	return rc;
}

static int norms(struct rdna4_inspection *in)
{
	struct zinc_view row = VIEW(ZINC_F32, WIDTH, 1, 1, 1);
	struct zinc_op_rmsnorm norm = {.struct_size = sizeof(norm), .n = zinc_imm(1), .x = row,
	                               .weight = row, .y = row};
	int rc = rdna4_inspect_op(in, &rdna4_op_rmsnorm, &norm, "with weight");

	norm.residual = norm.sum = row;
	if (!rc)
		rc = rdna4_inspect_op(in, &rdna4_op_rmsnorm, &norm, "with weight and residual");
	for (uint32_t how = RDNA4_ACT_Q8; how <= RDNA4_ACT_F16 && !rc; how++) {
		struct zinc_op_quant_act d = {.struct_size = sizeof(d), .n = zinc_imm(1), .x = row,
		                              .y = VIEW(ZINC_F32, WIDTH, 1, 1, 1),
		                              .row_bytes = rdna4_act_row_bytes(how, WIDTH)};

		d.y.dtype = ZINC_U8;
		d.y.layout = how;
		rc = rdna4_inspect_op(in, &rdna4_op_quant_act, &d, how == RDNA4_ACT_Q8 ? "8 bits" : "halves");
	}
	return rc;
}

static int elements(struct rdna4_inspection *in)
{
	struct zinc_view row = VIEW(ZINC_F32, WIDTH, 1, 1, 1);
	struct zinc_op_glu glu = {.struct_size = sizeof(glu), .gate = row, .up = row, .y = row,
	                          .n = zinc_imm(1), .act = ZINC_ACT_SILU};
	struct zinc_op_binary add = {.struct_size = sizeof(add), .a = row, .b = row, .y = row,
	                             .n = zinc_imm(1)};
	struct zinc_op_copy copy = {.struct_size = sizeof(copy), .x = row, .y = row,
	                            .n = zinc_imm(1)};
	int rc = rdna4_inspect_op(in, &rdna4_op_glu, &glu, "SiLU");

	if (!rc)
		rc = rdna4_inspect_op(in, &rdna4_op_add, &add, "");
	if (!rc)
		rc = rdna4_inspect_op(in, &rdna4_op_copy, &copy, "F32");
	return rc;
}

static int experts(struct rdna4_inspection *in)
{
	struct zinc_op_moe_route route = {
		.struct_size = sizeof(route), .n = zinc_imm(1), .k = CHOSEN,
		.logits = VIEW(ZINC_F32, EXPERTS, 1, 1, 1), .ids = VIEW(ZINC_I32, CHOSEN, 1, 1, 1),
		.weights = VIEW(ZINC_F32, CHOSEN, 1, 1, 1),
		.expert_first = VIEW(ZINC_I32, EXPERTS + 1, 1, 1, 1),
		.perm = VIEW(ZINC_I32, CHOSEN, 1, 1, 1)};
	struct zinc_op_moe_combine combine = {
		.struct_size = sizeof(combine), .n = zinc_imm(1),
		.x = VIEW(ZINC_F32, WIDTH, CHOSEN, 1, 1), .weights = VIEW(ZINC_F32, CHOSEN, 1, 1, 1),
		.y = VIEW(ZINC_F32, WIDTH, 1, 1, 1)};
	int rc = rdna4_inspect_op(in, &rdna4_op_moe_route, &route,
	                          rdna4_inspect_text(in, "%u of %u", CHOSEN, EXPERTS));

	return rc ? rc : rdna4_inspect_op(in, &rdna4_op_moe_combine, &combine, "");
}

static int recurrences(struct rdna4_inspection *in)
{
	struct zinc_view one = VIEW(ZINC_I32, 1, 1, 1, 1), two = VIEW(ZINC_I32, 2, 1, 1, 1);
	struct zinc_op_conv1d conv = {
		.struct_size = sizeof(conv), .n = zinc_imm(1), .n_seqs = zinc_imm(1),
		.x = VIEW(ZINC_F32, 8192, 1, 1, 1), .y = VIEW(ZINC_F32, 8192, 1, 1, 1),
		.w = VIEW(ZINC_F32, 4, 8192, 1, 1), .state = VIEW(ZINC_F32, 3 * 8192, 1, 1, 1),
		.seq_first = two, .state_slot = one, .act = ZINC_ACT_SILU};
	struct zinc_op_delta_net delta = {
		.struct_size = sizeof(delta), .n = zinc_imm(1), .n_seqs = zinc_imm(1),
		.q = VIEW(ZINC_F32, 128, 16, 1, 1), .k = VIEW(ZINC_F32, 128, 16, 1, 1),
		.v = VIEW(ZINC_F32, 128, 32, 1, 1), .y = VIEW(ZINC_F32, 128, 32, 1, 1),
		.alpha = VIEW(ZINC_F32, 32, 1, 1, 1), .beta = VIEW(ZINC_F32, 32, 1, 1, 1),
		.a = VIEW(ZINC_F32, 32, 1, 1, 1), .dt = VIEW(ZINC_F32, 32, 1, 1, 1),
		.state = VIEW(ZINC_F32, 32 * 128 * 128, 1, 1, 1), .seq_first = two,
		.state_slot = one, .q_scale = 1};
	int rc = rdna4_inspect_op(in, &rdna4_op_conv1d, &conv, "4 taps, SiLU");

	if (!rc)
		rc = rdna4_inspect_op(in, &rdna4_op_delta_net, &delta, "heads of 128");
	delta.n = zinc_imm(PROMPT);
	delta.q.ne[2] = delta.k.ne[2] = delta.v.ne[2] = delta.y.ne[2] = PROMPT;
	delta.alpha.ne[1] = delta.beta.ne[1] = PROMPT;
	return rc ? rc : rdna4_inspect_op(in, &rdna4_op_delta_net, &delta, "heads of 128, prompt");
}

static int outputs(struct rdna4_inspection *in)
{
	struct zinc_view x = VIEW(ZINC_F32, VOCABULARY, 1, 1, 1);
	struct zinc_op_argmax best = {.struct_size = sizeof(best), .n = zinc_imm(1), .x = x,
	                              .ids = VIEW(ZINC_I32, 1, 1, 1, 1)};
	struct zinc_op_top_logits top = {.struct_size = sizeof(top), .n = zinc_imm(1), .x = x,
	                                 .ids = VIEW(ZINC_I32, 64, 1, 1, 1),
	                                 .values = VIEW(ZINC_F32, 64, 1, 1, 1), .n_top = 64};
	int rc = rdna4_inspect_op(in, &rdna4_op_argmax, &best, "");

	return rc ? rc : rdna4_inspect_op(in, &rdna4_op_top_logits, &top, "64 of a vocabulary");
}

int rdna4_inspect_cases(struct rdna4_inspection *in)
{
	int (*const others[])(struct rdna4_inspection *) = {caches, rotations, norms, elements,
	                                                     experts, recurrences, outputs};
	int rc = ZINC_OK;

	for (uint32_t t = 0; t < N_TYPES && !rc; t++)
		if (type_names[t])
			rc = products(in, t);
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]) && !rc; i++)
		rc = others[i](in);
	return rc;
}
