// Topology: which processors this process may use, which share a cache, and where their memory is.
//
//   node    memory and the processors next to it                 (at most 16)
//   place   up to 8 processors of a node that share a last-level cache: what shares one shard of
//           everything that threads share                         (at most 64)
//
// Small groups of a node join until a place is full, large ones are cut: a place is as large as its
// structures bear. With a quota below the number of processors there are fewer, larger places,
// since so many threads run at once and no more. The node of a processor without memory of its own
// is the nearest that has some. A machine with more nodes is taken for one node.
//
// Everything is read from files in sysfs's layout, so that tests, and HAKMEM_TOPOLOGY, can show any
// machine. Above: place. Below: file. One caller at a time (the texts are too long for small
// stacks).
#pragma once

#include <cstdint>

#include "base/units.hpp"

namespace hakmem::os {

inline constexpr unsigned kMostCpus = 4096;  // a number beyond is taken modulo this
inline constexpr unsigned kMostNodes = 16;
inline constexpr unsigned kMostPlaces = 64;
inline constexpr unsigned kCpusPerPlace = 8;

enum class Node : std::uint8_t {};
enum class Place : std::uint8_t {};
constexpr unsigned index_of(Node n) { return static_cast<unsigned>(n); }
constexpr unsigned index_of(Place p) { return static_cast<unsigned>(p); }

class CpuSet {
 public:
  void add(unsigned cpu) { words_[cpu / 64] |= std::uint64_t{1} << (cpu % 64); }
  bool has(unsigned cpu) const { return (words_[cpu / 64] >> (cpu % 64) & 1) != 0; }
  void keep_only(const CpuSet& other) {
    for (unsigned i = 0; i < kMostCpus / 64; ++i) words_[i] &= other.words_[i];
  }
  unsigned count() const {
    unsigned n = 0;
    for (const std::uint64_t word : words_) n += static_cast<unsigned>(__builtin_popcountll(word));
    return n;
  }

 private:
  std::uint64_t words_[kMostCpus / 64] = {};
};

struct Topology {
  unsigned cpus = 1;  // effective: how many threads run at once
  unsigned places = 1;
  unsigned nodes = 1;
  unsigned highest_cpu = 0;
  Place place_of_cpu[kMostCpus] = {};
  Node node_of_place[kMostPlaces] = {};
  Place first_place_of[kMostNodes] = {};  // a node's places have neighbouring numbers
  std::uint16_t number_of_node[kMostNodes] = {};  // the kernel's
};

// `root`: a directory like /sys. `allowed`: the affinity mask, nullptr for all. `quota`:
// processors' worth of time that may be used. Returns nullptr, or the file, below root, that could
// not be understood: `into` is then as it was.
const char* read_topology(const char* root, const CpuSet* allowed, unsigned quota, Topology& into);

}  // namespace hakmem::os
