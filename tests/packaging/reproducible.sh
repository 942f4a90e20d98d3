#!/bin/sh
# Builds the Debian packages twice in a root (root.sh build ROOT): in folders of
# different names and lengths, in different years, time zones, languages, umasks and
# numbers of jobs. The packages must be the same, byte by byte.
# usage: reproducible.sh ROOT
set -eu
tree=$(cd "$(dirname "$0")/../.." && pwd)
root=$1
. "$tree/tests/packaging/inside.sh"
name=/${work##*/}

copy_tree "$name/tree"
inside sh -c "cd $name/tree && umask 022 && DEB_BUILD_OPTIONS='nocheck parallel=2' TZ=UTC \
	packaging/debian/build.sh $name/one -b" >"$work/log" 2>&1 || { tail -n 20 "$work/log"; exit 1; }
rm -rf "$work"/one/zinc-*/
inside sh -c "cd $name/tree && umask 002 && mkdir -p $name/elsewhere && HOME=$name/elsewhere USER=other LC_ALL=C \
	DEB_BUILD_OPTIONS='nocheck parallel=1' TZ=Pacific/Apia LANG=C.UTF-8 \
	NO_FAKE_STAT=1 faketime -f +400d packaging/debian/build.sh $name/elsewhere/in/another/place -b" >"$work/log" 2>&1 ||
	{ tail -n 20 "$work/log"; exit 1; }
two=$work/elsewhere/in/another/place

status=0
for deb in "$work"/one/*.deb; do
	other=$two/${deb##*/}
	if cmp -s "$deb" "$other"; then
		echo "the same: ${deb##*/} $(sha256sum <"$deb" | cut -c1-16)"
		continue
	fi
	echo "DIFFERENT: ${deb##*/}"
	status=1
	if command -v diffoscope >/dev/null; then
		diffoscope --max-report-size 20000 "$deb" "$other" || :
	fi
done
[ "$(ls "$work"/one/*.deb | wc -l)" = "$(ls "$two"/*.deb | wc -l)" ] || { echo "other packages"; status=1; }
exit $status
