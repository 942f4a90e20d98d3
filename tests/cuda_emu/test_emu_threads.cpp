/* test_emu_threads.cpp - threads, warps, barriers and shared memory of the
 * emulation, and that it notices mistakes. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <string>

#include "test_rig.h"

static const std::vector<uint32_t> NOTHING;

static void every_thread_of_every_block_runs_once(void **)
{
	auto out = rig_run<uint32_t>("test_count", dim3(5, 3, 2), dim3(7, 3, 2), NOTHING, 30 * 42);

	for (uint32_t i = 0; i < out.size(); i++)
		assert_int_equal(out[i], i + 1);
}

static void shuffles_read_the_right_lane(void **)
{
	auto out = rig_run<uint32_t>("test_shuffle", 1, 32, NOTHING, 8 * 32);

	for (uint32_t lane = 0; lane < 32; lane++) {
		const uint32_t from[8] = {5,
		                          lane / 8 * 8 + (lane + 1) % 8,
		                          lane < 3 ? lane : lane - 3,
		                          lane % 4 < 1 ? lane : lane - 1,
		                          lane + 7 > 31 ? lane : lane + 7,
		                          lane % 16 + 2 > 15 ? lane : lane + 2,
		                          lane ^ 21,
		                          lane ^ 1};

		for (uint32_t i = 0; i < 8; i++)
			assert_int_equal(out[8 * lane + i], 3 * from[i]);
	}
}

static void votes_count_the_lanes_of_their_mask(void **)
{
	auto out = rig_run<uint32_t>("test_vote", 1, 32, NOTHING, 8 * 32);

	for (uint32_t lane = 0; lane < 32; lane++) {
		const uint32_t *v = &out[8 * lane];
		const bool low = lane < 16;
		uint32_t thirds = 0, same = 0;

		for (uint32_t i = 0; i < 32; i++) {
			thirds |= (i % 3 == 0 ? 1u : 0) << i;
			same |= (i % 5 == lane % 5 ? 1u : 0) << i;
		}
		assert_int_equal(v[0], thirds);
		assert_int_equal(v[1], thirds & (low ? 0xffffu : 0xffff0000u));
		assert_int_equal(v[2], low);
		assert_int_equal(v[3], low);
		assert_int_equal(v[4], same);
		assert_int_equal(v[5], low ? 120 : 376);
		assert_int_equal(static_cast<int>(v[6]), -9);
		assert_int_equal(v[7], 0xffff);
	}
}

static void barriers_hold_back_all_threads(void **)
{
	std::vector<float> in(512);
	float sum = 0;

	for (size_t i = 0; i < in.size(); i++)
		sum += in[i] = static_cast<float>(i * 7 % 64);
	auto out = rig_run<float>("test_tree", 1, 1000, in, 1);

	assert_true(out[0] == sum);
}

static void barriers_combine_predicates(void **)
{
	auto out = rig_run<uint32_t>("test_predicates", 1, 256, NOTHING, 256);

	for (uint32_t v : out)
		assert_int_equal(v, 86 * 16 + 8 + 0 + 2 + 0);
}

static void shared_memory_starts_as_rubbish_in_each_block(void **)
{
	auto out = rig_run<uint32_t>("test_poison", 20, 32, NOTHING, 20 * 64);

	for (uint32_t v : out)
		assert_int_equal(v, 0xffffffffu);
}

/* Groups: copies 0 and 1, then copy 2. Copy 1 is outside: zeros. */
static void asynchronous_copies_arrive_at_the_wait(void **)
{
	std::vector<uint32_t> in(32 * 12);

	for (uint32_t i = 0; i < in.size(); i++)
		in[i] = 1000 + i;
	auto out = rig_run<uint32_t>("test_async", 1, 32, in, 32 * 36);

	for (uint32_t thread = 0; thread < 32; thread++)
		for (uint32_t i = 0; i < 12; i++) {
			const uint32_t *o = &out[36 * thread + i], real = 1000 + 12 * thread + i;
			const uint32_t whole = i / 4 == 1 ? 0 : real;

			assert_int_equal(o[0], 0xffffffffu);
			assert_int_equal(o[12], i < 8 ? whole : 0xffffffffu);
			assert_int_equal(o[24], whole);
		}
}

static void atomics_count_all_blocks(void **)
{
	auto out = rig_run<uint32_t>("test_atomic", 50, 256, NOTHING, 5);
	float halves;

	memcpy(&halves, &out[2], sizeof(halves));
	assert_int_equal(out[0], 50 * 256);
	assert_int_equal(out[1], 50 * 256 - 1);
	assert_true(halves == 50 * 128);
	assert_int_equal(out[3], 50);
	assert_int_equal(out[4], 50 * 256);
}

/* In a process of its own: this program with the name of the mistake. */
static std::string output_of_mistake(int option, int *status)
{
	std::string text, command;
	char self[512], line[512];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	FILE *f;

	assert_true(n > 0);
	self[n] = 0;
	command = "ulimit -c 0; ZINC_EMU_MISTAKE=" + std::to_string(option) + " exec " + self + " 2>&1";
	f = popen(command.c_str(), "r");
	assert_non_null(f);
	while (fgets(line, sizeof(line), f))
		text += line;
	*status = pclose(f);
	return text;
}

static void mistakes_end_the_process_and_say_where(void **)
{
	const char *const expected[] = {
	        "deadlock",
	        "a warp function with mask|names lanes that have returned",
	        "256 bytes past the start of device memory of 256 bytes",
	        "is not aligned to 16 bytes",
	        "index 64 is outside the array",
	        "is not in shared memory",
	        "lacks the calling lane",
	        "no thread called ada_wait_inputs()",
	};

	for (int i = 0; i < 8; i++) {
		int status;
		std::string text = output_of_mistake(i, &status), want = expected[i];
		size_t bar = want.find('|');

		if (!WIFSIGNALED(status) || text.find("kernel test_mistake") == std::string::npos ||
		    (text.find(want.substr(0, bar)) == std::string::npos &&
		     text.find(want.substr(bar == std::string::npos ? 0 : bar + 1)) == std::string::npos))
			fail_msg("mistake %d: status %d, output: %s", i, status, text.c_str());
	}
}

static int make_mistake(int option)
{
	struct rig r;
	struct test_args a = {};

	rig_init(&r);
	cuMemAlloc(reinterpret_cast<CUdeviceptr *>(&a.out), 256);
	a.in = a.out;
	a.n = 64;
	a.option = static_cast<uint32_t>(option);
	rig_launch(&r, "test_mistake", 1, 64, a);
	cuStreamSynchronize(r.stream);
	return 0;
}

int main()
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(every_thread_of_every_block_runs_once),
	        cmocka_unit_test(shuffles_read_the_right_lane),
	        cmocka_unit_test(votes_count_the_lanes_of_their_mask),
	        cmocka_unit_test(barriers_hold_back_all_threads),
	        cmocka_unit_test(barriers_combine_predicates),
	        cmocka_unit_test(shared_memory_starts_as_rubbish_in_each_block),
	        cmocka_unit_test(asynchronous_copies_arrive_at_the_wait),
	        cmocka_unit_test(atomics_count_all_blocks),
	        cmocka_unit_test(mistakes_end_the_process_and_say_where),
	};
	const char *mistake = getenv("ZINC_EMU_MISTAKE");

	if (mistake)
		return make_mistake(atoi(mistake));
	return cmocka_run_group_tests(tests, nullptr, nullptr);
}
