#!/bin/sh
# title: g++: compiles a C++ file that uses much of the standard library, without optimising
# set: full only
# needs: g++ awk
. "$(dirname "$0")/lib.sh"

make_source() {
  by_size 0 4
  sh "$here/make_cpp.sh" "$amount" >"$dir/source.cpp"
}

work() {
  g++ -std=c++17 -O0 -c "$dir/source.cpp" -o "$dir/g++.o"
  cksum <"$dir/g++.o"
}

main make_source work
