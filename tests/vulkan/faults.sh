#!/bin/sh
# What can go wrong around a Vulkan device: no driver, no device that will do, no memory,
# a lost device, a damaged or unwritable pipeline cache, options that mean nothing. Run by
# lavapipe.sh.
# usage: faults.sh ZINC FIXTURE.gguf FOLDER       FOLDER has the library of faulty_loader.c
set -u
zinc=$1 model=$2 faulty=$3
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
	timeout 60 "$zinc" logits "$model" --ids 1,2,3 --out "$out" --backend=vulkan --numerics=f32 \
		"$@" 2>"$dir/err" </dev/null
}

VK_DRIVER_FILES=/nonexistent VK_ICD_FILENAMES=/nonexistent logits "$dir/none" &&
	fail "it ran without a driver"
[ "$(grep -c . "$dir/err")" -le 2 ] || fail "no driver: not one clear line: $(cat "$dir/err")"
grep -q Vulkan "$dir/err" || fail "no driver: $(cat "$dir/err")"

for option in products tables chain tiles; do
	logits "$dir/none" --option=vulkan_rdna4.$option=maybe && fail "it ran with $option=maybe"
	[ "$(grep -c . "$dir/err")" -eq 1 ] || fail "$option=maybe: not one line: $(cat "$dir/err")"
	grep -q "option $option .*\"maybe\"" "$dir/err" || fail "$option=maybe: $(cat "$dir/err")"
done

# faulty FAULT WORDS: fails with status 1 and one line that has the words.
faulty() {
	VULKAN_FAULT=$1 LD_LIBRARY_PATH="$faulty${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}" \
		logits "$dir/faulty" --option=vulkan_rdna4.cache=off
	status=$?
	[ $status -eq 1 ] || fail "fault $1: status $status"
	[ "$(grep -c . "$dir/err")" -eq 1 ] || fail "fault $1: not one line: $(cat "$dir/err")"
	grep -q "$2" "$dir/err" || fail "fault $1: no word of '$2': $(cat "$dir/err")"
}

VULKAN_LOADER=$(ls /usr/lib/*/libvulkan.so.1 /usr/lib64/libvulkan.so.1 /usr/lib/libvulkan.so.1 2>/dev/null | head -1)
export VULKAN_LOADER
if [ -n "$VULKAN_LOADER" ]; then
	faulty none 'device'
	faulty old 'Vulkan 1.2'
	faulty feature 'buffer device addresses'
	faulty create 'llvmpipe'
	faulty compile 'memory'
	faulty memory 'memory'
	faulty submit 'lost'
	faulty wait 'lost'
	# While weights are packed, and in a step.
	for VULKAN_FEW in 8 22; do
		export VULKAN_FEW
		faulty submit 'lost'
		faulty wait 'lost'
	done
	VULKAN_FEW=8
	faulty memory 'temporaries'
fi

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

# shaders STATUS WORDS OPTION...: zinc plugin shaders fails so, with one line.
shaders() {
	want=$1 words=$2
	shift 2
	"$zinc" plugin shaders "$@" >"$dir/out" 2>"$dir/err" </dev/null
	status=$?
	[ $status -eq "$want" ] || fail "plugin shaders $*: status $status"
	[ "$(grep -c . "$dir/err")" -eq 1 ] || fail "plugin shaders $*: $(cat "$dir/err")"
	grep -q "$words" "$dir/err" || fail "plugin shaders $*: $(cat "$dir/err")"
}
shaders 1 'no Vulkan device 9' --backend=vulkan_rdna4 --device=9
shaders 1 'cpu tells nothing' --backend=cpu --json
shaders 2 usage --device=first
shaders 2 usage --what

"$zinc" plugin list >"$dir/list" 2>&1
grep -q vulkan_rdna4 "$dir/list" || fail "plugin list: $(cat "$dir/list")"
"$zinc" logits "$model" --ids 1,2,3 --out "$dir/auto" -v 2>"$dir/err" </dev/null
grep -q 'backend vulkan' "$dir/err" && fail "auto chose a software device: $(cat "$dir/err")"
exit $failed
