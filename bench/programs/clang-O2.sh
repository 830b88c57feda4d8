#!/bin/sh
# title: clang -O2: compiles and optimises a C++ file that uses much of the standard library
# set: full only
# needs: clang++ awk
. "$(dirname "$0")/lib.sh"

make_source() {
  by_size 0 2
  sh "$here/make_cpp.sh" "$amount" >"$dir/source.cpp"
}

work() {
  clang++ -std=c++17 -O2 -c "$dir/source.cpp" -o "$dir/clang-O2.o"
  cksum <"$dir/clang-O2.o"
}

main make_source work
