#!/bin/sh
# The tests in packaging/debian/tests as Debian runs them: by autopkgtest, in a copy
# of a clean root (root.sh clean ROOT), on packages built by build.sh.
# usage: autopkgtest.sh ROOT DEBS-FOLDER
set -eu
tree=$(cd "$(dirname "$0")/../.." && pwd)
work=$(mktemp -d)
trap 'umount "$work/root/proc" 2>/dev/null || :; rm -rf "$work"' EXIT
unset TMPDIR # would be looked for in the root
cp -a "$1" "$work/root"
mount -t proc proc "$work/root/proc"
mkdir "$work/source"
cp -R "$tree/packaging/debian" "$work/source/debian"
set -- "$2"/zinc_*.deb "$2"/zinc-[a-z]*.deb
for deb; do
	shift
	case $deb in
	*-dbgsym_*) ;;
	*) set -- "$@" "$deb" ;;
	esac
done
cd "$work"
autopkgtest --no-built-binaries "$@" "$work/source/" -- chroot "$work/root"
