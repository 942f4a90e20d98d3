#!/bin/sh
# Does the interface still have the layout of the baseline? Nothing is suppressed:
# any difference fails. A change that is meant is recorded in the same commit by
#     sh tests/abi/abidiff.sh --update BUILD/tests/abi/anchor.so
# usage: abidiff.sh [--update] ANCHOR.so
set -u
here=$(cd "$(dirname "$0")" && pwd)
baseline=$here/baseline.abi.xz

if ! command -v abidiff >/dev/null || ! command -v xz >/dev/null; then
	echo "skipped: no abidiff (package abigail-tools) or no xz here"
	exit 77
fi
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

if [ "$1" = --update ]; then
	abidw --no-show-locs --no-comp-dir-path --no-corpus-path --no-elf-needed --out-file "$dir/new.abi" "$2" &&
		xz -9e "$dir/new.abi" && cp "$dir/new.abi.xz" "$baseline" && echo "recorded: $baseline"
	exit
fi
case $(readelf -h "$1" 2>/dev/null) in
*X86-64*) ;;
*)
	echo "skipped: the baseline is of x86-64"
	exit 77
	;;
esac
xz -dc "$baseline" >"$dir/baseline.abi" || exit 1
if ! abidiff --no-default-suppression "$dir/baseline.abi" "$1"; then
	echo "the plugin interface differs from tests/abi/baseline.abi.xz; a plugin built before may not work"
	exit 1
fi
echo "as in the baseline"
