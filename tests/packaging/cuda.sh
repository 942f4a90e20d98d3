#!/bin/sh
# Builds the CUDA backend's source package, which has none of the tree but the
# backend, in a root (root.sh build ROOT) with zinc-dev installed from DEBS, and has
# lintian look at it. Debian 12 has no toolkit that is new enough: the one of this
# machine is lent to the root, and the dependency on it is not checked.
# usage: cuda.sh ROOT DEBS-FOLDER
set -eu
tree=$(cd "$(dirname "$0")/../.." && pwd)
root=$1 debs=$2
cuda=$(dirname "$(dirname "$(readlink -f "$(command -v nvcc)")")")
. "$tree/tests/packaging/inside.sh"
name=/${work##*/}
base=$root
root=$(mktemp -d)
cleanup() {
	umount "$root/usr/local/cuda" "$root/proc" "$base/proc" "$base/dev/pts" "$base/sys" 2>/dev/null || :
	rm -rf "$work"
	mountpoint -q "$root/usr/local/cuda" || rm -rf "$root"
}
trap cleanup EXIT

# A copy, so that zinc-dev stays out of the root.
umount "$base/dev/pts" "$base/proc" "$base/sys"
cp -a "$base/." "$root/"
mount -t proc proc "$root/proc"
mkdir -p "$root/usr/local/cuda"
mount --bind -o ro "$cuda" "$root/usr/local/cuda"
copy_tree "$name/tree"
cp "$debs"/zinc_*.deb "$debs"/zinc-dev_*.deb "$root$name/"
inside sh -c "DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $name/zinc*.deb" >/dev/null
inside sh -c "cd $name/tree && PATH=\$PATH:/usr/local/cuda/bin ZINC_CUDA_ARCHS=${ZINC_CUDA_ARCHS:-89} \
	DEB_BUILD_OPTIONS=parallel=$(nproc) packaging/debian-cuda/build.sh $name/out -d"
find "$root$name/out" -maxdepth 1 -type f -exec cp {} "$debs/" \;
found=$(inside sh -c "lintian --display-info --pedantic --tag-display-limit 0 --allow-root $name/out/*.changes" || :)
[ -z "$found" ] || { echo "$found"; exit 1; }
inside sh -c "apt-get install -y -qq --no-install-recommends $name/out/zinc-backend-cuda-ada_*.deb" >/dev/null
inside zinc plugin list | grep '^cuda_ada '
inside zinc run --greedy "$name/tree/packaging/models/pocket-gemma4.Q4_K_M.gguf" "What does lantern mean?"
inside dpkg -r zinc-backend-cuda-ada >/dev/null
if inside zinc plugin list | grep '^cuda_ada '; then
	echo "a removed backend is listed"
	exit 1
fi
