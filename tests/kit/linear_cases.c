/* linear_cases.c - which matrix products are tried. */
#include "linear.h"
#include "list.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static const uint32_t plain_types[] = {ZINC_F32, ZINC_F16, ZINC_BF16};
static const uint32_t small_types[] = {ZINC_Q8_0, ZINC_Q4_0,   ZINC_Q4_1, ZINC_Q5_0,
                                       ZINC_Q5_1, ZINC_IQ4_NL, ZINC_MXFP4};
static const uint32_t large_types[] = {ZINC_Q2_K, ZINC_Q3_K, ZINC_Q4_K,
                                       ZINC_Q5_K, ZINC_Q6_K, ZINC_IQ4_XS};
static const uint32_t mixed_types[] = {ZINC_Q4_K, ZINC_Q8_0, ZINC_F16, ZINC_Q6_K,
                                       ZINC_Q4_0, ZINC_F32,  ZINC_Q5_K, ZINC_MXFP4};

struct sink {
	const struct kit_list *l;
	const struct kit_recipe *r;
};

/* In the file's order, and packed. */
static void add(const struct sink *k, struct linear_shape s)
{
	for (int pack = 0; pack < 2; pack++) {
		s.pack = pack;
		k->l->add(k->l->ctx, k->r, &s);
	}
}

/* Small ones of every width that the format can have. */
static void widths(const struct sink *k, const uint32_t *types, size_t n_types,
                   const uint32_t *ks, size_t n_ks)
{
	static const uint32_t shapes[][2] = {{1, 1}, {7, 3}, {33, 9}, {64, 1}};

	for (size_t t = 0; t < n_types; t++)
		for (size_t i = 0; i < n_ks; i++)
			for (size_t j = 0; j < COUNT(shapes); j++)
				if (!k->l->quick || (t + i + j) % 3 == 0)
					add(k, (struct linear_shape){
						.dtype = types[t], .k = ks[i], .m = shapes[j][0],
						.n = shapes[j][1], .n_max = shapes[j][1] + j % 2});
}

static void all_widths(const struct sink *k)
{
	static const uint32_t any[] = {1, 5, 33, 40, 100, 256, 1000};
	static const uint32_t by_32[] = {32, 96, 256, 704, 2080};
	static const uint32_t by_256[] = {256, 512, 1280, 2816};

	widths(k, plain_types, COUNT(plain_types), any, COUNT(any));
	widths(k, small_types, COUNT(small_types), by_32, COUNT(by_32));
	widths(k, large_types, COUNT(large_types), by_256, COUNT(by_256));
}

/* Every type with the numbers of columns at which kernels change. */
static void columns(const struct sink *k)
{
	static const uint32_t ns[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 16, 17, 33, 64, 65, 128, 257};

	for (uint32_t t = 0; t < ZINC_DTYPE_MAX; t++)
		for (size_t i = 0; i < COUNT(ns); i++) {
			bool big = ns[i] > 3 && ns[i] != 65;

			if (!(ZINC_TMASK_WEIGHT & ZINC_TBIT(t)) ||
			    (k->l->quick && (ns[i] > 65 || (t + i) % 5)))
				continue;
			add(k, (struct linear_shape){.dtype = t, .k = big ? 512 : 1536,
			                             .m = big ? 96 : 257, .n = ns[i]});
		}
}

/* Real sizes. */
static void large(const struct sink *k)
{
	static const uint32_t ns[] = {1, 2, 3, 5, 8, 9, 33, 64, 65, 128, 257};

	for (size_t t = 0; t < COUNT(mixed_types) && !k->l->quick; t++)
		for (size_t i = 0; i < COUNT(ns); i++)
			add(k, (struct linear_shape){.dtype = mixed_types[t], .k = 4096,
			                             .m = 1024, .n = ns[i]});
	add(k, (struct linear_shape){.dtype = ZINC_Q4_K, .k = 4096, .m = 1024,
	                             .n = k->l->quick ? 5 : 1, .n_max = 5});
	add(k, (struct linear_shape){.dtype = ZINC_Q6_K, .k = 256, .m = 65536, .n = 1,
	                             .tied = true});
	if (k->l->quick)
		return;
	add(k, (struct linear_shape){.dtype = ZINC_Q8_0, .k = 17408, .m = 320, .n = 7});
	add(k, (struct linear_shape){.dtype = ZINC_Q5_K, .k = 4096, .m = 1024, .n = 600});
	add(k, (struct linear_shape){.dtype = ZINC_Q4_0, .k = 2112, .m = 2816, .n = 40});
	add(k, (struct linear_shape){.dtype = ZINC_Q6_K, .k = 2048, .m = 100003, .n = 2,
	                             .tied = true});
}

static void mapped(const struct sink *k)
{
	for (uint32_t t = 0; t < ZINC_DTYPE_MAX; t++)
		for (uint32_t n = 1; n < 40 && ZINC_TMASK_WEIGHT & ZINC_TBIT(t); n += 31)
			k->l->add(k->l->ctx, k->r, &(struct linear_shape){
				.dtype = t, .gate_dtype = ZINC_Q4_0, .k = 768, .m = 51, .n = n,
				.mapped = true, .window = (enum linear_window)(t % 4),
				.act = n > 1 ? ZINC_ACT_SILU : 0});
}

