#!/bin/sh
# Ops of the CUDA backend whose kernels compile in seconds, on an emulated driver that has
# those alone; and what is off or rare unless an option asks for it: tables in host memory,
# products of the library with copies of weights, attention over some of the pages or with
# a shared prefix.
# usage: light.sh ZINC_PLUGIN_TEST PLUGIN DRIVER_DIR
set -u
tool=$1 plugin=$2
LD_LIBRARY_PATH=$3${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
ZINC_EMU_SYNC=1
export LD_LIBRARY_PATH ZINC_EMU_SYNC
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
failed=0

check() {
	"$tool" --ops --quick --option cache=off "$@" "$plugin" >"$dir/out" 2>&1 && return
	echo "FAIL: $*"
	grep -A 3 FAIL "$dir/out"
	failed=$((failed + 1))
}

check --op rmsnorm,add,mul,scale,softcap,sigmoid_gate,glu,embed,copy,cast
check --op moe_combine,argmax,state_copy
check --op embed --option tables=host
check --op embed --option tables=host --option table_rows=5
check --op mmq --variant library --option library_cols=1
check --op flash_attn --variant sparse --option sparse_percent=100 --option sparse_from=0
check --op flash_attn --variant shared --option shared_prefix=on
exit "$failed"
