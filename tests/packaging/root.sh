#!/bin/sh
# Makes the roots that the tests of packages work in, with debootstrap and apt-get,
# as root:
#     root.sh clean DIR    Debian 12 and nothing else, for debs.sh
#     root.sh build DIR    what zinc is built and checked with, for build.sh
#     root.sh arm64 DIR    a cross-compiler, libraries of arm64 and qemu, for arm64.sh
set -eu
kind=$1 root=$2

common="dpkg-dev build-essential debhelper cmake ninja-build pkgconf scdoc"
case $kind in
clean) packages= ;;
build)
	packages="$common glslc libedit-dev libinih-dev libjansson-dev libpcre2-dev libutf8proc-dev libvulkan-dev
		libzstd-dev libcmocka-dev libsimde-dev lintian fakeroot faketime"
	;;
arm64)
	packages="$common gcc-aarch64-linux-gnu qemu-user-static libc6-dev:arm64 libedit-dev:arm64 libinih-dev:arm64
		libjansson-dev:arm64 libpcre2-dev:arm64 libutf8proc-dev:arm64 libcmocka-dev:arm64 libzstd-dev:arm64"
	;;
*)
	sed -n '2,6s/^# \{0,1\}//p' "$0" >&2
	exit 2
	;;
esac

[ -d "$root/usr" ] || debootstrap --variant=minbase bookworm "$root"
if [ "$kind" = arm64 ]; then
	chroot "$root" dpkg --add-architecture arm64
fi
chroot "$root" apt-get update -qq
if [ -n "$packages" ]; then
	# shellcheck disable=SC2086 # words
	DEBIAN_FRONTEND=noninteractive chroot "$root" apt-get install -y -qq --no-install-recommends $packages </dev/null
fi
