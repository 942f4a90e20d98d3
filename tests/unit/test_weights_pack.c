/* test_weights_pack.c - weights in a backend's own layout: what the backend is
 * asked, where the bytes land, what the recorded ops say about them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "unit/pack_model.h"

static void test_asked(void **state)
{
	static const int order[] = {W_EMBD, W_A, W_EXPERTS, W_ROUTER, W_HEAD};
	static const int packed[] = {W_A, W_EXPERTS, W_HEAD};
	struct engine *e = pack_start(RUN_PACK_WAIT);

	(void)state;
	assert_int_equal(pack_fake.n_layout, 5);
	for (int i = 0; i < 5; i++) {
		const struct zinc_weight_use *use = &pack_fake.layout[i].use;

		assert_int_equal(use->struct_size, sizeof(*use));
		assert_int_equal(use->roles, pack_decls[order[i]].roles);
		assert_null(use->view.buf);
		assert_int_equal(use->view.off, 0);
		assert_int_equal(use->view.layout, 0);
		assert_int_equal(use->view.dtype, pack_tensors[order[i]]->dtype);
		assert_memory_equal(use->view.ne, pack_tensors[order[i]]->ne, sizeof(use->view.ne));
		assert_int_equal(use->view.nb[1] * use->view.ne[1] * use->view.ne[2],
		                 pack_tensors[order[i]]->bytes);
	}
	assert_int_equal(pack_fake.n_pack, 3);
	for (int i = 0; i < 3; i++) {
		const struct pack_asked *p = &pack_fake.pack[i];

		assert_int_equal(p->layout, PACK_LAYOUT);
		assert_ptr_equal(p->src, pack_tensors[packed[i]]->data);
		assert_int_equal(p->use.roles, pack_decls[packed[i]].roles);
		assert_null(p->use.view.buf);
		assert_int_equal(p->use.view.nb[1], FILE_ROW);
		assert_memory_equal(p->use.view.ne, pack_tensors[packed[i]]->ne,
		                    sizeof(p->use.view.ne));
	}
	engine_destroy(e);
	assert_int_equal(pack_fake.n_bufs, 0);
}

static void test_views(void **state)
{
	struct engine *e = pack_start(RUN_PACK_WAIT);
	const struct zinc_view *part = &pack_fake.linear[0].w, *a = &pack_fake.linear[1].w;
	const struct zinc_view *head = &pack_fake.linear[4].w;

	(void)state;
	assert_int_equal(a->layout, PACK_LAYOUT);
	assert_int_equal(a->dtype, ZINC_Q8_0);
	assert_int_equal(a->nb[1], PACK_ROW);
	assert_int_equal(a->nb[2], PACK_ROW * A_ROWS);
	assert_int_equal(a->nb[3], PACK_ROW * A_ROWS);
	for (uint32_t r = 0; r < A_ROWS; r++) {
		pack_check_row(a, 0, r, W_A, r);
		assert_int_equal(*pack_bytes(a->buf, a->off + r * PACK_ROW + FILE_ROW, 1),
		                 PACK_FILL);
	}
	assert_int_equal(part->layout, PACK_LAYOUT);
	assert_int_equal(part->off, a->off + 4 * PACK_ROW);
	assert_int_equal(part->ne[1], 8);
	for (uint32_t r = 0; r < 8; r++)
		pack_check_row(part, 0, r, W_A, 4 + r);
	for (uint32_t r = 0; r < VOCAB; r++)
		pack_check_row(head, 0, r, W_HEAD, r);
	engine_destroy(e);
}

static void test_expert_windows(void **state)
{
	struct engine *e = pack_start(RUN_PACK_WAIT);
	const struct zinc_view *w = &pack_fake.linear[3].w;

	(void)state;
	assert_int_equal(w->ne[1], 4);
	assert_int_equal(w->nb[1], PACK_ROW);
	assert_int_equal(w->nb[2], PACK_ROW * E_ROWS);
	assert_int_equal(w->nb[3], PACK_ROW * E_ROWS * EXPERTS);
	for (uint32_t x = 0; x < EXPERTS; x++)
		for (uint32_t r = 0; r < 4; r++)
			pack_check_row(w, x, r, W_EXPERTS, x * E_ROWS + 2 + r);
	engine_destroy(e);
}

/* What the backend leaves in GGUF order is copied, or read from the mapped
 * file where that can be. */
