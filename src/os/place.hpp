// Place: where the calling thread runs, in terms of what threads share (topology.hpp).
//
// A process with one thread shares nothing, so the topology is read when the second one comes: a
// short command does not pay for it. With several nodes of memory it is read at the start, because
// the first page's node counts. Until then, and on small machines for ever, there is one place.
//
//   HAKMEM_TOPOLOGY=DIRECTORY   another machine's: threads are dealt out to its processors by their
//                               number, whatever processors they run on here
//
// Above: everything that is sharded. Below: topology, cpu. Any thread.
#pragma once

#include "base/atomics.hpp"
#include "base/check.hpp"
#include "os/cpu.hpp"

namespace hakmem::os {

// What is in force; changes once, from one place to what there is.
class Places {
 public:
  // False until then; what is one for each processor has to wait for it.
  bool are_known() const { return are_known_.load_relaxed(); }
  unsigned places() const { return places_.load_acquire(); }  // pairs with publish()
  unsigned nodes() const { return nodes_.load_acquire(); }    // pairs with publish()
  unsigned cpus() const { return cpus_.load_relaxed(); }

  // A hint: the thread may have moved already.
  unsigned current_cpu() const;

  Place current() const { return HAK_LIKELY(places() == 1) ? Place{0} : find_current(); }
  Node current_node() const { return HAK_LIKELY(nodes() == 1) ? Node{0} : node_of(find_current()); }
  Node node_of(Place p) const { return HAK_LIKELY(nodes() == 1) ? Node{0} : topology_.node_of_place[index_of(p)]; }
  unsigned number_of(Node n) const { return topology_.number_of_node[index_of(n)]; }

  // One of the first `n` places of its node, the same one for all of a place.
  Place among_first(unsigned n, Place p) const {
    const unsigned first = index_of(topology_.first_place_of[index_of(node_of(p))]);
    return Place{static_cast<std::uint8_t>(first + (index_of(p) - first) % n)};
  }

  // Once, before there are threads: remembers where this process may run. `directory`: another
  // machine's topology, or nullptr. True when it has to be in force from the start.
  bool boot(const char* directory);

  // True for the one caller who is to read and publish.
  bool claim() { return !is_claimed_.load_relaxed() && !is_claimed_.exchange_acq_rel(true); }

  // Returns the file in the other machine's directory that could not be understood, or nullptr. The
  // next call then reads this machine's own; where that cannot be read there is one place.
  const char* read();
  const Topology& found() const { return topology_; }

  // From now on it is in force: every shard is ready.
  void publish();

 private:
  Place find_current() const { return topology_.place_of_cpu[current_cpu() % kMostCpus]; }
  void forget_nodes();

  Atomic<unsigned> places_{1};
  Atomic<unsigned> nodes_{1};
  Atomic<unsigned> cpus_{1};
  Atomic<bool> are_known_;
  Atomic<bool> is_claimed_{false};
  const char* directory_ = nullptr;
  bool has_affinity_ = false;
  bool has_several_nodes_ = false;
  CpuSet affinity_;
  Topology topology_;  // read by others only once it is published
};

extern Places places;

}  // namespace hakmem::os
