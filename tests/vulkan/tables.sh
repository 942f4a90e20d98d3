#!/bin/sh
# Tables in host memory: the same logits, and a line that says where they are.
# usage: tables.sh ZINC MODEL
set -u
zinc=$1
model=$2
failed=0
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

fail() {
	echo "FAIL: $*"
	failed=$((failed + 1))
}

for where in device host; do
	"$zinc" logits "$model" --ids 5,9,200,3 --out "$dir/$where" -v --backend=vulkan_rdna4 \
		--option=vulkan_rdna4.cache=off --option=vulkan_rdna4.tables=$where \
		>"$dir/$where.log" 2>&1 </dev/null || fail "tables=$where: $(cat "$dir/$where.log")"
	# What the validation layer says is lavapipe.sh's to see.
	cat "$dir/$where.log"
done
cmp -s "$dir/device" "$dir/host" || fail "tables in host memory change the logits"
grep -q 'a table of .* lies in host memory' "$dir/host.log" || fail "not a word of host memory"
grep -q 'lies in host memory' "$dir/device.log" && fail "a table in host memory with tables=device"
exit $failed
