#include "os/memory_fake.hpp"

#include <cstdint>
#include <cstdlib>

namespace hakmem::os {

constinit FakeMemory fake_memory;

namespace {

MemoryOps kernel{};

void check(const std::byte* start, std::size_t bytes) {
  const std::size_t mask = memory.page_size - 1;
  const bool fits = (reinterpret_cast<std::uintptr_t>(start) & mask) == 0 && (bytes & mask) == 0 && bytes != 0;
  if (!fits) fake_memory.misaligned.fetch_add_relaxed(1);
}

// A kernel with this page size gives addresses that are multiples of it, whatever is asked.
std::byte* fake_map(std::size_t bytes, std::size_t alignment, bool accounted) {
  check(nullptr, bytes);
  fake_memory.maps.fetch_add_relaxed(1);
  if (fake_memory.refuse_map.load_relaxed()) return nullptr;
  return kernel.map(bytes, alignment > memory.page_size ? alignment : memory.page_size, accounted);
}

bool fake_unmap(std::byte* start, std::size_t bytes) {
  check(start, bytes);
  fake_memory.unmaps.fetch_add_relaxed(1);
  return kernel.unmap(start, bytes);
}

bool fake_discard(std::byte* start, std::size_t bytes) {
  check(start, bytes);
  fake_memory.discards.fetch_add_relaxed(1);
  return !fake_memory.refuse_discard.load_relaxed() && kernel.discard(start, bytes);
}

std::size_t fake_discard_ranges(const MemoryRange* ranges, std::size_t count) {
  std::size_t done = 0;
  while (done < count && fake_discard(ranges[done].start, ranges[done].bytes)) ++done;
  return done;
}

bool fake_populate(std::byte* start, std::size_t bytes) {
  check(start, bytes);
  return kernel.populate(start, bytes);
}

void fake_advise_huge(std::byte* start, std::size_t bytes, bool wanted) {
  check(start, bytes);
  kernel.advise_huge(start, bytes, wanted);
}

bool fake_collapse(std::byte* start, std::size_t bytes) {
  check(start, bytes);
  return kernel.collapse(start, bytes);
}

std::size_t fake_move_pages(std::byte* from, std::size_t bytes, std::byte* to) {
  check(from, bytes);
  check(to, bytes);
  fake_memory.moves.fetch_add_relaxed(1);
  const std::size_t most = fake_memory.most_moved.load_relaxed();
  return most == 0 ? 0 : kernel.move_pages(from, bytes < most ? bytes : most, to);
}

void fake_skip_in_dumps(std::byte* start, std::size_t bytes) {
  check(start, bytes);
  kernel.skip_in_dumps(start, bytes);
}

std::byte* fake_map_zeros(std::size_t bytes) {
  check(nullptr, bytes);
  return fake_memory.refuse_map.load_relaxed() ? nullptr : kernel.map_zeros(bytes);
}

bool fake_make_writable(std::byte* start, std::size_t bytes) {
  check(start, bytes);
  return kernel.make_writable(start, bytes);
}

void fake_prefer_node(std::byte* start, std::size_t bytes, unsigned node) {
  check(start, bytes);
  kernel.prefer_node(start, bytes, node);
}

// Before the allocator's own constructor, which has no priority.
[[gnu::constructor(101)]] void install_if_asked() {
  const char* page_size = std::getenv("FAKE_PAGE_SIZE");
  if (page_size != nullptr) use_fake_memory(std::strtoull(page_size, nullptr, 10));
}

}  // namespace

void use_fake_memory(std::size_t page_size) {
  use_kernel_memory();
  kernel = memory;
  memory = {page_size,          fake_map,         fake_unmap,      fake_discard,       fake_discard_ranges,
            kernel.free_lazily, fake_populate,    fake_advise_huge, fake_collapse, fake_move_pages, fake_skip_in_dumps, fake_map_zeros,
            kernel.unlock,      fake_make_writable, fake_prefer_node};
}

bool fake_memory_in_force() { return memory.map == fake_map; }

}  // namespace hakmem::os
