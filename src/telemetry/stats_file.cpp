#include "telemetry/stats_file.hpp"

#include <cstddef>
#include <cstring>

#include "base/atomics.hpp"
#include "os/file.hpp"
#include "os/sandbox.hpp"

namespace hakmem {

namespace {

constexpr std::size_t kMaxPath = 512;

constinit char pattern[kMaxPath] = {};
constinit hak_stats* mapped = nullptr;
constinit std::uint32_t mapped_by = 0;
constinit Atomic<bool> busy{false};

}  // namespace

void open_stats_file(const char* path) {
  // A copy: programs that rewrite their title overwrite the environment.
  if (path != pattern) std::strncpy(pattern, path, kMaxPath - 1);
  char file[kMaxPath];
  bool has_pid = false;
  mapped = os::expand_process_id(path, file, sizeof file, &has_pid) ? static_cast<hak_stats*>(os::map_shared_file(file, sizeof(hak_stats)))
                                        : nullptr;
  mapped_by = os::process_id();
  if (mapped == nullptr) os::write_stderr("hakmem: HAKMEM_STATS: cannot write ", path, "; no statistics are kept\n");
}

hak_stats* begin_stats_update() {
  if (mapped == nullptr || os::is_sandboxed()) return nullptr;
  const bool is_child = mapped_by != os::process_id();
  // A child forked during an update starts anew. Pairs with the release in end_stats_update().
  if (busy.exchange_acquire(true) && !is_child) return nullptr;
  if (is_child) {
    char file[kMaxPath];
    bool has_pid = false;
    mapped = nullptr;
    if (os::expand_process_id(pattern, file, sizeof file, &has_pid) && has_pid) open_stats_file(pattern);
  }
  if (mapped == nullptr) busy.store_release(false);
  return mapped;
}

void end_stats_update(hak_stats* file, const hak_stats& stats) {
  auto* sequence = reinterpret_cast<Atomic<std::uint32_t>*>(&file->sequence);
  const std::uint32_t odd = sequence->load_relaxed() | 1;
  sequence->store_release(odd);
  constexpr std::size_t kBefore = offsetof(hak_stats, sequence);
  constexpr std::size_t kAfter = kBefore + sizeof stats.sequence;
  std::memcpy(file, &stats, kBefore);
  std::memcpy(reinterpret_cast<char*>(file) + kAfter, reinterpret_cast<const char*>(&stats) + kAfter,
              sizeof stats - kAfter);
  sequence->store_release(odd + 1);
  busy.store_release(false);
}

}  // namespace hakmem
