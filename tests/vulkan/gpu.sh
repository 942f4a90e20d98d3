#!/bin/sh
# gpu.sh - the Vulkan backend on a machine with a GPU and its driver, but without
# a compiler, a shader compiler or the Vulkan loader.
#
# usage: gpu.sh prepare BUILD DIR      where everything was built: fills DIR
#        gpu.sh run DIR OUT [STEP...]  on the GPU machine, in the same source tree
# Steps are those of tests/bench/gpu.sh but build; default: ops e2e and benchmarks.
# A machine that can build needs DIR/shaders.pack alone (-DZINC_SHADER_PACK=...).
set -eu
top=$(cd "$(dirname "$0")/../.." && pwd)

usage() {
	echo "usage: gpu.sh prepare BUILD DIR | gpu.sh run DIR OUT [STEP...]" >&2
	exit 2
}

# Libraries of the programs that a bare system may lack.
copy_libraries() {
	for file in "$dir"/tree/bin/* "$dir"/tree/tests/* $(find "$dir/tree/lib" -name '*.so'); do
		ldd "$file" 2>/dev/null || true
	done | sed -n 's/.*=> \(\/[^ ]*\).*/\1/p' | sort -u |
		grep -vE '/(libc|libm|libdl|libpthread|librt|ld-linux[^/]*|libgcc_s|libstdc\+\+)\.so' |
		while read -r lib; do
			cp -L "$lib" "$dir/lib/"
		done
	loader=$(ls /usr/lib/*/libvulkan.so.1 /usr/lib/libvulkan.so.1 2>/dev/null | head -1)
	[ -n "$loader" ] && cp -L "$loader" "$dir/lib/libvulkan.so.1"
}

prepare() {
	build=$(cd "$1" && pwd)
	mkdir -p "$2"
	dir=$(cd "$2" && pwd)
	rm -rf "$dir/tree" "$dir/lib"
	mkdir -p "$dir/tree/bin" "$dir/tree/tests" "$dir/lib"
	cp "$build/bin/zinc" "$build/bin/zinc-plugin-test" "$dir/tree/bin/"
	cp -R "$build/lib" "$dir/tree/lib"
	find "$dir/tree/lib" -name '*.a' -delete
	for t in pocket fixtures validate batching vulkan_joins; do
		cp "$build/tests/test_$t" "$dir/tree/tests/"
	done
	cp "$build/backends/vulkan_rdna4/shaders.pack" "$dir/" 2>/dev/null || true
	find "$dir/tree" -type f -exec strip {} + 2>/dev/null || true
	copy_libraries
	echo "$top" >"$dir/source"
	echo "$build" >"$dir/build"
	echo "gpu.sh: $(du -sh "$dir" | cut -f1) in $dir"
}

# The test programs know the paths of the machine that built them.
stand_in() {
	[ -e "$1" ] && return
	mkdir -p "$(dirname "$1")"
	ln -s "$2" "$1"
}

run() {
	dir=$(cd "$1" && pwd)
	out=$2
	shift 2
	stand_in "$(cat "$dir/source")" "$top"
	stand_in "$(cat "$dir/build")" "$dir/tree"
	export LD_LIBRARY_PATH="$dir/lib${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"
	for icd in /usr/share/vulkan/icd.d/*.json /etc/vulkan/icd.d/*.json; do
		[ -e "$icd" ] && found=1
	done
	if [ -z "${found:-}" ] && [ -e /usr/local/nvidia/share/vulkan/icd.d/nvidia_icd.json ]; then
		export VK_DRIVER_FILES=/usr/local/nvidia/share/vulkan/icd.d/nvidia_icd.json
	fi
	[ $# -gt 0 ] || set -- ops e2e bench-qwen3-8b bench-gemma4-31b \
		bench-gemma4-e4b bench-qwen35-35b-a3b
	mkdir -p "$out"
	"$dir/tree/bin/zinc" plugin list | tee "$out/plugins.txt"
	ZINC_BUILD="$dir/tree" sh "$top/tests/bench/gpu.sh" vulkan_rdna4 "$out" "$@"
}

[ $# -ge 3 ] || usage
what=$1
shift
case $what in
prepare) prepare "$@" ;;
run) run "$@" ;;
*) usage ;;
esac
