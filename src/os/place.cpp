#include "os/place.hpp"

#include "base/lock.hpp"
#include "os/cgroup.hpp"

namespace hakmem::os {

constinit Places places;

bool Places::boot(const char* directory) {
  has_affinity_ = affinity(affinity_);
  directory_ = directory;
  has_several_nodes_ = has_several_nodes();
  return directory != nullptr || has_several_nodes_;
}

const char* Places::read() {
  if (directory_ != nullptr) {
    const char* fault = read_topology(directory_, nullptr, kNoQuota, topology_);
    if (fault != nullptr) directory_ = nullptr;
    return fault;
  }
  read_topology("/sys", has_affinity_ ? &affinity_ : nullptr, cpu_quota(""), topology_);
  if (!has_several_nodes_) forget_nodes();
  return nullptr;
}

// Memory comes from one node alone (a cpuset), wherever threads run.
void Places::forget_nodes() {
  topology_.nodes = 1;
  for (Node& node : topology_.node_of_place) node = Node{0};
}

void Places::publish() {
  cpus_.store_relaxed(topology_.cpus);
  are_known_.store_relaxed(true);
  nodes_.store_release(topology_.nodes);    // pairs with nodes()
  places_.store_release(topology_.places);  // pairs with places()
}

// Another machine's processors are dealt out to the threads: those here say nothing.
unsigned Places::current_cpu() const {
  return directory_ != nullptr ? thread_token() % (topology_.highest_cpu + 1) : os::current_cpu();
}

}  // namespace hakmem::os
