// What the kernel says of nodes: which node a processor or a page belongs to, and how pages were got.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

constexpr std::size_t kPage = 4096;

int node_count();
int node_of_cpu(int cpu);

// The page that an address lies on.
inline void* page_of(const void* address) {
  return reinterpret_cast<void*>(reinterpret_cast<std::uintptr_t>(address) / kPage * kPage);
}

// How many pages of these lie on which node; those that are nowhere (never touched) are left out.
struct Count {
  std::size_t here = 0;
  std::size_t all = 0;
  double share() const {
    return all == 0 ? 0 : 100.0 * static_cast<double>(here) / static_cast<double>(all);
  }
};

Count count_pages(std::vector<void*>& pages, int node);

// Resident pages of the process on this node, without files: /proc/self/numa_maps.
std::size_t pages_on(int node);

// How the machine's pages were got, over all nodes, since it was started.
struct NumaStat {
  std::uint64_t hit = 0;      // on the node that was asked for
  std::uint64_t miss = 0;     // on another, because that one had none
  std::uint64_t foreign = 0;  // the same pages, counted where they were asked for
  std::uint64_t local = 0;    // on the node of the processor that asked
  std::uint64_t other = 0;    // by a processor of another node
};

NumaStat read_numastat();
