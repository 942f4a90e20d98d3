#!/bin/sh
# Debian packages in a clean root: installed, used, upgraded, a backend taken
# away, removed, purged; then the root must hold what it held before. Wants root,
# and a root made by `debootstrap --variant=minbase bookworm ROOT`, which is
# changed as little as apt-get changes it: a copy is used.
# usage: debs.sh ROOT DEBS-FOLDER
set -u
base=$1 debs=$2
root=$(mktemp -d)
failed=0
backends=zinc-backend-vulkan-rdna4
# Its own source package (cuda.sh), which may not have been built.
ls "$debs"/zinc-backend-cuda-ada_*.deb >/dev/null 2>&1 && backends="$backends zinc-backend-cuda-ada"

inside() {
	chroot "$root" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root DEBIAN_FRONTEND=noninteractive "$@"
}

cleanup() {
	umount "$root/proc" 2>/dev/null
	rm -rf "$root"
}
trap cleanup EXIT

fail() {
	echo "FAIL: $*"
	failed=$((failed + 1))
}

# Files that packages of zinc could have left; caches and lists of apt are not.
files() {
	find "$root" -xdev \( -path "$root/proc" -o -path "$root/var/cache" -o -path "$root/var/lib/apt" -o \
		-path "$root/var/lib/dpkg" -o -path "$root/var/log" -o -path "$root/tmp" -o -path "$root/debs" \) -prune -o -print |
		sed "s|^$root||" | sort
}

answers() {
	got=$(inside zinc run pocket-qwen --greedy "What does lantern mean?" 2>"$root/tmp/err" </dev/null)
	[ "$got" = "lantern (noun): light in a transparent protective case." ] || fail "$1: '$got' $(cat "$root/tmp/err")"
	[ ! -s "$root/tmp/err" ] || fail "$1: on stderr: $(cat "$root/tmp/err")"
}

cp -a "$base/." "$root/"
mount -t proc proc "$root/proc" || { echo "skipped: no root here"; exit 77; }
mkdir "$root/debs"
cp "$debs"/zinc*_*.deb "$root/debs/"
rm -f "$root"/debs/*-dbgsym_*
inside apt-get update -qq >"$root/tmp/log" 2>&1
# What zinc needs comes first, so that only zinc's own files differ later.
inside apt-get install -y -qq --no-install-recommends libinih1 libpcre2-8-0 libutf8proc2 libjansson4 libedit2 \
	libzstd1 libvulkan1 binutils >"$root/tmp/log" 2>&1 || fail "libraries: $(tail -n 3 "$root/tmp/log")"
files >"$root/tmp/before"

inside sh -c 'apt-get install -y -qq --no-install-recommends /debs/zinc*.deb' >"$root/tmp/log" 2>&1 ||
	fail "install: $(tail -n 5 "$root/tmp/log")"
answers "installed"
inside zinc plugin check >"$root/tmp/log" 2>&1 || fail "plugin check: $(cat "$root/tmp/log")"
inside zinc plugin list >"$root/tmp/list" 2>&1
grep -q '^vulkan_rdna4 ' "$root/tmp/list" || fail "no Vulkan backend: $(cat "$root/tmp/list")"
inside sh /usr/share/zinc/tests/run >"$root/tmp/log" 2>&1 || fail "zinc-tests: $(tail -n 20 "$root/tmp/log")"

# A newer version over it.
mkdir "$root/debs/new"
for deb in "$root"/debs/*.deb; do
	inside sh -c "cd /debs/new && dpkg-deb -R /debs/${deb##*/} x && sed -i 's/^Version: .*/&+next/' x/DEBIAN/control &&
		dpkg-deb --root-owner-group -Znone -b x . && rm -r x" >"$root/tmp/log" 2>&1 ||
		fail "repack: $(tail -n 3 "$root/tmp/log")"
done
inside sh -c 'apt-get install -y -qq --no-install-recommends /debs/new/*.deb' >"$root/tmp/log" 2>&1 ||
	fail "upgrade: $(tail -n 5 "$root/tmp/log")"
# shellcheck disable=SC2016 # dpkg-query's own
inside dpkg-query -W -f '${Version}\n' zinc | grep -q '+next$' || fail "not upgraded"
answers "upgraded"

# A backend that went leaves no trace.
# shellcheck disable=SC2086 # a list
inside dpkg -r $backends >"$root/tmp/log" 2>&1 || fail "remove the backend: $(cat "$root/tmp/log")"
inside zinc plugin list >"$root/tmp/list" 2>&1
grep -qi 'vulkan\|cuda' "$root/tmp/list" && fail "a removed backend is listed: $(cat "$root/tmp/list")"
answers "without a GPU backend"

# Removed in dpkg's own order of trouble: those others need last.
inside dpkg -r zinc-tests zinc-models-pocket zinc-doc zinc-dev zinc >"$root/tmp/log" 2>&1 ||
	fail "remove: $(cat "$root/tmp/log")"
# shellcheck disable=SC2086 # a list
inside dpkg -P zinc-tests zinc-models-pocket zinc-doc zinc-dev zinc $backends >"$root/tmp/log" 2>&1 ||
	fail "purge: $(cat "$root/tmp/log")"
rm -rf "$root"/root/.cache "$root"/root/.local
files >"$root/tmp/after"
diff "$root/tmp/before" "$root/tmp/after" >"$root/tmp/diff" || fail "left behind: $(cat "$root/tmp/diff")"
inside dpkg -l 'zinc*' 2>/dev/null | grep '^[a-z][a-z]' | grep -v '^un' && fail "dpkg still knows of packages"

[ "$failed" -eq 0 ] && echo "debs: all as expected"
exit "$failed"
