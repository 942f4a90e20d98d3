#!/bin/sh
# Makes the source package of the CUDA backend from the tree that this file is
# in, and builds it against the installed zinc-dev.
# usage: build.sh OUT [DPKG-BUILDPACKAGE-OPTION...]
set -eu
here=$(cd "$(dirname "$0")" && pwd)
tree=$here/../..
mkdir -p "$1"
out=$(cd "$1" && pwd)
shift
version=$(sed -n '1s/.*(\(.*\)).*/\1/p' "$here/debian/changelog")
copy=$out/zinc-backend-cuda-ada-$version
rm -rf "$copy"
mkdir -p "$copy/backends" "$copy/plugins.d" "$copy/packaging/cmake"
cp -R "$tree/backends/cuda_ada" "$copy/backends/"
cp -R "$tree/cuda" "$here/debian" "$here/CMakeLists.txt" "$tree/LICENSE" "$copy/"
cp "$tree/plugins.d/cuda_ada.ini.in" "$copy/plugins.d/"
cp "$tree/packaging/cmake/ZincCuda.cmake" "$tree"/packaging/cmake/*.sh "$copy/packaging/cmake/"
cd "$copy"
exec dpkg-buildpackage -us -uc "$@"
