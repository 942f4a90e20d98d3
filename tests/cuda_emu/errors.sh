#!/bin/sh
# No driver, a wrong driver, no memory, a lost device, options that mean nothing: one
# clear line (after that of the plugin, where a device is lost, or where a table had to go
# to host memory), status 1, nothing left behind, no crash.
# usage: errors.sh ZINC DRIVER_DIR MODEL
set -u
zinc=$1 model=$3
LD_LIBRARY_PATH=$2
export LD_LIBRARY_PATH
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
failed=0

fail() {
	echo "FAIL: $1: $(cat "$dir/err")"
	failed=$((failed + 1))
}

# refuses LINES TEXT SETTING...: `zinc run` in that environment
refuses() {
	lines=$1 text=$2
	shift 2
	timeout 60 env "$@" "$zinc" run --backend=cuda_ada --greedy --max-tokens 4 "$model" hello \
		>"$dir/out" 2>"$dir/err" </dev/null
	rc=$?
	[ "$rc" -eq 1 ] || fail "$*: status $rc"
	[ "$(grep -c '^zinc: error: ' "$dir/err")" -le "$lines" ] || fail "$*: more than $lines lines"
	grep -q -- "$text" "$dir/err" || fail "$*: no '$text'"
	grep -v '^zinc: error: \|lies in host memory' "$dir/err" >"$dir/rest" &&
		fail "$*: more than errors"
}

mkdir "$dir/none"
: >"$dir/none/libcuda.so.1"
refuses 1 "no NVIDIA driver here" LD_LIBRARY_PATH="$dir/none"
refuses 1 "sees no GPU" ZINC_EMU_DEVICES=0
refuses 1 "of different versions" ZINC_EMU_FAIL=cuInit:1+:SYSTEM_DRIVER_MISMATCH
refuses 1 "does not start" ZINC_EMU_FAIL=cuInit:1+:UNKNOWN
refuses 1 "needs 8.0" ZINC_EMU_CC=75
refuses 1 "update the driver" ZINC_EMU_FAIL=cuModuleLoadData:1:NO_BINARY_FOR_GPU
refuses 1 "the device offers 4.0 MiB" ZINC_EMU_MEMORY=4

# Memory that runs out, at one call or from one call on.
for call in cuDevicePrimaryCtxRetain:1 cuStreamCreate:1 cuStreamCreate:2 cuMemAlloc:1 cuMemAlloc:2 \
	cuMemAlloc:3 cuMemAlloc:4 cuMemAlloc:6 cuMemAlloc:2+ cuMemHostAlloc:1 cuMemHostAlloc:2 \
	cuMemHostAlloc:3 cuMemHostAlloc:2+ cuGraphInstantiate:1 cuGraphInstantiate:2 \
	cuStreamEndCapture:1 cuModuleGetFunction:5 cuLaunchKernelEx:40; do
	refuses 1 "out of memory\|failed" ZINC_EMU_FAIL=$call
done

# A lost device: at load, in a copy, in a graph, in a kernel while it runs.
for call in cuLaunchKernelEx:2 cuMemcpyDtoHAsync:1 cuStreamSynchronize:2 cuGraphLaunch:1 \
	cuGraphLaunch:2 cuStreamWriteValue64:2 kernel:1 kernel:20 kernel:300 kernel:600; do
	refuses 2 "LAUNCH_FAILED\|device lost" ZINC_EMU_FAIL=$call:LAUNCH_FAILED
done
refuses 2 "ECC_UNCORRECTABLE" ZINC_EMU_FAIL=kernel:400:ECC_UNCORRECTABLE

# A conversation goes on to say that the device is lost, and ends.
ZINC_EMU_FAIL=kernel:1500:LAUNCH_FAILED timeout 60 "$zinc" chat "$model" --backend=cuda_ada --greedy \
	>"$dir/out" 2>"$dir/err" <<'END'
What does candle mean?
/clear
What does lantern mean?
END
rc=$?
[ "$rc" -eq 1 ] || fail "chat: status $rc"
grep -q "the GPU is lost" "$dir/err" || fail "chat"

# Options that mean nothing.
for option in products=maybe tables=maybe shared_prefix=maybe tune=maybe library_cols=many \
	dense_mib=-1 table_rows=0 sparse_percent=101 sparse_from=4k; do
	"$zinc" run --backend=cuda_ada --option "cuda_ada.$option" "$model" hello >"$dir/out" \
		2>"$dir/err" </dev/null
	rc=$?
	[ "$rc" -eq 1 ] || fail "$option: status $rc"
	[ "$(grep -c . "$dir/err")" -eq 1 ] || fail "$option: not one line"
	grep -q "option ${option%=*} .*not \"${option#*=}\"" "$dir/err" || fail "$option"
done
exit "$failed"
