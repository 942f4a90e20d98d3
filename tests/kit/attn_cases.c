/* attn_cases.c - which attentions are tried. */
#include <zinc/op.h>

#include "attn.h"
#include "list.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define PLAIN .n_head = 4, .n_head_kv = 2, .q_dim = 64, .k_dim = 64, .v_dim = 64

static void add(const struct kit_list *l, struct attn_shape s)
{
	l->add(l->ctx, &attn, &s);
}

static void dims(const struct kit_list *l)
{
	static const uint32_t dims_of[][3] = {
		{64, 64, 64},    {80, 80, 80},    {96, 96, 96},    {128, 128, 128}, {256, 256, 256},
		{512, 512, 512}, {512, 128, 128}, {256, 64, 64},   {128, 512, 512}, {64, 256, 256},
		{96, 96, 32},    {64, 64, 192},   {192, 192, 128}, {40, 64, 64},    {33, 33, 17},
		{1, 1, 1},
	};
	static const uint32_t types[] = {ZINC_F32, ZINC_F16, ZINC_BF16, ZINC_Q8_0};

	for (size_t i = 0; i < COUNT(dims_of); i++)
		for (size_t t = 0; t < COUNT(types); t++) {
			struct attn_shape s = {.n_head = 4, .n_head_kv = 2, .q_dim = dims_of[i][0],
			                       .k_dim = dims_of[i][1], .v_dim = dims_of[i][2],
			                       .dtype = types[t], .n_seqs = 1};

			if (types[t] == ZINC_Q8_0 && (s.k_dim | s.v_dim) % 32)
				continue;
			s.before[0] = 101, s.fresh[0] = 1;
			add(l, s);
			s.before[0] = 30, s.fresh[0] = 5;
			add(l, s);
			s.before[0] = 0, s.fresh[0] = 70;
			add(l, s);
		}
}

static void groups(const struct kit_list *l)
{
	static const uint32_t heads[][2] = {{1, 1}, {6, 6}, {8, 1}, {15, 3}, {48, 1}, {80, 2},
	                                    {32, 8}, {16, 2}};

	for (size_t i = 0; i < COUNT(heads); i++)
		for (uint32_t n = 1; n <= 19; n += 9)
			add(l, (struct attn_shape){
				.n_head = heads[i][0], .n_head_kv = heads[i][1], .q_dim = 128,
				.k_dim = 128, .v_dim = 128, .dtype = ZINC_F16, .n_seqs = 1,
				.before = {40}, .fresh = {n}});
}

static void windows(const struct kit_list *l)
{
	static const uint32_t window[] = {1, 16, 32, 33, 64, 512, 600};

	for (size_t i = 0; i < COUNT(window); i++) {
		add(l, (struct attn_shape){PLAIN, .dtype = ZINC_F16, .window = window[i],
		                           .n_seqs = 2, .before = {90, 0}, .fresh = {40, 50}});
		add(l, (struct attn_shape){PLAIN, .dtype = ZINC_F16, .window = window[i],
		                           .n_seqs = 3, .before = {1100, 63, 0},
		                           .fresh = {1, 1, 1}});
		add(l, (struct attn_shape){PLAIN, .dtype = ZINC_Q8_0, .window = window[i],
		                           .n_seqs = 1, .before = {700}, .fresh = {9}});
	}
}

static void batches(const struct kit_list *l)
{
	add(l, (struct attn_shape){PLAIN, .dtype = ZINC_F16, .n_seqs = 4,
	                           .before = {31, 0, 200, 64}, .fresh = {1, 33, 7, 2}});
	add(l, (struct attn_shape){PLAIN, .dtype = ZINC_F32, .n_seqs = 4,
	                           .before = {31, 0, 200, 64}, .fresh = {1, 1, 1, 1}});
	add(l, (struct attn_shape){PLAIN, .dtype = ZINC_F16, .n_seqs = 2, .more_tokens = 30,
	                           .more_seqs = 2, .before = {31, 2}, .fresh = {1, 33}});
	add(l, (struct attn_shape){PLAIN, .dtype = ZINC_F16, .n_seqs = 1, .more_tokens = 1,
	                           .more_seqs = 1, .before = {310}, .fresh = {1}});
	add(l, (struct attn_shape){PLAIN, .dtype = ZINC_F16, .n_seqs = 3, .more_tokens = 1,
	                           .more_seqs = 1, .before = {310, 1000, 5}, .fresh = {1, 1, 1}});
	/* More than one chunk of keys, so that parts are merged. */
	add(l, (struct attn_shape){PLAIN, .dtype = ZINC_F16, .n_seqs = 1, .before = {1000},
	                           .fresh = {60}});
	add(l, (struct attn_shape){PLAIN, .dtype = ZINC_F16, .n_seqs = 2,
	                           .before = {1535, 2047}, .fresh = {2, 1}});
	add(l, (struct attn_shape){PLAIN, .dtype = ZINC_Q8_0, .n_seqs = 1, .before = {2999},
	                           .fresh = {1}});
}

