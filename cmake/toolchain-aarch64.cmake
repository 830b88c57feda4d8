# Cross-compiles for AArch64 on Debian and runs what was built with qemu's user mode:
#
#   apt-get install g++-aarch64-linux-gnu qemu-user googletest
#   cmake --preset aarch64 && cmake --build --preset aarch64 && ctest --preset aarch64
#
# qemu shows wrong sizes, addresses and instructions; on x86-64 it keeps the memory order of x86-64, so a missing barrier shows
# only where the compiler itself reorders. The preset leaves out what measures resident memory (it would be qemu's), what
# starts programs (it takes a registered binfmt), and four tests whose moved pages qemu 7.2 loses track of (MREMAP_DONTUNMAP).
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
