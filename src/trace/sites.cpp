#include "trace/sites.hpp"

#include <cstring>

#include "base/atomics.hpp"
#include "os/module.hpp"
#include "trace/trace_output.hpp"

namespace hakmem::trace {

namespace {

constexpr unsigned kTableBits = 14;
constexpr std::size_t kTableSize = std::size_t{1} << kTableBits;
constexpr std::size_t kMaxProbes =
    64;  // with three quarters of the table in use, the 99.9th percentile
constexpr std::size_t kMaxModules = 512;

constinit Atomic<std::uintptr_t> table[kTableSize];
constinit std::uintptr_t module_starts[kMaxModules] HAK_GUARDED_BY(output_lock) = {};
constinit std::size_t module_count HAK_GUARDED_BY(output_lock) = 0;

// Multiplication by the golden ratio spreads addresses that differ in a few low bits.
std::size_t first_place(std::uintptr_t address) {
  return static_cast<std::size_t>((std::uint64_t{address} * 0x9e3779b97f4a7c15u) >>
                                  (64 - kTableBits));
}

std::byte* put_bytes(std::byte* to, const void* bytes, std::size_t count) {
  to = put_number(to, count);
  std::memcpy(to, bytes, count);
  return to + count;
}

void define_module(std::uint64_t number, os::Module* module) HAK_REQUIRES(output_lock) {
  os::describe_module(module);
  std::byte content[2 * kMaxNumberBytes + os::Module::kMaxName + os::Module::kMaxBuildId + 8];
  std::byte* end = put_number(content, number);
  end = put_bytes(end, module->name, std::strlen(module->name));
  end = put_bytes(end, module->build_id, module->build_id_bytes);
  ChunkHeader header{};
  header.kind = ChunkKind::kModules;
  header.count = 1;
  write_chunk(header, content, static_cast<std::size_t>(end - content));
}

// 0 when there is no more room.
std::uint64_t module_number(os::Module* module) HAK_REQUIRES(output_lock) {
  for (std::size_t i = 0; i < module_count; ++i) {
    if (module_starts[i] == module->start) return i + 1;
  }
  if (module_count == kMaxModules) return 0;
  module_starts[module_count++] = module->start;
  define_module(module_count, module);
  return module_count;
}

void define_site(std::uint64_t number, std::uintptr_t address) {
  os::Module module;
  if (!os::find_module(address, &module)) return;
  LockGuard guard(output_lock);
  std::byte content[3 * kMaxNumberBytes];
  std::byte* end = put_number(content, number);
  end = put_number(end, module_number(&module));
  end = put_number(end, address - module.start);
  ChunkHeader header{};
  header.kind = ChunkKind::kSites;
  header.count = 1;
  write_chunk(header, content, static_cast<std::size_t>(end - content));
}

}  // namespace

std::uint64_t site_number(std::uintptr_t address) {
  std::size_t place = first_place(address);
  for (std::size_t probe = 0; probe < kMaxProbes; ++probe, place = (place + 1) % kTableSize) {
    std::uintptr_t found = table[place].load_relaxed();
    if (found == 0 && table[place].try_replace_relaxed(found, address)) {
      define_site(place + 1, address);
      return place + 1;
    }
    if (found == address) return place + 1;
  }
  return 0;
}

}  // namespace hakmem::trace
