#!/bin/sh
# title: clang: compiles a C++ file that uses much of the standard library, without optimising
# needs: clang++ awk
. "$(dirname "$0")/lib.sh"

make_source() {
  by_size 0 8
  sh "$here/make_cpp.sh" "$amount" >"$dir/source.cpp"
}

work() {
  clang++ -std=c++17 -O0 -c "$dir/source.cpp" -o "$dir/clang.o"
  cksum <"$dir/clang.o"
}

main make_source work