static void test_ledger(void **state)
{
	uint64_t plain = pack_data_bytes(W_EMBD), router = pack_data_bytes(W_ROUTER);
	const struct zinc_view *w = &pack_fake.linear[2].w;
	struct engine *e = pack_start(RUN_PACK_WAIT);

	(void)state;
	pack_check_ledger(e, pack_packed_bytes(), pack_aligned(plain) + pack_aligned(router), 0);
	assert_int_equal(w->layout, 0);
	assert_memory_equal(pack_bytes(w->buf, w->off, router), pack_tensors[W_ROUTER]->data,
	                    router);
	engine_destroy(e);
	pack_setup(NULL);
	pack_fake.imports = true;
	e = pack_start(RUN_PACK_WAIT);
	pack_check_ledger(e, pack_packed_bytes(), 0, plain + router);
	assert_ptr_equal(pack_bytes(w->buf, w->off, router), pack_tensors[W_ROUTER]->data);
	engine_destroy(e);
	assert_int_equal(pack_fake.n_bufs, 0);
}

static void check_gguf_order(struct engine *e)
{
	const struct zinc_view *w = &pack_fake.linear[3].w;
	uint64_t sum = 0;

	for (int i = 0; i < N_WEIGHTS; i++)
		sum += pack_tensors[i] ? pack_aligned(pack_data_bytes(i)) : 0;
	pack_check_ledger(e, 0, sum, 0);
	assert_int_equal(pack_fake.n_pack, 0);
	assert_int_equal(w->layout, 0);
	assert_int_equal(w->nb[1], FILE_ROW);
	assert_int_equal(w->nb[2], FILE_ROW * E_ROWS);
	for (uint32_t x = 0; x < EXPERTS; x++)
		pack_check_row(w, x, 3, W_EXPERTS, x * E_ROWS + 2 + 3);
	engine_destroy(e);
}

static void test_no_pack(void **state)
{
	struct engine *e = pack_start(RUN_PACK_OFF);

	(void)state;
	assert_int_equal(pack_fake.n_layout, 0);
	check_gguf_order(e);
}

static void test_backend_that_packs_not(void **state)
{
	(void)state;
	pack_table.weight_layout = NULL;
	pack_table.weight_pack = NULL;
	check_gguf_order(pack_start(RUN_PACK_WAIT));
}

static void test_no_layout(void **state)
{
	struct engine *e = NULL;
	struct zinc_err err = {0};

	(void)state;
	pack_fake.fail_layout_of = E_ROWS;
	assert_int_equal(pack_make(&e, RUN_PACK_WAIT, &err), ZINC_E_UNSUPPORTED);
	assert_null(e);
	assert_non_null(strstr(err.msg, "blk.0.experts.weight"));
	assert_int_equal(pack_fake.n_bufs, 0);
}

static void test_no_packing(void **state)
{
	struct engine *e = NULL;
	struct zinc_err err = {0};

	(void)state;
	pack_fake.fail_pack_of = A_ROWS;
	pack_fake.imports = true;
	assert_int_equal(pack_make(&e, RUN_PACK_WAIT, &err), ZINC_E_INTERNAL);
	assert_null(e);
	assert_non_null(strstr(err.msg, "blk.0.a.weight"));
	assert_non_null(strstr(err.msg, "the packer is out of order"));
	assert_int_equal(pack_fake.n_bufs, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_asked, pack_setup),
		cmocka_unit_test_setup(test_views, pack_setup),
		cmocka_unit_test_setup(test_expert_windows, pack_setup),
		cmocka_unit_test_setup(test_ledger, pack_setup),
		cmocka_unit_test_setup(test_no_pack, pack_setup),
		cmocka_unit_test_setup(test_backend_that_packs_not, pack_setup),
		cmocka_unit_test_setup(test_no_layout, pack_setup),
		cmocka_unit_test_setup(test_no_packing, pack_setup),
	};

	return cmocka_run_group_tests_name("weights_pack", tests, pack_setup_file,
	                                   pack_teardown_file);
}
