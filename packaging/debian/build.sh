#!/bin/sh
# Builds the Debian packages of the tree that this file is in, in a copy.
# usage: build.sh OUT [DPKG-BUILDPACKAGE-OPTION...]
set -eu
tree=$(cd "$(dirname "$0")/../.." && pwd)
mkdir -p "$1"
out=$(cd "$1" && pwd)
shift
version=$(sed -n '1s/.*(\(.*\)).*/\1/p' "$tree/packaging/debian/changelog")
copy=$out/zinc-$version
rm -rf "$copy"
mkdir "$copy"
tar -C "$tree" -cf - --exclude=./.git --exclude=./build --exclude='./build-*' --sort=name . | tar -C "$copy" -xf -
cp -R "$copy/packaging/debian" "$copy/debian"
rm "$copy/debian/build.sh"
cd "$copy"
exec dpkg-buildpackage -us -uc "$@"
