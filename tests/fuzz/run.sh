#!/bin/sh
# Runs every fuzz target for ZINC_FUZZ_SECONDS (default 20) on its corpus, one
# line of result each. What a target finds new is kept in build/fuzz/found/.
set -u
cd "$(dirname "$0")/../.." || exit 1

seconds=${ZINC_FUZZ_SECONDS:-20}
build=build/fuzz
passed=0 failed=0

runtime_is_here() {
	command -v clang >/dev/null &&
		ls "$(clang -print-resource-dir)"/lib/*/libclang_rt.fuzzer*.a >/dev/null 2>&1
}

run_target() {
	name=$(basename "$1")
	found=$build/found/$name
	seeds=tests/fuzz/corpus/$name
	[ -d "$seeds" ] || seeds=
	mkdir -p "$found" "$build/crash"
	# shellcheck disable=SC2086 # no seeds: no argument
	if "$1" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -print_final_stats=1 \
		-artifact_prefix="$build/crash/$name-" "$found" $seeds >"$build/$name.log" 2>&1; then
		echo "$name: $(sed -n 's/^stat::number_of_executed_units: *//p' "$build/$name.log") inputs"
		passed=$((passed + 1))
	else
		tail -n 40 "$build/$name.log"
		echo "$name: FAILED, input in $build/crash/"
		failed=$((failed + 1))
	fi
}

if ! runtime_is_here; then
	echo "clang's fuzzer runtime is missing (Debian packages clang, libclang-rt-dev)"
	echo "fuzz: 0 passed, 0 failed, 1 skipped"
	exit 0
fi

mkdir -p "$build"
if ! { cmake --preset fuzz && cmake --build --preset fuzz; } >"$build/build.log" 2>&1; then
	tail -n 30 "$build/build.log"
	echo "fuzz: 0 passed, 1 failed, 0 skipped"
	exit 1
fi
for target in "$build"/fuzzers/*; do
	[ -x "$target" ] && run_target "$target"
done
echo "fuzz: $passed passed, $failed failed, 0 skipped"
[ "$failed" -eq 0 ]
