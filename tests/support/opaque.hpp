// Keeps the compiler from knowing what a value is.
//
// GCC and clang know malloc: they remove pairs of malloc and free, fold comparisons of fresh
// pointers, and warn about sizes that can never succeed. The tests ask for exactly such things, so
// every size and pointer that matters goes through `opaque` first.
#pragma once

namespace support {

template <class T>
T opaque(T value) {
  asm volatile("" : "+r"(value) : : "memory");
  return value;
}

}  // namespace support
