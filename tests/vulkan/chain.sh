#!/bin/sh
# Lists that are ordered by counters give the same bits as lists with barriers.
# usage: chain.sh ZINC MODEL...
set -eu
zinc=$1
shift
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
for model; do
	for numerics in fast strict; do
		for chain in on off; do
			"$zinc" logits "$model" --ids 3,5,7,9,11 --chunk 1 --backend=vulkan \
				--numerics=$numerics --option vulkan_rdna4.chain=$chain \
				--option vulkan_rdna4.cache=off --out "$dir/$chain"
		done
		if ! cmp "$dir/on" "$dir/off"; then
			echo "FAIL: $model, $numerics: chained lists give other logits"
			exit 1
		fi
	done
done
echo "chained lists: same logits"
