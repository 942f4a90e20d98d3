#!/bin/bash
# farm.sh - every case of the kit and every test of whole models on a software Vulkan
# device, under the Khronos validation layer with synchronisation validation, cut into
# some five hundred pieces for a machine with many processors.
#
# usage: farm.sh prepare BUILD ROOT          puts the programs and their data into ROOT
#        farm.sh run ROOT ICD OUT [OPTION]   as root; OPTION: products=coopmat, chain=on, ...
#
# ROOT is a file system with a lavapipe, the Vulkan loader and the layer; ICD is the
# driver's file inside it. One for each Mesa, on Debian:
#   debootstrap --variant=minbase --include=mesa-vulkan-drivers,vulkan-validationlayers SUITE ROOT
# SUITE bookworm has Mesa 22, the same with mesa-vulkan-drivers of bookworm-backports
# Mesa 25, sid one with cooperative matrices. BUILD is made for the oldest of them.
# Without validate and batching nearly all of them took 2.6 core-hours of a Xeon.
#
# Environment: JOBS (as many as processors), LIMIT (seconds in all; pieces that are then
# missing are named "left" or "cut"), ONLY (a regular expression of pieces), SKIP (a file
# with names of pieces, those that passed before).
# A line for each piece, and OUT/summary.txt; logs in OUT/logs. The status is 0 if every
# piece passed.
set -u
top=$(cd "$(dirname "$0")/../.." && pwd)

usage() {
	sed -n '6,7p' "$0" | cut -c3- >&2
	exit 2
}

prepare() {
	build=$(cd "$1" && pwd) root=$(cd "$2" && pwd)
	mkdir -p "$root$build/bin" "$root$build/lib" "$root$build/tests/vulkan" \
		"$root$top/tests" "$root$top/packaging" "$root/usr/lib/zinc-farm"
	cp "$build/bin/zinc" "$build/bin/zinc-plugin-test" "$root$build/bin/"
	cp -R "$build/lib/zinc" "$root$build/lib/"
	for t in fixtures pocket validate batching vulkan_joins; do
		cp "$build/tests/test_$t" "$root$build/tests/"
	done
	cp -R "$build/tests/vulkan/faulty" "$root$build/tests/vulkan/"
	cp -R "$top/tests/fixtures" "$top/tests/vulkan" "$root$top/tests/"
	cp -R "$top/packaging/models" "$root$top/packaging/"
	# Libraries that the root may lack, and no others.
	ldd "$build"/bin/zinc "$build"/tests/test_fixtures "$build"/lib/zinc/*.so |
		sed -n 's/.*=> \(\/[^ ]*\).*/\1/p' | sort -u |
		while read -r lib; do
			find "$root/usr/lib" -name "$(basename "$lib")" | grep -q . ||
				cp -L "$lib" "$root/usr/lib/zinc-farm/"
		done
	echo "$top $build" >"$root/usr/lib/zinc-farm/paths"
	echo "farm.sh: $root"
}

# The layer's settings, by the present name or the one that old versions know.
layer_setting() {
	if grep -q validate_sync "$root"/usr/share/vulkan/explicit_layer.d/VkLayer_khronos_validation.json; then
		echo VK_LAYER_VALIDATE_SYNC=1
	else
		echo VK_LAYER_ENABLES=VK_VALIDATION_FEATURE_ENABLE_SYNCHRONIZATION_VALIDATION_EXT
	fi
}

# one NAME [VARIABLE=VALUE...] COMMAND...: runs a piece and judges it
one() {
	name=$1 started=$(date +%s)
	left=$((deadline - started))
	shift
	if [ $left -le 5 ]; then
		echo "left $name" | tee -a "$out/summary.txt"
		return
	fi
	log=$out/logs/$name.log
	env -i PATH=/usr/bin:/bin HOME=/tmp TMPDIR=/tmp XDG_CACHE_HOME=/tmp/farm-cache LC_ALL=C.UTF-8 \
		LD_LIBRARY_PATH=/usr/lib/zinc-farm VK_DRIVER_FILES="$icd" VK_ICD_FILENAMES="$icd" \
		VK_INSTANCE_LAYERS=VK_LAYER_KHRONOS_validation "$setting" LP_NUM_THREADS=1 \
		ZINC_TEST_BACKEND=vulkan_rdna4 ZINC_TEST_LONG=1 \
		${option:+ZINC_TEST_OPTIONS=vulkan_rdna4.$option} \
		timeout -k 2 "$left" "$chroot" "$root" /usr/bin/env "$@" >"$log" 2>&1 </dev/null
	rc=$? verdict=ok
	complaints=$(grep -cE 'VUID|UNASSIGNED|SYNC-HAZARD|Validation (Error|Warning)' "$log")
	[ $rc -eq 0 ] && [ "$complaints" -eq 0 ] || verdict=FAIL
	[ $rc -eq 124 ] && verdict='cut'
	echo "$verdict $name status $rc, $complaints complaints, $(($(date +%s) - started)) s," \
		"$(grep -oE '[0-9]+ runs' "$log" | awk '{ n += $1 } END { print n + 0 }') runs" |
		tee -a "$out/summary.txt"
}

