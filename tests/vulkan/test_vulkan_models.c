/* test_vulkan_models.c - one fixture of every family on the Vulkan backend: its
 * reference logits, and the same bits however the prompt is cut. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "e2e/reference.h"
#include "e2e/rig.h"
#include "model/model.h"

/* F32 arithmetic and cache; see tests/fixtures/README.md. */
static const double QUANT_FILE_BOUND = 2e-3;

static void run(const char *path, uint32_t chunk, const struct reference *ref, float *x)
{
	struct engine_config c = rig_config();
	struct rig r;

	c.all_logits = true;
	c.chunk = chunk;
	rig_open(&r, path, &c);
	rig_logits(&r, ref->prompt, ref->n_prompt, x, NULL);
	rig_close(&r);
}

static void check(const char *path, const struct reference *ref)
{
	size_t n = (size_t)ref->n_prompt * ref->n_vocab;
	float *whole = calloc(n, sizeof(*whole)), *part = calloc(n, sizeof(*part));
	double worst;

	assert_non_null(whole);
	assert_non_null(part);
	run(path, 0, ref, whole);
	worst = rig_max_abs(whole, ref->logits, n);
	print_message("%s: max abs %.2e\n", strrchr(path, '/') + 1, worst);
	if (!(worst <= QUANT_FILE_BOUND))
		fail_msg("%s: max abs %g, bound %g", path, worst, QUANT_FILE_BOUND);
	run(path, 7, ref, part);
	if (memcmp(whole, part, n * sizeof(*part)))
		fail_msg("%s: chunks of 7 give other bits, max abs %g", path,
		         rig_max_abs(whole, part, n));
	free(whole);
	free(part);
}

static void check_folder(const char *dir)
{
	uint32_t n;
	char **list = rig_list(dir, &n);

	for (uint32_t i = 0; i < n; i++) {
		struct reference ref;

		if (!reference_open(&ref, list[i]))
			continue;
		if (rig_mine())
			check(list[i], &ref);
		reference_close(&ref);
	}
	rig_list_free(list, n);
}

static void test_families(void **state)
{
	(void)state;
	check_folder(ZINC_FIXTURE_DIR "/q8_0");
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_families)};

	const char *lengthy = getenv("ZINC_TEST_LONG");

	if (!lengthy || strcmp(lengthy, "1")) {
		print_message("skipped: takes minutes on a software device; ZINC_TEST_LONG=1 runs "
		              "it\n");
		return 77;
	}
	setenv("ZINC_TEST_BACKEND", "vulkan_rdna4", 1);
	if (!rig_has_backend())
		return 77;
	return rig_result(cmocka_run_group_tests(tests, NULL, NULL));
}
