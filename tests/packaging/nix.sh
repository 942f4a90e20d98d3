#!/bin/sh
# The nix expression with Debian's nix (package nix-bin): parsed, and evaluated with
# stand-ins for what nixpkgs would hand it.
set -eu
file=$(cd "$(dirname "$0")/../.." && pwd)/packaging/nix/package.nix
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
export NIX_STATE_DIR="$dir" NIX_STORE_DIR="$dir/store" NIX_LOG_DIR="$dir/log" NIX_CONF_DIR="$dir"
nix-instantiate --parse "$file" >/dev/null
nix-instantiate --eval --strict --json -E "
	let wanted = builtins.functionArgs (import $file);
	    words = builtins.mapAttrs (name: _: name) wanted;
	in (import $file (words // {
		lib = {
			cleanSource = toString;
			optional = c: x: if c then [ x ] else [ ];
			optionals = c: x: if c then x else [ ];
			licenses.mit = \"MIT\";
			platforms.linux = [ \"x86_64-linux\" ];
		};
		stdenv.mkDerivation = x: x;
		withVulkan = true;
	})).pname" | grep '^"zinc"$'
