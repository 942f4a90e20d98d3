#!/bin/sh
# Every position's logits against the reference that make_model.py left.
# usage: logits.sh ZINC PLUGINS COMPARE
set -eu
here=$(dirname "$0")
out=$(mktemp)
trap 'rm -f "$out"' EXIT
for chunk in 1 7 64; do
	"$1" logits "$here/olmo2.gguf" --ids "@$here/prompt.txt" --out "$out" --plugin-dir "$2" \
		--backend cpu --numerics f32 --kv-type f32 --chunk "$chunk"
	"$3" "$out" "$here/logits.bin" 1e-4
done
