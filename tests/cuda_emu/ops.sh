#!/bin/sh
# The CUDA backend's ops on the emulated driver: the light ones over the quick
# cases, of the heavy ones every few cases (ZINC_EMU_ALL=1: all of them).
# usage: ops.sh ZINC_PLUGIN_TEST PLUGIN DRIVER_DIR
set -u
tool=$1 plugin=$2
LD_LIBRARY_PATH=$3${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
ZINC_EMU_SYNC=1
export LD_LIBRARY_PATH ZINC_EMU_SYNC
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
failed=0

check() {
	"$tool" --ops --quick "$@" "$plugin" >"$dir/out" 2>&1 && return
	echo "FAIL: $*"
	grep -A 3 FAIL "$dir/out"
	failed=$((failed + 1))
}

# sample OP STEP: every STEPth case
sample() {
	n=$("$tool" --ops --quick --op "$1" --list "$plugin" | grep -c "^$1 ")
	[ "$n" -gt 0 ] || check --op "$1"
	i=1
	while [ "$i" -le "$n" ]; do
		check --op "$1" --case "$i"
		i=$((i + $2))
	done
}

check --op rmsnorm,add,mul,scale,softcap,sigmoid_gate,glu,embed,rope_dual,kv_write
check --op copy,cast,moe_route,moe_combine,conv1d,argmax,state_copy
if [ "${ZINC_EMU_ALL:-0}" = 1 ]; then
	check --op dmmv,mmq,flash_attn,delta_net,top_logits
else
	sample dmmv 37
	sample mmq 23
	sample flash_attn 29
	sample top_logits 11
	check --op delta_net --case 1
fi
exit "$failed"
