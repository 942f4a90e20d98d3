# zinc for nixpkgs: callPackage ./package.nix { }
{ lib, stdenv, cmake, ninja, pkg-config, scdoc, inih, jansson, libedit, pcre2, utf8proc, zstd
, shaderc, vulkan-headers, withVulkan ? true }:

stdenv.mkDerivation {
  pname = "zinc";
  version = "0.1.0";
  src = lib.cleanSource ../..;

  # dev: headers, CMake package, skeletons, zinc-plugin-test; models: the two dictionaries.
  outputs = [ "out" "dev" "models" "man" ];

  nativeBuildInputs = [ cmake ninja pkg-config scdoc ] ++ lib.optional withVulkan shaderc;
  buildInputs = [ inih jansson libedit pcre2 utf8proc ] ++ lib.optionals withVulkan [ vulkan-headers zstd ];

  cmakeFlags = [
    "-DBUILD_TESTING=OFF"
    "-DZINC_KIT=ON"
    "-DCMAKE_DISABLE_FIND_PACKAGE_CUDAToolkit=ON"
  ];

  postInstall = ''
    moveToOutput share/zinc/models "$models"
    mkdir -p "$out/share/zinc"
    ln -s "$models/share/zinc/models" "$out/share/zinc/models"
    moveToOutput share/zinc/skeleton "$dev"
    moveToOutput bin/zinc-plugin-test "$dev"
  '';

  meta = {
    description = "Run language models on this machine";
    license = lib.licenses.mit;
    platforms = lib.platforms.linux;
    mainProgram = "zinc";
  };
}