/* The rows whose logits are read: some sequences of the step have none, others only the
 * last of many. */
static void few_rows(const struct kit_list *l)
{
	add(l, (struct attn_shape){PLAIN, .dtype = ZINC_F16, .n_seqs = 4,
	                           .before = {31, 40, 200, 64}, .fresh = {0, 1, 0, 2}});
	add(l, (struct attn_shape){PLAIN, .dtype = ZINC_F16, .n_seqs = 4,
	                           .before = {1, 300, 20, 65}, .fresh = {1, 0, 33, 0}});
	add(l, (struct attn_shape){PLAIN, .dtype = ZINC_Q8_0, .n_seqs = 3, .more_tokens = 9,
	                           .before = {310, 7, 1000}, .fresh = {0, 0, 21}});
	add(l, (struct attn_shape){PLAIN, .dtype = ZINC_F16, .window = 64, .n_seqs = 3,
	                           .more_seqs = 1, .before = {90, 600, 700},
	                           .fresh = {0, 1, 19}});
	add(l, (struct attn_shape){PLAIN, .dtype = ZINC_F32, .n_seqs = 2, .more_tokens = 2,
	                           .before = {40, 500}});
}

static void extras(const struct kit_list *l)
{
	for (uint32_t n = 1; n < 40; n += 29) {
		add(l, (struct attn_shape){PLAIN, .dtype = ZINC_F16, .softcap = 5, .n_seqs = 1,
		                           .before = {20}, .fresh = {n}});
		add(l, (struct attn_shape){PLAIN, .dtype = ZINC_F16, .gate = true, .n_seqs = 1,
		                           .before = {20}, .fresh = {n}});
		add(l, (struct attn_shape){PLAIN, .dtype = ZINC_F16, .gate = true,
		                           .interleaved = true, .n_seqs = 2, .before = {3, 0},
		                           .fresh = {n, 1}});
		add(l, (struct attn_shape){PLAIN, .dtype = ZINC_F16, .interleaved = true,
		                           .n_seqs = 1, .before = {33}, .fresh = {n}});
		add(l, (struct attn_shape){PLAIN, .dtype = ZINC_F16, .softcap = 50, .window = 40,
		                           .gate = true, .n_seqs = 2, .before = {100, 7},
		                           .fresh = {n, n}});
	}
}

static void realistic(const struct kit_list *l)
{
	static const struct attn_shape list[] = {
		{.n_head = 32, .n_head_kv = 8, .q_dim = 128, .k_dim = 128, .v_dim = 128,
		 .dtype = ZINC_F16, .n_seqs = 1, .before = {4095}, .fresh = {1}},
		{.n_head = 32, .n_head_kv = 8, .q_dim = 128, .k_dim = 128, .v_dim = 128,
		 .dtype = ZINC_F16, .n_seqs = 1, .before = {0}, .fresh = {256}},
		{.n_head = 16, .n_head_kv = 2, .q_dim = 256, .k_dim = 256, .v_dim = 256,
		 .dtype = ZINC_F16, .n_seqs = 2, .before = {1023, 512}, .fresh = {1, 128}},
		{.n_head = 8, .n_head_kv = 1, .q_dim = 512, .k_dim = 512, .v_dim = 512,
		 .dtype = ZINC_F16, .n_seqs = 1, .before = {512}, .fresh = {130}},
		{.n_head = 8, .n_head_kv = 4, .q_dim = 256, .k_dim = 256, .v_dim = 256,
		 .dtype = ZINC_F16, .window = 512, .n_seqs = 2, .before = {2000, 0},
		 .fresh = {64, 200}},
		{.n_head = 32, .n_head_kv = 8, .q_dim = 64, .k_dim = 64, .v_dim = 64,
		 .dtype = ZINC_Q8_0, .n_seqs = 1, .before = {100}, .fresh = {300}},
	};

	for (size_t i = 0; i < COUNT(list) && !l->quick; i++)
		add(l, list[i]);
}

void attn_cases(const struct kit_list *l, uint32_t op)
{
	(void)op;
	dims(l);
	groups(l);
	windows(l);
	batches(l);
	few_rows(l);
	extras(l);
	realistic(l);
}
