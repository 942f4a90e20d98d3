# Cross-compiling for 64-bit ARM on Debian: cmake --toolchain THIS, with
# gcc-aarch64-linux-gnu and the libraries of arm64 (dpkg --add-architecture arm64).
# Tests, and the tools that write manual pages, run under qemu-user.
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
set(CMAKE_C_COMPILER aarch64-linux-gnu-gcc)
set(CMAKE_LIBRARY_ARCHITECTURE aarch64-linux-gnu)
set(CMAKE_INSTALL_LIBDIR "lib/aarch64-linux-gnu" CACHE STRING "where libraries are installed")
set(ENV{PKG_CONFIG_LIBDIR} "/usr/lib/aarch64-linux-gnu/pkgconfig:/usr/share/pkgconfig")

find_program(ZINC_QEMU NAMES qemu-aarch64-static qemu-aarch64)
if(ZINC_QEMU)
	set(CMAKE_CROSSCOMPILING_EMULATOR "${ZINC_QEMU}")
endif()
