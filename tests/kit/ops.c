/* ops.c - goes through the op table of a backend; see ops.h. */
#include "ops.h"

#include "group.h"
#include "list.h"
#include "optab.h"
#include "run.h"

enum { MAX_VARIANTS = 32, LINE = 2 * KIT_MSG };

/* What became of the cases of one variant. */
struct tally {
	uint32_t ran, declined, failed;
	double worst;
	char first_failure[LINE];
};

struct op_test {
	struct kit_dev *d;
	const struct ops_choice *choice;
	struct kit_report *report;
	char *now;
	const struct zinc_op_impl *impl;
	struct tally tallies[MAX_VARIANTS];
	int64_t n_cases, n_chosen;
	uint32_t n_missing; /* primitives that no variant takes */
	char first_missing[LINE];
	/* Of the present case, per numerics class: the bits to agree with. */
	struct kit_results mains[ZINC_NUM_COUNT];
	int32_t mains_of[ZINC_NUM_COUNT]; /* the variant that gave them; -1: none */
};

static bool chosen(const char *list, const char *name)
{
	size_t n = strlen(name);

	for (const char *p = list; p && *p; p += strcspn(p, ","), p += *p == ',')
		if (strcspn(p, ",") == n && !strncmp(p, name, n))
			return true;
	return !list;
}

static void note_failure(struct op_test *t, uint32_t variant, const struct kit_run *r)
{
	struct tally *y = &t->tallies[variant];
	char line[LINE];

	snprintf(line, sizeof(line), "--op %s --variant %s --case %lld: %s: %s", t->impl->name,
	         t->impl->variants[variant].name, (long long)t->n_cases, r->c->text, r->msg);
	if (!y->failed++)
		memcpy(y->first_failure, line, sizeof(line));
	if (t->choice->verbose)
		fprintf(stderr, "%s\n", line);
}

static void need_wants(struct kit_case *c)
{
	if (!c->wants[0].want)
		c->recipe->expect(c, c->shape);
}

static bool asks_for_it(struct kit_run *r)
{
	_Alignas(16) uint8_t desc[KIT_DESC_MAX];

	if (r->impl->variants[r->variant].max_cols &&
	    r->impl->variants[r->variant].max_cols < r->c->cols)
		return false;
	memcpy(desc, r->c->desc, sizeof(desc));
	return r->impl->supports(r->d->dev, desc, r->variant) == ZINC_OK;
}

/* Compares with the first variant of the class, or becomes it. */
static bool agree(struct op_test *t, struct kit_run *r, struct kit_results *got, bool is_main)
{
	uint32_t class = r->impl->variants[r->variant].numerics;
	char what[200];

	if (class >= ZINC_NUM_COUNT) {
		snprintf(r->msg, KIT_MSG, "numerics class %u is not known", class);
		return false;
	}
	if (!kit_is_strict(class))
		return true;
	if (t->mains_of[class] >= 0) {
		snprintf(what, sizeof(what), "%s %s and %s %s are of one numerics class",
		         t->impl->name, t->impl->variants[t->mains_of[class]].name, r->impl->name,
		         r->impl->variants[r->variant].name);
		return kit_check_bits(r, &t->mains[class], got, what);
	}
	if (is_main) {
		t->mains_of[class] = (int32_t)r->variant;
		t->mains[class] = *got;
		memset(got, 0, sizeof(*got));
	}
	return true;
}

