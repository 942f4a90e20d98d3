#!/bin/sh
# usage: cuda_static.sh FOLDER
# What can be proved about Ada without the card: every kernel in FOLDER/*.log (what
# ptxas said of the images, see packaging/cmake/nvcc_image.sh) that was compiled for
# sm_89 keeps all that it has in registers. Its launch bounds, the occupancy that its
# source claims, hold then: ptxas keeps registers to them, and spills where it cannot.
# An instruction that sm_89 lacks would not have been compiled.
set -u
logs=$(ls "$1"/*.log 2>/dev/null)
[ -n "$logs" ] || { echo "skipped: no kernels were compiled in this build"; exit 77; }
# shellcheck disable=SC2086 # no path of a build has blanks, or CMake fails before
cat $logs | awk '
	/Compiling entry function/ { split($0, q, "\047"); kernel = q[2]; arch = q[4] }
	arch != "sm_89" { next }
	/Compiling entry function/ { n++ }
	/bytes stack frame/ {
		if ($5 + 0 || $9 + 0) {
			print kernel ": " $0
			bad++
		}
	}
	/Used [0-9]+ registers/ {
		match($0, /Used [0-9]+/)
		r = substr($0, RSTART + 5, RLENGTH - 5) + 0
		if (r > most) { most = r; which = kernel }
		seen++
	}
	END {
		if (!n) { print "skipped: this build has no kernels for sm_89"; exit 77 }
		if (seen != n) { print n " kernels, but registers of " seen + 0; exit 1 }
		print n " kernels for sm_89, " bad + 0 " that spill; at most " most " registers (" which ")"
		exit bad > 0
	}'
