# shellcheck shell=sh disable=SC2154
# inside.sh - for the scripts here that work in a root; sourced. Wants $root and
# makes $work, a folder in it, which goes away at the end.
trap 'rm -rf "$work"; umount "$root/dev/pts" "$root/proc" "$root/sys" 2>/dev/null || :' EXIT
[ "$(id -u)" = 0 ] && [ -d "$root/usr" ] || {
	echo "needs root, and a root made by tests/packaging/root.sh" >&2
	exit 2
}
mountpoint -q "$root/proc" || mount -t proc proc "$root/proc"
mountpoint -q "$root/dev/pts" || mount -t devpts -o newinstance,ptmxmode=666 devpts "$root/dev/pts"
mountpoint -q "$root/sys" || mount -t sysfs -o ro sysfs "$root/sys"
work=$(mktemp -d "$root/zinc-XXXXXX")
chmod 755 "$work"

# The tree as a tarball would have it, in folder $1 of the root.
copy_tree() {
	mkdir -p "$root/$1"
	tar -C "$tree" -cf - --exclude=./.git --exclude=./build --exclude='./build-*' . | tar -C "$root/$1" -xf -
}

inside() {
	chroot "$root" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 "$@"
}
