#!/bin/sh
# What RADV makes of the shaders for RDNA4, on a machine without the card, as
# `zinc plugin shaders` tells it. Fails on spilled registers and on too few subgroups;
# --table prints the tables of tests/bench/rdna4.md.
# usage: rdna4.sh [--table] ZINC
# ZINC_RADEON_ICD names the driver's manifest where it is not the system's
# (tests/vulkan/radv.sh brings one).
set -u
table=
if [ "$1" = --table ]; then
	table=1
	shift
fi
zinc=$1
icd=${ZINC_RADEON_ICD:-$(ls /usr/share/vulkan/icd.d/radeon_icd*.json 2>/dev/null | head -1)}
if [ -z "$icd" ]; then
	echo "SKIP: no RADV here"
	exit 77
fi
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

# on FAMILY: the kernels as compiled for a card that need not be there; columns are two
# blanks or more apart: op, variant, case, kernel, constants, registers, spills, shared,
# in flight, instructions, cycles
on() {
	RADV_FORCE_FAMILY=$1 VK_DRIVER_FILES="$icd" VK_ICD_FILENAMES="$icd" MESA_SHADER_CACHE_DISABLE=1 \
		"$zinc" plugin shaders --backend=vulkan_rdna4 >"$dir/$1" 2>"$dir/err"
}

if ! on gfx1201; then
	grep -q 'compil' "$dir/err" && cat "$dir/err" && exit 1
	echo "SKIP: this RADV does not know gfx1201 (tests/vulkan/radv.sh brings one that does)"
	exit 77
fi
# Of the compilers of today, this one offers matrices for RDNA3 only.
on navi31 && sed -n '/_coop\|\/coop/p' "$dir/navi31" >"$dir/matrices"

# One section an op; products in F32 for several columns, which only comparisons use, are
# left out.
if [ -n "$table" ]; then
	for list in gfx1201 matrices; do
		grep -v '^OP ' "$dir/$list" | sort -s -k1,1 | awk -F '  +' -v list=$list '
		$2 ~ /^f32_cols[248]/ { next }
		$1 != op {
			op = $1
			print "\n### " op (list == "matrices" ? " with matrices, navi31" : "") "\n"
			print "| variant | case | kernel | constants | VGPRs | spilled | LDS | subgroups per SIMD | instructions | inverse throughput |"
			print "|---|---|---|---|---|---|---|---|---|---|"
		}
		{ print "| " $2 " | " $3 " | " $4 " | " $5 " | " $6 " | " $7 " | " $8 " | " $9 " | " $10 " | " $11 " |" }'
	done
	exit 0
fi
cat "$dir/gfx1201" "$dir/matrices" 2>/dev/null | awk -F '  +' '
$1 == "OP" { next }
{ n++ }
$7 + 0 > 0 { print "FAIL: " $4 " " $5 " spills " $7 " registers"; failed++ }
$1 == "dmmv" {
	cols = $2
	sub(/.*_cols/, "", cols)
	form = $3 " " substr($2, 1, 2)
	if (cols + 0 == 1) {
		one[form] = $6
		if ($9 + 0 < 16) { print "FAIL: " $2 " of " $3 ": " $9 " subgroups in flight"; failed++ }
	}
	if (cols + 0 <= 16 && $9 + 0 < 8) { print "FAIL: " $2 " of " $3 ": " $9 " subgroups in flight"; failed++ }
	if (cols + 0 == 64 && one[form] + 0 > $6 + 0) { print "FAIL: " $3 ": one column takes more registers than 64"; failed++ }
	if (cols + 0 == 64 && one[form] == "") { print "FAIL: " $3 ": no pipeline for one column"; failed++ }
}
END {
	if (n < 300) { print "FAIL: only " n + 0 " kernels"; failed++ }
	print n + 0 " kernels compiled for gfx1201 (matrices: navi31), " failed + 0 " faults"
	exit failed != 0
}'
