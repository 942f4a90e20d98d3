#!/bin/sh
# gpu.sh - builds, tests and measures a GPU backend on the machine it runs on.
#
# usage: gpu.sh BACKEND OUT [STEP...]
#   BACKEND  cuda_ada or vulkan_rdna4
#   OUT      folder for logs and tables
#   STEP     build ops e2e sanitize bench-MODEL (default: all but sanitize);
#            MODEL as synth_gguf.py names it
# ZINC_BUILD names the build folder (default build/gpu); ZINC_TMP a folder with
# room for the largest model file (default /dev/shm); ZINC_BENCH more options for
# zinc bench.
set -eu
cd "$(dirname "$0")/../.."

backend=$1
mkdir -p "$2"
out=$(cd "$2" && pwd)
shift 2
build=${ZINC_BUILD:-build/gpu}
tmp=${ZINC_TMP:-/dev/shm}
failed=0

say() {
	printf '%s  %s\n' "$(date +%T)" "$*" | tee -a "$out/summary.txt"
}

# step NAME SECONDS COMMAND...: output into OUT/NAME.log, one line in the summary.
step() {
	name=$1
	limit=$2
	shift 2
	if timeout "$limit" "$@" >"$out/$name.log" 2>&1; then
		say "$name: ok"
	else
		say "$name: FAILED ($?)"
		grep -E 'FAIL|fail|ERROR|error|differ|lost' "$out/$name.log" | head -15 | tee -a "$out/summary.txt"
		failed=1
	fi
}

plugin() {
	find "$build/lib" -name "backend_$backend.so" | head -1
}

run_build() {
	step configure 120 cmake -S . -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=Release
	step build 900 cmake --build "$build"
}

run_ops() {
	step ops 300 "$build/bin/zinc-plugin-test" --ops "$(plugin)"
	grep -E '^(ok|FAIL|warn)' "$out/ops.log" | tail -80 || true
}

run_e2e() {
	for t in pocket fixtures validate batching; do
		ZINC_TEST_BACKEND=$backend step "$t" 240 "$build/tests/test_$t"
	done
}

# What the kit is asked for: all ops, and what is off unless an option asks for it.
sanitized() {
	echo all
	[ "$backend" != cuda_ada ] || cat <<-END
		int8 --op mmq --variant int8 --option products=int8
		library --op mmq --variant library --option library_cols=1
		sparse --op flash_attn --variant sparse --option sparse_percent=100 --option sparse_from=0
		shared --op flash_attn --variant shared --option shared_prefix=on
		tables --op embed --option tables=host --option table_rows=5
	END
}

# One processor's share of the cases. A kernel is looked up in one image after the
# other: misses are no errors.
sanitize_shard() {
	tool=$1 name=$2 i=$3
	shift 3
	CUDA_VISIBLE_DEVICES=$((i % gpus)) step "$tool-$name-$i" 900 compute-sanitizer --tool "$tool" \
		--report-api-errors no --error-exitcode 9 "$build/bin/zinc-plugin-test" --no-fork \
		--ops --quick --shard "$i/$cpus" "$@" "$(plugin)"
	[ "$failed" = 0 ]
}

run_sanitize() {
	cpus=$(nproc)
	gpus=$(nvidia-smi -L | wc -l)
	sanitized >"$out/sanitized.txt"
	for tool in memcheck racecheck; do
		while read -r name options; do
			# racecheck does not follow how the library's own kernels wait
			[ "$tool-$name" != racecheck-library ] || continue
			shards=
			for i in $(seq "$cpus"); do
				# shellcheck disable=SC2086
				sanitize_shard "$tool" "$name" "$i" $options &
				shards="$shards $!"
			done
			for shard in $shards; do
				wait "$shard" || failed=1
			done
		done <"$out/sanitized.txt"
	done
}

run_bench() {
	file=$tmp/$1.gguf
	[ -f "$file" ] || step "synth-$1" 300 python3 tests/bench/synth_gguf.py "$1" "$file"
	step "bench-$1" 300 "$build/bin/zinc" bench "$file" --backend="$backend" \
		--prefill 105,154,512,2048 --depth 0,4096 --steps 64 ${ZINC_BENCH:-}
	cat "$out/bench-$1.log"
	rm -f "$file"
}

[ $# -gt 0 ] || set -- build ops e2e bench-qwen3-8b bench-gemma4-31b bench-gemma4-e4b \
	bench-qwen35-35b-a3b bench-gemma4-26b-a4b
for what in "$@"; do
	case $what in
	bench-*) run_bench "${what#bench-}" ;;
	build | ops | e2e | sanitize) "run_$what" ;;
	*)
		echo "gpu.sh: unknown step $what" >&2
		exit 2
		;;
	esac
done
exit $failed
