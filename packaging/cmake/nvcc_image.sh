#!/bin/sh
# usage: nvcc_image.sh LOG NVCC ARGUMENT...
# Compiles kernels; what ptxas says of their registers and spills goes to LOG, for
# tests/cuda_static.sh, and is shown only if something is wrong.
log=$1
shift
"$@" -Xptxas -v >"$log" 2>&1 && exit 0
grep -v '^ptxas info\|bytes stack frame' "$log" >&2
exit 1
