#!/bin/sh
# What RADV makes of the shaders for RDNA4, on a machine without the card: registers,
# shared memory and subgroups in flight of every kernel that decoding and prefill wait
# for. Fails on spilled registers and on too few subgroups; --table prints the tables
# of tests/bench/rdna4.md.
# usage: rdna4.sh [--table] SHADER_STATS SPIRV_DIR
# ZINC_RADEON_ICD names the driver's manifest where it is not the system's
# (tests/vulkan/radv.sh brings one).
set -u
table=
if [ "$1" = --table ]; then
	table=1
	shift
fi
stats=$1 spirv=$2
icd=${ZINC_RADEON_ICD:-$(ls /usr/share/vulkan/icd.d/radeon_icd*.json 2>/dev/null | head -1)}
if [ -z "$icd" ]; then
	echo "SKIP: no RADV here"
	exit 77
fi
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

# on FAMILY LIST: compiles a list for a card that need not be there
on() {
	RADV_FORCE_FAMILY=$1 VK_DRIVER_FILES="$icd" VK_ICD_FILENAMES="$icd" MESA_SHADER_CACHE_DISABLE=1 \
		"$stats" "$spirv" <"$2" 2>"$dir/err"
}

# Weight types by the numbers of types.h; lists of NAME SUBGROUP CONSTANTS, as
# shaders/variants.ini names them.
types="16 17 18 19 20 21 22 23 24 25 26 27 28"
for type in $types; do
	for cols in 1 2 4 8 16 32 64; do
		rows=1 ahead=1
		[ $cols -le 8 ] && rows=2
		[ $cols -le 2 ] && ahead=2
		echo "linear/dmmv_q8_dot 64 128 $type 0 $cols 0 0 0 1 32 $rows 64 $ahead"
	done
	echo "linear/dmmv_q8_dot 64 128 $type $type 1 1 0 0 1 32 2 64 2"
	echo "linear/dmmv_q8_dot 64 128 $type $type 1 1 0 1 1 32 1 64 2"
	echo "linear/mmq_q8_dot 64 128 $type 64 32 0 0"
done >"$dir/linear"
for type in 16 23 24 25; do
	echo "linear/mmq_coop 64 256 $type 128 128 0 0 64 64 64 16 16 16"
	echo "linear/mmq_coop 64 128 $type 64 64 0 0 64 32 64 16 16 16"
	echo "linear/mmq_coop 64 256 $type 128 32 0 0 64 32 32 16 16 16"
done >"$dir/coop"
for lanes in 64 128 256 512; do
	rows=16
	[ $lanes -gt 256 ] && rows=8
	for kv in 1 16; do
		echo "attn/tile 64 128 $kv $kv $lanes $((lanes / 4)) 4 4 32 0"
		echo "attn/tile 64 128 $kv $kv $lanes $((lanes / 4)) $rows 4 1 0"
	done
done >"$dir/other"
cat >>"$dir/other" <<END
attn/merge 64 64 32 0 1
attn/rope_dual 64 64 128 0 0
attn/kv_write 64 64 1 1
linear/quant_act 64 128 1
linear/quant_act 64 128 2
rows/rmsnorm 64 512 1 1 0 0 4096 1
ssm/delta_net 64 64 128 0 1 64
ssm/conv1d 64 64 4 1 32
moe/route 64 64 256 8 0 0
moe/lists 64 256 256 4
out/argmax 64 256
END

if ! on gfx1201 "$dir/linear" >"$dir/linear.tsv" || ! on gfx1201 "$dir/other" >"$dir/other.tsv"; then
	grep -q compile "$dir/err" && cat "$dir/err" && exit 1
	echo "SKIP: this RADV does not know gfx1201 (tests/vulkan/radv.sh brings one that does)"
	exit 77
fi
# Of the compilers of today, this one offers matrices for RDNA3 only.
[ -e "$spirv/linear/mmq_coop.spv" ] && on navi31 "$dir/coop" >"$dir/coop.tsv"

# pick FILE: shader, constants, VGPRs, spilled, LDS, subgroups, instructions, cycles
pick() {
	[ -s "$1" ] && awk -F '\t' -v OFS='\t' '
	NR == 1 { for (i = 1; i <= NF; i++) at[$i] = i; next }
	{ print $1, $2, $at["VGPRs"], $at["Spilled VGPRs"] + $at["Spilled SGPRs"], $at["LDS size"],
	        $at["Subgroups per SIMD"], $at["Instructions"], $at["Inverse Throughput"] }' "$1"
}

if [ -n "$table" ]; then
	for list in linear other coop; do
		echo "| $list | constants | VGPRs | spilled | LDS | subgroups per SIMD | instructions | inverse throughput |"
		echo "|---|---|---|---|---|---|---|---|"
		pick "$dir/$list.tsv" | sed 's/\t/ | /g; s/^/| /; s/$/ |/'
		echo
	done
	exit 0
fi
for list in linear other coop; do
	pick "$dir/$list.tsv"
done | awk -F '\t' '
$4 > 0 { print "FAIL: " $1 " " $2 " spills " $4 " registers"; failed++ }
$1 == "linear/dmmv_q8_dot" {
	split($2, c, " ")
	if (c[3] == 0 && c[4] == 1) {
		vgprs[c[2]] = $3
		if ($6 < 16) { print "FAIL: one column of type " c[2] ": " $6 " subgroups"; failed++ }
	}
	if (c[3] == 0 && c[4] <= 16 && $6 < 8) { print "FAIL: " c[4] " columns of type " c[2] ": " $6 " subgroups"; failed++ }
	if (c[3] == 0 && c[4] == 64 && vgprs[c[2]] > $3) { print "FAIL: type " c[2] ": one column takes more registers than 64"; failed++ }
}
END { print NR " kernels compiled for gfx1201 (matrices: navi31), " failed + 0 " faults"; exit failed != 0 }'
