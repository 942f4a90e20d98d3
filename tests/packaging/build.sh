#!/bin/sh
# Builds the Debian packages in a root (root.sh build ROOT), runs all tests on the
# way, and has lintian look at sources and packages: it must find nothing.
# DEB_BUILD_OPTIONS=nocheck leaves the tests out.
# usage: build.sh ROOT OUT
set -eu
tree=$(cd "$(dirname "$0")/../.." && pwd)
root=$1 out=$2
. "$tree/tests/packaging/inside.sh"
name=/${work##*/}

copy_tree "$name/tree"
inside sh -c "cd $name/tree && DEB_BUILD_OPTIONS='parallel=$(nproc) ${DEB_BUILD_OPTIONS:-}' packaging/debian/build.sh $name/out"
mkdir -p "$out"
find "$work/out" -maxdepth 1 -type f -exec cp {} "$out/" \;
found=$(inside sh -c "lintian --display-info --pedantic --tag-display-limit 0 --allow-root $name/out/*.changes" || :)
if [ -n "$found" ]; then
	echo "$found"
	exit 1
fi
echo "built into $out, lintian finds nothing"
