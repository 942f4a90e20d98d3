/* test_memory.c - what a loaded model takes of this process's memory: weights once,
 * and what the ledger says. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "e2e/rig.h"
#include "run/ledger.h"

/* Kilobytes behind a key in a file of /proc, summed over lines; `after`: only those
 * that follow a line with this text, up to the next with a path. */
static uint64_t proc_kb(const char *path, const char *key, const char *after)
{
	FILE *f = fopen(path, "r");
	bool counts = !after;
	uint64_t sum = 0;
	char line[4096];

	if (!f)
		return 0;
	while (fgets(line, sizeof(line), f)) {
		unsigned long long kb;

		if (after && strchr(line, '-') && strchr(line, '-') < strchr(line, ' '))
			counts = strstr(line, after) != NULL;
		if (counts && !strncmp(line, key, strlen(key)) &&
		    sscanf(line + strlen(key), ": %llu", &kb) == 1)
			sum += kb;
	}
	fclose(f);
	return sum;
}

static uint64_t file_bytes(const char *path)
{
	FILE *f = fopen(path, "rb");
	long n = -1;

	if (f && !fseek(f, 0, SEEK_END))
		n = ftell(f);
	if (f)
		fclose(f);
	assert_true(n > 0);
	return (uint64_t)n;
}

static void weights_are_there_once(const char *path, uint32_t pack)
{
	struct engine_config c = rig_config();
	const int32_t ids[] = {1, 2, 3, 4, 5, 6, 7, 8};
	const struct ledger *ledger;
	uint64_t packed, mapped, in_file, peak;
	int32_t out[4];
	struct rig r;

	c.n_ctx = 256;
	c.numerics = RUN_NUM_FAST;
	c.pack = pack;
	rig_open(&r, path, &c);
	rig_greedy(&r, ids, 8, out, 4);
	engine_pack_wait(r.engine);
	rig_greedy(&r, ids, 8, out, 4);
	ledger = engine_ledger(r.engine);
	packed = ledger->planned[LEDGER_WEIGHTS_PACKED];
	mapped = ledger->planned[LEDGER_WEIGHTS_MAPPED];
	in_file = 1024 * proc_kb("/proc/self/smaps", "Rss", strrchr(path, '/'));
	peak = 1024 * proc_kb("/proc/self/status", "VmHWM", NULL);
	print_message("%s: %.1f MB packed, %.1f MB of the file in memory, peak %.1f MB\n",
	              strrchr(path, '/') + 1, (double)packed / 1e6, (double)in_file / 1e6,
	              (double)peak / 1e6);
	assert_true(packed > file_bytes(path) / 3);
	assert_true(in_file < file_bytes(path) - packed / 2);
#ifndef __SANITIZE_ADDRESS__
	assert_true(peak < mapped + ledger_planned_total(ledger) + (64 << 20));
#else
	(void)mapped;
#endif
	rig_close(&r);
}

static void test_hybrid(void **state)
{
	(void)state;
	weights_are_there_once(ZINC_MODEL_DIR "/pocket-qwen35moe.Q4_K_M.gguf", RUN_PACK_WAIT);
}

static void test_dense(void **state)
{
	(void)state;
	weights_are_there_once(ZINC_MODEL_DIR "/pocket-gemma4.Q4_K_M.gguf", RUN_PACK_WAIT);
}

/* What steps have read of the file before it was packed is gone, too. */
static void test_background(void **state)
{
	(void)state;
	weights_are_there_once(ZINC_MODEL_DIR "/pocket-qwen35moe.Q4_K_M.gguf", RUN_PACK_BACKGROUND);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_hybrid),
		cmocka_unit_test(test_dense),
		cmocka_unit_test(test_background),
	};

	if (!proc_kb("/proc/self/smaps", "Rss", NULL)) {
		print_message("skipped: no /proc/self/smaps here\n");
		return 77;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
