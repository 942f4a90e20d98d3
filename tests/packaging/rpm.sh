#!/bin/sh
# The spec as far as Debian's tools go: rpmlint on it, rpmbuild of all packages with
# its %check. Dependencies are not checked, since rpm knows nothing of dpkg.
# usage: rpm.sh [OUT]
set -eu
tree=$(cd "$(dirname "$0")/../.." && pwd)
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
version=$(sed -n 's/^project(zinc VERSION \([0-9.]*\).*/\1/p' "$tree/CMakeLists.txt")

rpmlint -r "$tree/packaging/rpm/zinc.rpmlintrc" "$tree/packaging/rpm/zinc.spec" | tee "$dir/lint"
grep -q ' 0 errors, 0 warnings' "$dir/lint" || exit 1
mkdir -p "$dir/SOURCES"
tar -C "$tree" -czf "$dir/SOURCES/zinc-$version.tar.gz" --exclude=./.git --exclude=./build --exclude='./build-*' \
	--transform "s|^\.|zinc-$version|" .
rpmbuild -bb --nodeps --define "_topdir $dir" --define "_smp_mflags -j$(nproc)" --define "debug_package %{nil}" \
	"$tree/packaging/rpm/zinc.spec" >"$dir/log" 2>&1 || { tail -n 20 "$dir/log"; exit 1; }
grep -A2 '^lantern' "$dir/log" || { echo "%check did not run"; exit 1; }
for name in zinc zinc-backend-vulkan-rdna4 zinc-models-pocket zinc-devel zinc-tests zinc-doc; do
	[ -s "$(echo "$dir"/RPMS/*/"$name-$version"-*.rpm)" ] || { echo "no package $name"; exit 1; }
done
rpm -qp --provides "$dir"/RPMS/*/zinc-"$version"-*.rpm 2>/dev/null | grep '^zinc-plugin-abi = 0$'
rpm -qp --requires "$dir"/RPMS/*/zinc-backend-vulkan-rdna4-*.rpm 2>/dev/null | grep '^zinc-plugin-abi = 0$'
[ $# -eq 0 ] || { mkdir -p "$1" && cp "$dir"/RPMS/*/*.rpm "$1/"; }
