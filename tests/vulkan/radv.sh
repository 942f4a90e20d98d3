#!/bin/sh
# Brings a Mesa whose AMD driver compiles for cards that are not there (25.0, of
# bookworm-backports) beside the system's own, without touching that.
# usage: radv.sh DIR     then: ZINC_RADEON_ICD=DIR/radeon.json ctest -R rdna4
set -eu
if [ $# -ne 1 ]; then
	echo "usage: radv.sh DIR" >&2
	exit 2
fi
if ! command -v apt-get >/dev/null || [ ! -r /usr/share/keyrings/debian-archive-keyring.gpg ]; then
	echo "radv.sh: made for Debian 12" >&2
	exit 1
fi
mkdir -p "$1/apt/lists/partial" "$1/apt/archives/partial"
dir=$(cd "$1" && pwd)
mirror=$(sed -n 's/^URIs: *//p' /etc/apt/sources.list.d/*.sources 2>/dev/null | head -1)
cat >"$dir/apt/backports.sources" <<END
Types: deb
URIs: ${mirror:-http://deb.debian.org/debian}
Suites: bookworm-backports
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg
END

apt() {
	apt-get -qq -o Dir::Etc::sourcelist="$dir/apt/backports.sources" \
		-o Dir::Etc::sourceparts=/dev/null -o Dir::State::Lists="$dir/apt/lists" \
		-o Dir::Cache="$dir/apt" -o APT::Sandbox::User=root "$@"
}

apt update
(cd "$dir/apt" && apt download mesa-vulkan-drivers)
dpkg-deb -x "$dir"/apt/mesa-vulkan-drivers*.deb "$dir/root"
rm -rf "$dir/apt"
driver=$(find "$dir/root" -name libvulkan_radeon.so | head -1)
icd=$(find "$dir/root" -name 'radeon_icd*.json' | head -1)
sed "s#\"library_path\": *\".*\"#\"library_path\": \"$driver\"#" "$icd" >"$dir/radeon.json"
echo "radv.sh: $dir/radeon.json"
