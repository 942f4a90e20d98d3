#!/bin/sh
# Puts a current glslc beside an older system's, without touching the system:
# Debian 12's own knows no cooperative matrices and no integer dot product, and
# the Vulkan backend then goes without the kernels that use them.
#
# usage: packaging/glslc.sh DIR     then: cmake -DZINC_GLSLC=DIR/glslc ...
set -eu

if [ $# -ne 1 ]; then
	echo "usage: packaging/glslc.sh DIR" >&2
	exit 2
fi
if ! command -v apt-get >/dev/null || [ ! -r /usr/share/keyrings/debian-archive-keyring.gpg ]; then
	echo "glslc: made for Debian; elsewhere install shaderc 2024 or newer" >&2
	exit 1
fi
mkdir -p "$1"
dir=$(cd "$1" && pwd)
mirror=$(sed -n 's/^URIs: *//p' /etc/apt/sources.list.d/*.sources 2>/dev/null | head -1)
arch=$(dpkg --print-architecture)

mkdir -p "$dir/apt/lists/partial" "$dir/apt/archives/partial"
cat >"$dir/apt/trixie.sources" <<END
Types: deb
URIs: ${mirror:-http://deb.debian.org/debian}
Suites: trixie
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg
END

apt() {
	apt-get -qq -o Dir::Etc::sourcelist="$dir/apt/trixie.sources" -o Dir::Etc::sourceparts=/dev/null \
		-o Dir::State::Lists="$dir/apt/lists" -o Dir::Cache="$dir/apt" -o APT::Sandbox::User=root "$@"
}

apt update
(cd "$dir/apt" && apt download glslc libshaderc1 libc6 libstdc++6 libgcc-s1)
for deb in "$dir"/apt/*.deb; do
	dpkg-deb -x "$deb" "$dir/root"
done
rm -rf "$dir/apt"

# The program runs with the C library that came with it.
loader=$(find "$dir/root" -name 'ld-linux*.so.*' | head -1)
libs=$(dirname "$(find "$dir/root/usr/lib" -name 'libc.so.6' | head -1)")
cat >"$dir/glslc" <<END
#!/bin/sh
exec "$loader" --library-path "$libs" "$dir/root/usr/bin/glslc" "\$@"
END
chmod +x "$dir/glslc"
echo "glslc: $("$dir/glslc" --version | head -1) for $arch in $dir/glslc"
