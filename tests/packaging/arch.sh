#!/bin/sh
# The PKGBUILD with Debian's makepkg (packages makepkg, pacman-package-manager,
# libarchive-tools), which does all but look at dependencies: builds every package
# and looks into each.
# usage: arch.sh [OUT]; not as root, or as root, which becomes "nobody"
set -eu
tree=$(cd "$(dirname "$0")/../.." && pwd)
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
version=$(sed -n 's/^pkgver=//p' "$tree/packaging/arch/PKGBUILD")

cp "$tree/packaging/arch/PKGBUILD" "$dir/"
tar -C "$tree" -czf "$dir/zinc-$version.tar.gz" --exclude=./.git --exclude=./build --exclude='./build-*' \
	--transform "s|^\.|zinc-$version|" .
cat >"$dir/makepkg.conf" <<END
CARCH=x86_64
CHOST=x86_64-pc-linux-gnu
CFLAGS="-O2 -pipe"
MAKEFLAGS=-j$(nproc)
BUILDENV=(!distcc !color !ccache !check !sign)
OPTIONS=(strip docs !libtool !staticlibs emptydirs zipman purge !debug !lto)
INTEGRITY_CHECK=(sha256)
STRIP_BINARIES="--strip-all"
STRIP_SHARED="--strip-unneeded"
MAN_DIRS=(usr/share/man)
DOC_DIRS=(usr/share/doc)
PKGEXT=.pkg.tar.gz
SRCEXT=.src.tar.gz
COMPRESSGZ=(gzip -c -f -n)
DLAGENTS=('file::/usr/bin/true')
VCSCLIENTS=()
END
as=
if [ "$(id -u)" = 0 ]; then
	chown -R nobody "$dir"
	as="setpriv --reuid=65534 --regid=65534 --clear-groups env HOME=$dir"
fi
cd "$dir"
$as makepkg --config "$dir/makepkg.conf" --nodeps --noprogressbar >"$dir/log" 2>&1 || { tail -n 20 "$dir/log"; exit 1; }

# has PACKAGE PATH...: it holds these.
has() {
	package=$1
	shift
	tar -tzf "$dir/$package-$version"-1-*.pkg.tar.gz >"$dir/list"
	for path; do
		grep -q "^$path" "$dir/list" || { echo "$package lacks $path"; exit 1; }
	done
	echo "$package: $(grep -c '[^/]$' "$dir/list") files"
}
has zinc usr/bin/zinc usr/lib/zinc/backend_cpu.so usr/share/man/man1/zinc-run.1 usr/share/bash-completion/completions/zinc
! grep -q 'vulkan\|zinc-plugin-test\|share/zinc/models' "$dir/list" || { echo "zinc has files of others"; exit 1; }
has zinc-backend-vulkan-rdna4 usr/lib/zinc/backend_vulkan_rdna4.so usr/lib/zinc/plugins.d/vulkan_rdna4.ini
has zinc-models-pocket usr/share/zinc/models/pocket
has zinc-devel usr/bin/zinc-plugin-test usr/include/zinc/plugin.h usr/share/zinc/skeleton/arch/model.c
has zinc-tests usr/share/zinc/tests/run
has zinc-docs usr/share/doc/zinc/README.md
[ $# -eq 0 ] || { mkdir -p "$1" && cp "$dir"/*.pkg.tar.gz "$1/"; }
