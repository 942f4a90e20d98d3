#!/bin/sh
# Installs what zinc needs to be built (setup.sh build) or tested as well
# (setup.sh test, the default) with apt-get. Does nothing when all is there.
set -u

goal=${1:-test}
case $goal in
build | test) ;;
*)
	echo "usage: packaging/setup.sh [build|test]" >&2
	exit 2
	;;
esac

has_module() {
	pkg-config --exists "$1" 2>/dev/null
}

has_header() {
	echo "#include <$1>" | cc -E -x c - >/dev/null 2>&1
}

has_file() {
	[ -e "$1" ]
}

has_fuzzer_runtime() {
	command -v clang >/dev/null &&
		ls "$(clang -print-resource-dir)"/lib/*/libclang_rt.fuzzer*.a >/dev/null 2>&1
}

# Each line: the Debian package, and how to tell that it is there.
needs() {
	cat <<-END
		gcc command -v cc
		libc6-dev has_header stdio.h
		make command -v make
		cmake command -v cmake
		ninja-build command -v ninja
		pkg-config command -v pkg-config
		libinih-dev has_module inih
		libpcre2-dev has_module libpcre2-8
		libutf8proc-dev has_module libutf8proc
		libjansson-dev has_module jansson
		libedit-dev has_module libedit
		libzstd-dev has_module libzstd
		libvulkan-dev has_header vulkan/vulkan_core.h
		glslc command -v glslc
	END
	[ "$goal" = build ] || cat <<-END
		libcmocka-dev has_module cmocka
		scdoc command -v scdoc
		abigail-tools command -v abidiff
		xz-utils command -v xz
		mesa-vulkan-drivers has_file /usr/share/vulkan/icd.d/lvp_icd*.json
		vulkan-validationlayers has_file /usr/share/vulkan/explicit_layer.d/VkLayer_khronos_validation.json
		libsimde-dev has_header simde/x86/avx512.h
		clang command -v clang
		libclang-rt-dev has_fuzzer_runtime
	END
}

missing=$(needs | while read -r package check; do
	$check >/dev/null 2>&1 </dev/null || printf '%s ' "$package"
done)

if [ -z "$missing" ]; then
	echo "setup: all that zinc needs is installed"
	exit 0
fi

if ! command -v apt-get >/dev/null; then
	echo "setup: no apt-get here; install the equivalents of these Debian packages: $missing" >&2
	exit 1
fi

as_root=
if [ "$(id -u)" != 0 ]; then
	if ! sudo -n true 2>/dev/null; then
		echo "setup: needs root; run: sudo apt-get install $missing" >&2
		exit 1
	fi
	as_root="sudo -n"
fi

echo "setup: installing $missing"
export DEBIAN_FRONTEND=noninteractive
$as_root apt-get update -qq || echo "setup: apt-get update failed, trying with the old lists" >&2
# shellcheck disable=SC2086 # words are meant to be split
if ! $as_root apt-get install -y -qq --no-install-recommends $missing >/dev/null </dev/null; then
	echo "setup: apt-get could not install: $missing" >&2
	exit 1
fi
echo "setup: done"
