# Cross-compiles for AArch64 on Debian and runs what was built with qemu's user mode:
#
#   apt-get install g++-aarch64-linux-gnu qemu-user googletest
#   cmake --preset aarch64 && cmake --build --preset aarch64 && ctest --preset aarch64
#
# qemu runs one thread of the program on one of ours, and on x86-64 the memory order of x86-64 applies: this finds wrong sizes,
# addresses and instructions, and missing barriers only where the compiler itself reorders. The preset leaves out tests that
# start programs, which takes a registered binfmt, and two whose moved pages qemu 7.2 loses track of (MREMAP_DONTUNMAP).
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
set(CMAKE_C_COMPILER aarch64-linux-gnu-gcc)
set(CMAKE_CXX_COMPILER aarch64-linux-gnu-g++)
set(CMAKE_CROSSCOMPILING_EMULATOR qemu-aarch64 -L /usr/aarch64-linux-gnu)

set(CMAKE_FIND_ROOT_PATH /usr/aarch64-linux-gnu)
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_PACKAGE ONLY)
