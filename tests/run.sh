#!/bin/sh
# Every test there is: the release build, the same tests under sanitizers, then
# each fuzz target for a short while. The last line sums up all three.
set -u
cd "$(dirname "$0")/.." || exit 1

jobs=$(nproc 2>/dev/null || echo 2)
passed=0 failed=0 skipped=0

# One attribute of the JUnit report that ctest wrote.
count() {
	sed -n "s/.*[[:space:]]$2=\"\([0-9]*\)\".*/\1/p" "$1" | head -n 1
}

suite() {
	report=$PWD/build/$1/tests.xml
	cuda=
	[ "$1" = release ] && cuda=-DZINC_CUDA=ON # `make run` may have left it out
	echo "== $1"
	rm -f "$report"
	cmake --preset "$1" -DBUILD_TESTING=ON $cuda && cmake --build --preset "$1" -j "$jobs" &&
		ctest --preset "$1" -j "$jobs" --output-junit "$report"
	if [ ! -s "$report" ]; then
		echo "$1: the tests did not run"
		failed=$((failed + 1))
		return
	fi
	f=$(count "$report" failures) s=$(count "$report" skipped) all=$(count "$report" tests)
	failed=$((failed + f)) skipped=$((skipped + s)) passed=$((passed + all - f - s))
}

# The runner's last line is "fuzz: N passed, N failed, N skipped".
fuzz() {
	echo "== fuzz"
	out=$(sh tests/fuzz/run.sh)
	echo "$out"
	# shellcheck disable=SC2046 # words are meant to be split
	set -- $(echo "$out" | tail -n 1)
	passed=$((passed + $2)) failed=$((failed + $4)) skipped=$((skipped + $6))
}

suite release
suite sanitize
fuzz

echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
