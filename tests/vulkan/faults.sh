#!/bin/sh
# What can go wrong around a Vulkan device: no driver, a damaged or unwritable
# pipeline cache. Run by lavapipe.sh.
# usage: faults.sh ZINC FIXTURE.gguf
set -u
zinc=$1 model=$2
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
failed=0

fail() {
	echo "FAIL: $*"
	failed=$((failed + 1))
}

# logits FILE OPTION...: the model's numbers
logits() {
	out=$1
	shift
	"$zinc" logits "$model" --ids 1,2,3 --out "$out" --backend=vulkan --numerics=f32 "$@" \
		2>"$dir/err" </dev/null
}

VK_DRIVER_FILES=/nonexistent VK_ICD_FILENAMES=/nonexistent logits "$dir/none" &&
	fail "it ran without a driver"
[ "$(grep -c . "$dir/err")" -le 2 ] || fail "no driver: not one clear line: $(cat "$dir/err")"
grep -q Vulkan "$dir/err" || fail "no driver: $(cat "$dir/err")"

mkdir "$dir/cache"
cache="--option=vulkan_rdna4.cache=$dir/cache"
logits "$dir/first" "$cache" || fail "first run: $(cat "$dir/err")"
file=$(ls "$dir/cache"/vulkan-*.cache 2>/dev/null | head -1)
[ -n "$file" ] || fail "no cache file was written"
logits "$dir/second" "$cache" || fail "with a cache: $(cat "$dir/err")"
cmp -s "$dir/first" "$dir/second" || fail "the cache changes results"

for damage in truncated garbled; do
	if [ $damage = truncated ]; then
		head -c 20 "$file" >"$dir/cut" && mv "$dir/cut" "$file"
	else
		printf 'VKZC garbage that is long enough to be a head and more' >"$file"
	fi
	logits "$dir/third" "$cache" || fail "$damage cache: $(cat "$dir/err")"
	cmp -s "$dir/first" "$dir/third" || fail "a $damage cache changes results"
	[ "$(head -c 4 "$file" | od -An -tx1 | tr -d ' ')" = 564b5a43 ] ||
		fail "a $damage cache file was not replaced"
done
[ "$(ls "$dir/cache" | wc -l)" -eq 1 ] ||
	fail "files are left in the cache folder: $(ls "$dir/cache")"

logits "$dir/fourth" --option=vulkan_rdna4.cache=/proc/nowhere ||
	fail "no cache folder: $(cat "$dir/err")"
cmp -s "$dir/first" "$dir/fourth" || fail "without a cache other results"

"$zinc" plugin list >"$dir/list" 2>&1
grep -q vulkan_rdna4 "$dir/list" || fail "plugin list: $(cat "$dir/list")"
"$zinc" logits "$model" --ids 1,2,3 --out "$dir/auto" -v 2>"$dir/err" </dev/null
grep -q 'backend vulkan' "$dir/err" && fail "auto chose a software device: $(cat "$dir/err")"
exit $failed
