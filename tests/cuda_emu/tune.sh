#!/bin/sh
# The table of measured products, from measuring to use: made when asked for, with a line;
# read without one; a damaged one told of and made anew.
# usage: tune.sh ZINC DRIVER_DIR MODEL
set -u
zinc=$1 model=$3
LD_LIBRARY_PATH=$2${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
ZINC_EMU_SYNC=1
export LD_LIBRARY_PATH ZINC_EMU_SYNC
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
failed=0

fail() {
	echo "FAIL: $1"
	cat "$dir/err"
	failed=$((failed + 1))
}

# plan ARGS...: `zinc plan`, with what it says in $dir/err
plan() {
	"$zinc" plan --backend=cuda_ada --option cuda_ada.cache="$dir/cache" "$@" "$model" \
		>"$dir/out" 2>"$dir/err" || fail "plan $*: status $?"
}

plan
[ -s "$dir/err" ] && fail "without a table there is something to say"
[ -e "$dir/cache" ] && fail "a table nobody asked for"
plan -v --option cuda_ada.tune=sample
grep -q "measuring which kernels suit CUDA emulation" "$dir/err" || fail "it measures silently"
grep -q "the table will be $dir/cache/cuda-" "$dir/err" || fail "where the table is, is not said"
[ "$(cat "$dir"/cache/*.choices | grep -c '^q4_k 256 256 [0-9]* [1-9]')" -eq 2 ] || fail "the table"
grep -q "kept as F16" "$dir/err" && fail "copies of weights distort the measurement"
plan
[ -s "$dir/err" ] && fail "a table that is there needs no line"
plan -v --option cuda_ada.tune=show
grep -q "q4_k 256 x 256, 64 columns: dmmv .* (taken)" "$dir/err" || fail "the list"
plan --option cuda_ada.tune=auto
[ -s "$dir/err" ] && fail "auto measures though there is a table"
for f in "$dir"/cache/*.choices; do
	sed 's/^q4_k 256/q4_k 512/' "$f" >"$dir/changed" && cp "$dir/changed" "$f"
done
plan
grep -q "is damaged and is not used" "$dir/err" || fail "a damaged table is not told of"
plan --option cuda_ada.tune=sample
plan
[ -s "$dir/err" ] && fail "a table made anew"
plan --option cuda_ada.tune=sample --option cuda_ada.cache=/proc/none
grep -q "cannot be written" "$dir/err" || fail "a folder that cannot be written"
exit "$failed"