# cases OP FROM TO STEP: neighbours need the same kernels, so they stay together
cases() {
	for ((i = $2; i <= $3; i += $4)); do
		echo "kit-$1-$i $kit --op $1 --case $i-$((i + $4 - 1 < $3 ? i + $4 - 1 : $3)) $plugin"
	done
}

# shards TEST K
shards() {
	for ((i = 1; i <= $2; i++)); do
		echo "$1-$i ZINC_TEST_SHARD=$i/$2 $build/tests/test_$1"
	done
}

# last OP: the number of its last case
last() {
	sed -n "s/^$1 \([0-9]*\):.*/\1/p" "$out/cases.txt" | tail -1
}

# Of a kind, the longest first.
pieces() {
	model=$top/tests/fixtures/q8_0
	shards fixtures 57
	shards pocket 25
	for script in listens faults; do
		echo "$script /bin/sh $top/tests/vulkan/$script.sh $zinc $model/qwen3.Q8_0.gguf $build/tests/vulkan/faulty"
	done
	echo "tables /bin/sh $top/tests/vulkan/tables.sh $zinc $top/packaging/models/pocket-gemma4.Q4_K_M.gguf"
	echo "chain /bin/sh $top/tests/vulkan/chain.sh $zinc $model/qwen3.Q8_0.gguf $model/qwen35.Q8_0.gguf"
	echo "joins $build/tests/test_vulkan_joins $plugin"
	echo "contract $contract --group load,abi,life,decline,async,oom,threads $plugin"
	large=$(($(last mmq) - 187)) # real sizes
	cases delta_net 1 "$(last delta_net)" 1
	cases mmq $large "$(last mmq)" 4
	cases flash_attn 1 "$(last flash_attn)" 6
	cases mmq 1 $((large - 1)) 40
	cases dmmv 1 "$(last dmmv)" 24
	for op in $(cut -d' ' -f1 "$out/cases.txt" | uniq | grep -vxE 'delta_net|mmq|flash_attn|dmmv'); do
		cases "$op" 1 "$(last "$op")" 60
	done
	shards validate 104
	shards batching 40
}

run() {
	root=$(cd "$1" && pwd) icd=$2 option=${4:-}
	mkdir -p "$3/logs" "$root/proc" "$root/dev/shm" "$root/tmp"
	out=$(cd "$3" && pwd)
	read -r top build <"$root/usr/lib/zinc-farm/paths"
	plugin=$build/lib/zinc/backend_vulkan_rdna4.so zinc=$build/bin/zinc
	contract="$build/bin/zinc-plugin-test --deadline 3600 ${option:+--option $option}" kit="$contract --ops"
	chroot=$(command -v chroot || echo /usr/sbin/chroot)
	deadline=$(($(date +%s) + ${LIMIT:-86400})) setting=$(layer_setting)
	mountpoint -q "$root/proc" || mount -t proc proc "$root/proc"
	for d in "null 3" "zero 5" "random 8" "urandom 9"; do
		[ -e "$root/dev/${d% *}" ] || mknod -m 666 "$root/dev/${d% *}" c 1 "${d#* }"
	done
	export root icd option out setting deadline chroot
	export -f one
	: >"$out/summary.txt"
	"$chroot" "$root" /usr/bin/env LD_LIBRARY_PATH=/usr/lib/zinc-farm VK_DRIVER_FILES="$icd" \
		"$build/bin/zinc-plugin-test" --list "$plugin" >"$out/cases.txt" || {
		echo "farm.sh: the backend does not start in $root with $icd: $(tail -1 "$out/cases.txt")"
		return 1
	}
	pieces | grep -E "${ONLY:-.}" |
		awk -v skip="${SKIP:-/dev/null}" 'BEGIN { while ((getline < skip) > 0) done[$1] } !($1 in done)' |
		xargs -d '\n' -P "${JOBS:-$(nproc)}" -n 1 bash -c 'set -f; one $1' farm
	cut -d' ' -f1 "$out/summary.txt" | sort | uniq -c
	[ -s "$out/summary.txt" ] && ! grep -qv '^ok ' "$out/summary.txt"
}

[ $# -ge 3 ] || usage
what=$1
shift
case $what in
prepare) prepare "$@" ;;
run) [ $# -ge 3 ] || usage; run "$@" ;;
*) usage ;;
esac
