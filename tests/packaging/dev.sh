#!/bin/sh
# Installs zinc into an empty prefix and builds the skeletons there, outside the
# tree, with what was installed and nothing else; then they must load, pass the
# kit, and the architectures give the logits that they should.
# usage: dev.sh BUILD CMAKE FIXTURES CC
set -u
build=$1 cmake=$2 fixtures=$3 cc=$4
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
failed=0
prefix=$dir/prefix
export HOME="$dir"
unset XDG_DATA_HOME ZINC_PLUGIN_PATH ZINC_CONFIG XDG_CONFIG_HOME

fail() {
	echo "FAIL: $*"
	failed=$((failed + 1))
}

finish() {
	[ "$failed" -eq 0 ] && echo "zinc-dev: all as expected"
	exit "$failed"
}

grep -q '^ZINC_SANITIZE:BOOL=ON' "$build/CMakeCache.txt" && {
	echo "skipped: plugins from outside have no sanitizers"
	exit 77
}
"$cmake" --install "$build" --prefix "$prefix" >"$dir/log" 2>&1 || {
	fail "install: $(tail -n 5 "$dir/log")"
	finish
}
zinc=$prefix/bin/zinc kit=$prefix/bin/zinc-plugin-test
libdir=$(dirname "$(find "$prefix" -name zinc-plugin.pc)")
export PKG_CONFIG_PATH="$libdir"
libdir=${libdir#"$prefix/"}
libdir=${libdir%/pkgconfig}

# builds SKELETON: in a folder that can be read from nowhere else.
builds() {
	cp -R "$prefix/share/zinc/skeleton/$1" "$dir/$1"
	"$cmake" -S "$dir/$1" -B "$dir/$1/build" -DCMAKE_PREFIX_PATH="$prefix" -DCMAKE_C_COMPILER="$cc" \
		-DCMAKE_INSTALL_LIBDIR="$libdir" -DCMAKE_C_FLAGS="-Wall -Wextra -Werror" -DCMAKE_BUILD_TYPE=Release >"$dir/log" 2>&1 &&
		"$cmake" --build "$dir/$1/build" >>"$dir/log" 2>&1 ||
		fail "$1: $(tail -n 20 "$dir/log")"
	ctest --test-dir "$dir/$1/build" --output-on-failure >"$dir/log" 2>&1 ||
		fail "$1: $(tail -n 40 "$dir/log")"
	grep -q -- "-loads" "$dir/log" || fail "$1: the loader was not asked: $(cat "$dir/log")"
	[ ! -x "$kit" ] || grep -q -- "-kit" "$dir/log" || fail "$1: no kit: $(cat "$dir/log")"
}

# lists SKELETON ID: zinc takes it from there.
lists() {
	"$zinc" plugin list --plugin-dir "$dir/$1/build/zinc/plugins.d" >"$dir/out" 2>&1
	grep -q "^$2 .*ready" "$dir/out" || fail "$2 is not ready: $(cat "$dir/out")"
}

# An architecture of the same mathematics as one of zinc's, on the same file
# under another name, gives the same bits.
builds arch
lists arch proto
model=$fixtures/q8_0/llama.Q8_0.gguf
sed 's/llama/proto/g' "$model" >"$dir/proto.gguf"
"$zinc" logits "$model" --ids 5,6,7,8,200,201 --out "$dir/want" >"$dir/log" 2>&1 || fail "logits: $(cat "$dir/log")"
"$zinc" logits "$dir/proto.gguf" --ids 5,6,7,8,200,201 --out "$dir/got" \
	--plugin-dir "$dir/arch/build/zinc/plugins.d" >"$dir/log" 2>&1 || fail "logits: $(cat "$dir/log")"
cmp "$dir/want" "$dir/got" || fail "the skeleton's logits are not those of llama"
[ ! -x "$kit" ] || "$kit" --quick --model "$dir/proto.gguf" "$dir/arch/build/zinc/arch_proto.so" >"$dir/log" 2>&1 ||
	fail "kit with a model: $(grep -v '^ok' "$dir/log")"
"$zinc" logits "$dir/proto.gguf" --ids 5 --out "$dir/got" >"$dir/log" 2>&1 && fail "proto runs without its plugin"

# A backend that lacks ops says which; one plugin installed is found without a word.
builds backend
lists backend proto_host
"$zinc" run "$model" --raw hello --backend=proto_host --plugin-dir "$dir/backend/build/zinc/plugins.d" \
	>"$dir/out" 2>"$dir/log" && fail "a backend of four ops ran a model"
grep -q "flash_attn" "$dir/log" || fail "no list of missing ops: $(cat "$dir/log")"
"$cmake" --install "$dir/arch/build" --prefix "$prefix" >"$dir/log" 2>&1 || fail "install: $(cat "$dir/log")"
"$zinc" logits "$dir/proto.gguf" --ids 5 --out "$dir/got" >"$dir/log" 2>&1 || fail "installed: $(cat "$dir/log")"

# The example has its own reference, and is as short as its README says.
builds example
lines=$(cat "$dir"/example/*.[ch] | wc -l)
grep -q ": $lines lines of C" "$dir/example/README.md" || fail "the example has $lines lines, not what its README says"
lists example olmo2

# Without CMake.
if command -v pkg-config >/dev/null; then
	of_prefix=--define-variable=prefix=$prefix
	# shellcheck disable=SC2046 # flags are words
	"$cc" -shared -fPIC -fvisibility=hidden -Wl,-z,defs -DZINC_PLUGIN_VERSION='"1"' \
		$(pkg-config "$of_prefix" --cflags zinc-plugin) -o "$dir/arch_proto.so" "$dir"/arch/*.c -lm ||
		fail "pkg-config's flags do not do"
	[ -e "$(pkg-config "$of_prefix" --variable=manifestdir zinc-plugin)/cpu.ini" ] ||
		fail "manifestdir: $(pkg-config "$of_prefix" --variable=manifestdir zinc-plugin)"
fi

for page in man1/zinc.1 man7/zinc-plugin-abi.7; do
	[ ! -e "$build/packaging/${page#*/}" ] || [ -s "$prefix/share/man/$page" ] || fail "no $page"
done
finish