static enum kit_answer one_variant(struct op_test *t, struct kit_case *c, uint32_t variant,
                                   bool is_main)
{
	struct kit_run r = {.d = t->d, .c = c, .impl = t->impl, .variant = variant};
	struct kit_results got = {0};
	struct tally *y = &t->tallies[variant];
	enum kit_answer answer;

	snprintf(t->now, KIT_NOW, "--op %s --variant %s --case %lld: %s", t->impl->name,
	         t->impl->variants[variant].name, (long long)t->n_cases, c->text);
	if (asks_for_it(&r))
		need_wants(c);
	answer = kit_run(&r, &got);
	if (answer == KIT_RAN && (!kit_check_values(&r, &got) || !agree(t, &r, &got, is_main)))
		answer = KIT_FAILED;
	kit_results_free(&got);
	y->ran += answer == KIT_RAN || answer == KIT_FAILED;
	y->declined += answer == KIT_DECLINED;
	y->worst = r.worst > y->worst ? r.worst : y->worst;
	if (answer == KIT_FAILED)
		note_failure(t, variant, &r);
	if (t->choice->verbose)
		fprintf(stderr, "%lld %s %s: %s\n", (long long)t->n_cases,
		        t->impl->variants[variant].name, c->text,
		        answer == KIT_RAN ? "ok" : answer == KIT_DECLINED ? "declined" :
		        answer == KIT_FAILED ? "FAILED" : "too many columns");
	return answer;
}

static bool all_variants(struct op_test *t, struct kit_case *c, bool is_main, bool *any_asked)
{
	bool any = false;

	for (uint32_t v = 0; v < t->impl->n_variants && v < MAX_VARIANTS; v++) {
		enum kit_answer a;

		if (t->choice->variant && strcmp(t->choice->variant, t->impl->variants[v].name))
			continue;
		a = one_variant(t, c, v, is_main);
		any = any || a == KIT_RAN || a == KIT_FAILED;
		*any_asked = *any_asked || a != KIT_NOT_FOR_IT;
	}
	return any;
}

/* dmmv and mmq are two ways to the same product. */
static const struct zinc_op_impl *sibling(const struct op_test *t)
{
	uint32_t op = t->impl->op == ZINC_OP_DMMV ? ZINC_OP_MMQ :
	              t->impl->op == ZINC_OP_MMQ ? ZINC_OP_DMMV : ZINC_OP_NONE;

	return kit_impl(t->d, op);
}

/* The core offers a product to both: one of them must take it. */
static bool sibling_takes(struct op_test *t, const struct kit_case *c)
{
	const struct zinc_op_impl *impl = sibling(t);
	struct kit_run r = {.d = t->d, .c = (struct kit_case *)(uintptr_t)c, .impl = impl};

	for (; impl && r.variant < impl->n_variants; r.variant++)
		if (asks_for_it(&r))
			return true;
	return false;
}

static void require(struct op_test *t, const struct kit_case *c)
{
	if (c->fused || c->optional || t->choice->variant || sibling_takes(t, c))
		return;
	if (!t->n_missing++)
		snprintf(t->first_missing, sizeof(t->first_missing), "--op %s --case %lld: %s",
		         t->impl->name, (long long)t->n_cases, c->text);
}

/* "dmmv and mmq count as one op": where mmq has been tried, dmmv of the same
 * class gives the same bits. */
static void agree_with_dmmv(struct op_test *t, struct kit_case *c)
{
	struct kit_run r = {.d = t->d, .c = c, .impl = sibling(t)};

	for (; t->impl->op == ZINC_OP_MMQ && r.impl && r.variant < r.impl->n_variants;
	     r.variant++) {
		uint32_t class = r.impl->variants[r.variant].numerics;
		struct kit_results got = {0};

		if (!kit_is_strict(class) || t->mains_of[class] < 0 || !asks_for_it(&r))
			continue;
		if (kit_run(&r, &got) == KIT_FAILED || !agree(t, &r, &got, false))
			note_failure(t, (uint32_t)t->mains_of[class], &r);
		kit_results_free(&got);
	}
}

/* The same rows in other company. */
static void variations(struct op_test *t, const struct kit_case *main_case)
{
	bool asked = false;

	for (uint32_t i = 1; i <= main_case->n_variations; i++) {
		struct kit_case *c = kit_case_create(main_case->recipe, main_case->shape, i);

		memcpy(c->wants, main_case->wants, sizeof(c->wants));
		if (kit_choose_layouts(t->d, c)) {
			all_variants(t, c, false, &asked);
			agree_with_dmmv(t, c);
		}
		kit_case_destroy(c);
	}
}