static void fewer_than_recorded(const struct sink *k)
{
	static const uint32_t ns[][2] = {{0, 1}, {0, 5}, {1, 8}, {5, 8}, {1, 2}, {20, 64},
	                                 {65, 128}};

	for (size_t i = 0; i < COUNT(ns); i++) {
		add(k, (struct linear_shape){.dtype = ZINC_Q4_K, .k = 512, .m = 40, .n = ns[i][0],
		                             .n_max = ns[i][1]});
		add(k, (struct linear_shape){.dtype = ZINC_F16, .k = 512, .m = 40, .n = ns[i][0],
		                             .n_max = ns[i][1], .pad = 4});
		add(k, (struct linear_shape){.dtype = ZINC_Q8_0, .k = 96, .m = 40, .n = ns[i][0],
		                             .n_max = ns[i][1], .n_expert = 6, .slots = 2});
	}
}

static void windows_and_strides(const struct sink *k)
{
	for (uint32_t i = 0; i < 12; i++)
		for (uint32_t n = 1; n < 40; n += 7 + 4 * i) {
			struct linear_shape s = {.dtype = mixed_types[i % 8], .k = 512, .m = 64,
			                         .n = n};

			s.window = (enum linear_window)(i % 4);
			s.pad = i % 3 == 1 ? 8 : i % 3 == 2 ? 3 : 0;
			add(k, s);
		}
}

static void data(const struct sink *k)
{
	static const uint8_t fills[] = {0xff, 0x80, 0x7f, 0x88, 0x77, 0xf0};

	for (uint32_t t = 0; t < ZINC_DTYPE_MAX; t++) {
		if (!(ZINC_TMASK_WEIGHT & ZINC_TBIT(t)))
			continue;
		for (uint32_t n = 1; n <= 37; n += 36)
			add(k, (struct linear_shape){.dtype = t, .k = 768, .m = 48, .n = n,
			                             .sparse = true});
		for (size_t i = 0; i < COUNT(fills) && num_block(t) > 1; i++)
			if (!k->l->quick || i == t % 6)
				add(k, (struct linear_shape){.dtype = t, .k = 512, .m = 9,
				                             .n = 2 + i % 2 * 14,
				                             .fill = fills[i]});
	}
}

static void fusions(const struct sink *k)
{
	static const uint32_t ns[] = {1, 2, 8, 33, 130};

	for (uint32_t i = 0; i < 24; i++)
		for (size_t j = 0; j < COUNT(ns); j++) {
			struct linear_shape s = {.k = 512, .m = 72, .n = ns[j]};

			if (i == 0 || (k->l->quick && (i + j) % 4))
				continue;
			s.dtype = mixed_types[(i + j) % 8];
			s.gate_dtype = mixed_types[(i / 5 + i + j) % 8];
			s.act = i / 8;
			s.scale = i & 1 ? -0.37f : 0;
			s.residual = i & 2;
			s.alias = (i & 6) == 6;
			s.window = i & 4 ? FIRST_HALF : WHOLE;
			s.pad = j == 2 ? 5 : 0;
			add(k, s);
		}
}

static void experts(const struct sink *k)
{
	static const uint32_t ns[] = {1, 2, 5, 8, 33, 100};

	for (uint32_t i = 0; i < 16; i++)
		for (size_t j = 0; j < COUNT(ns); j++) {
			struct linear_shape s = {.k = i % 5 == 4 ? 704 : 512, .m = 48, .n = ns[j]};

			if (k->l->quick && (i + j) % 4)
				continue;
			s.dtype = s.k == 704 ? small_types[(i + j) % 7] : mixed_types[(i + j) % 8];
			s.gate_dtype = s.dtype;
			s.n_expert = i % 3 == 0 ? 5 : 32;
			s.slots = 1 + i % 4;
			s.x_per_slot = i & 1;
			s.crowd = i % 7 == 3;
			s.act = i >= 10 ? 1 + i % 2 : 0;
			s.residual = i == 12 || i == 15;
			s.scale = i == 13 ? 2.5f : 0;
			s.window = i & 2 ? SECOND_HALF : WHOLE;
			s.pad = i == 5 ? 8 : 0;
			add(k, s);
		}
	for (size_t j = 0; j < COUNT(ns) && !k->l->quick; j++) {
		add(k, (struct linear_shape){.dtype = ZINC_Q4_K, .k = 2048, .m = 512, .n = ns[j],
		                             .n_expert = 128, .slots = 8});
		add(k, (struct linear_shape){.dtype = ZINC_Q6_K, .k = 512, .m = 2048, .n = ns[j],
		                             .n_expert = 256, .slots = 8, .x_per_slot = true});
		add(k, (struct linear_shape){.dtype = ZINC_Q4_K, .gate_dtype = ZINC_Q4_K,
		                             .k = 2048, .m = 512, .n = ns[j], .n_expert = 128,
		                             .slots = 8, .act = ZINC_ACT_SILU});
	}
}

void linear_cases(const struct kit_list *l, uint32_t op)
{
	const struct sink k = {l, op == ZINC_OP_DMMV ? &linear_dmmv : &linear_mmq};

	all_widths(&k);
	columns(&k);
	mapped(&k);
	fewer_than_recorded(&k);
	windows_and_strides(&k);
	data(&k);
	fusions(&k);
	experts(&k);
	large(&k);
}
