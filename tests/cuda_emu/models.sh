#!/bin/sh
# Whole models on the emulated driver answer as on the CPU.
# usage: models.sh ZINC DRIVER_DIR MODELS FIXTURES
set -u
zinc=$1 models=$3 fixtures=$4
LD_LIBRARY_PATH=$2${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
export LD_LIBRARY_PATH
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
failed=0

# same NAME ARGS...: what `zinc run` prints on both
same() {
	name=$1
	shift
	"$zinc" run --backend=cpu --greedy "$@" >"$dir/cpu" 2>"$dir/err" </dev/null &&
		"$zinc" run --backend=cuda_ada --greedy "$@" >"$dir/cuda" 2>"$dir/err" </dev/null
	rc=$?
	[ "$rc" -eq 0 ] && [ -s "$dir/cpu" ] && cmp -s "$dir/cpu" "$dir/cuda" && [ ! -s "$dir/err" ] && return
	echo "FAIL: $name: status $rc, CPU '$(cat "$dir/cpu")', CUDA '$(cat "$dir/cuda")'"
	cat "$dir/err"
	failed=$((failed + 1))
}

for model in "$fixtures"/q8_0/*.gguf "$fixtures"/k_quants/qwen3.*.gguf; do
	same "$model" --numerics=f32 --kv-type=f32 --max-tokens 4 "$model" "the dog"
done
for model in "$models"/*.gguf; do
	same "$model" "$model" "What does lantern mean?"
done
# Embeddings in host memory, products by the library with copies of weights.
model=$models/pocket-gemma4.Q4_K_M.gguf
same "weights elsewhere" --option cuda_ada.tables=host --option cuda_ada.table_rows=9 \
	--option cuda_ada.products=f16 --option cuda_ada.library_cols=16 "$model" "What does lantern mean?"
exit "$failed"