static void run_case(struct op_test *t, struct kit_case *c)
{
	bool asked = false;

	if (c->wtype != 0xff && !(t->impl->wtypes & ZINC_TBIT(c->wtype)))
		return;
	if (!kit_choose_layouts(t->d, c))
		return;
	for (int i = 0; i < ZINC_NUM_COUNT; i++)
		t->mains_of[i] = -1;
	if (all_variants(t, c, true, &asked)) {
		agree_with_dmmv(t, c);
		variations(t, c);
	} else if (asked) {
		require(t, c);
	}
	for (int i = 0; i < ZINC_NUM_COUNT; i++)
		kit_results_free(&t->mains[i]);
}

static bool wanted(const struct ops_choice *choice, int64_t number)
{
	if (choice->first)
		return number >= choice->first && number <= choice->last;
	return !choice->n_shards || (number - 1) % choice->n_shards == choice->shard - 1;
}

static void add(void *ctx, const struct kit_recipe *recipe, const void *shape)
{
	struct op_test *t = ctx;
	struct kit_case *c;

	t->n_cases++;
	if (!wanted(t->choice, t->n_cases))
		return;
	t->n_chosen++;
	c = kit_case_create(recipe, shape, 0);
	if (t->choice->list)
		printf("%s %lld: %s%s\n", t->impl->name, (long long)t->n_cases, c->text,
		       c->fused ? " (may be declined)" : "");
	else
		run_case(t, c);
	kit_case_destroy(c);
}

static void report_variant(struct op_test *t, uint32_t v)
{
	static const char *const classes[] = {"F32",  "Q8",     "F16",
	                                      "FREE", "FREE16", "FREE8"};
	const struct zinc_variant *variant = &t->impl->variants[v];
	const struct tally *y = &t->tallies[v];
	char what[200], line[LINE];

	if (t->choice->variant && strcmp(t->choice->variant, variant->name))
		return;
	snprintf(what, sizeof(what), "ops: %s %s (%s): %u runs, %u declined, worst %.2f of bound",
	         t->impl->name, variant->name,
	         variant->numerics < ZINC_NUM_COUNT ? classes[variant->numerics] : "?", y->ran,
	         y->declined, y->worst);
	if (y->failed)
		snprintf(what + strlen(what), sizeof(what) - strlen(what), ", %u failed",
		         y->failed);
	report_result(t->report, !y->failed, what, y->failed ? y->first_failure : NULL);
	if (!y->ran && !t->choice->first && !t->choice->n_shards) {
		snprintf(line, sizeof(line), "ops: %s %s was never run: %u cases declined",
		         t->impl->name, variant->name, y->declined);
		report_warning(t->report, line);
	}
}

/* How many cases it had to try. */
static int64_t test_op(struct kit_dev *d, const struct ops_choice *choice,
                       struct kit_report *report, char *now,
                       const struct zinc_op_impl *impl)
{
	struct op_test *t = must_calloc(1, sizeof(*t));
	struct kit_list list = {add, t, choice->quick};
	int64_t n_chosen;
	char what[200];

	*t = (struct op_test){.d = d, .choice = choice, .report = report, .now = now,
	                      .impl = impl};
	kit_list_cases(&list, impl->op);
	/* quant_act has none: it runs, and shows, in the products it is for. */
	for (uint32_t v = 0; v < impl->n_variants && v < MAX_VARIANTS && t->n_cases; v++)
		if (!choice->list)
			report_variant(t, v);
	if (t->n_missing) {
		snprintf(what, sizeof(what), "ops: %s: %u primitive cases that no variant takes",
		         impl->name, t->n_missing);
		report_result(report, false, what, t->first_missing);
	}
	n_chosen = t->n_chosen;
	free(t);
	return n_chosen;
}

void ops_test(struct kit_dev *d, const struct ops_choice *choice, struct kit_report *report,
              char *now)
{
	int64_t n = 0;

	for (uint32_t i = 0; i < d->b->n_ops; i++) {
		const struct zinc_op_impl *impl = d->b->ops[i];

		if (chosen(choice->ops, impl->name) && optab_get(impl->op))
			n += test_op(d, choice, report, now, impl);
	}
	if (!n && (choice->first || choice->n_shards))
		report_result(report, false, "ops: no case has the numbers asked for", NULL);
}
