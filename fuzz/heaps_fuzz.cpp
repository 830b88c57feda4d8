// The program's own heaps against a model: blocks freed one by one, by realloc, or with their heap,
// in any order.
//
// The pattern in a block shows whether a destroyed heap took memory with it that was not its own,
// or whether memory of a destroyed heap is handed out twice.
#include <algorithm>
#include <vector>

#include "hakmem/hakmem.h"
#include "input.hpp"
#include "support/pattern.hpp"

namespace {

struct Block {
  void* start;
  std::size_t size;
  std::uint64_t seed;
};

class Model {
 public:
  explicit Model(fuzz::Input input) : input_(input) {}

  void run() {
    while (!input_.used_up()) step();
    while (!heaps_.empty()) destroy();
    for (const Block& block : plain_) release(block);
  }

 private:
  struct Heap {
    hak_heap_t* heap;
    std::vector<Block> blocks;
  };

  void step() {
    if (heaps_.empty() || (heaps_.size() < 6 && input_.one_in(16))) return create();
    switch (input_.below(24)) {
      case 0:
        return destroy();
      case 1:
      case 2:
        return reallocate(any_heap());
      case 3:
        return any_heap_aligned();
      case 4:
      case 5:
        return plain();
      case 6:
      case 7:
      case 8:
      case 9:
      case 10:
        return release_one(any_heap().blocks);
      default:
        return allocate(any_heap());
    }
  }

  Heap& any_heap() { return heaps_[input_.below(heaps_.size())]; }
  std::size_t any_size() {
    return input_.below(std::size_t{1} << (input_.one_in(16) ? 16 : 1 + input_.below(13)));
  }

  void create() {
    hak_heap_t* heap = hak_heap_create();
    FUZZ_CHECK(heap != nullptr);
    heaps_.push_back({heap, {}});
  }

  void destroy() {
    std::swap(any_heap(), heaps_.back());
    for (const Block& block : heaps_.back().blocks)
      FUZZ_CHECK(support::holds(block.start, block.size, block.seed));
    hak_heap_destroy(heaps_.back().heap);
    heaps_.pop_back();
  }

  void keep(std::vector<Block>& blocks, void* start, std::size_t size) {
    FUZZ_CHECK(start != nullptr);
    FUZZ_CHECK(hak_usable_size(start) >= size);
    const Block block{start, hak_usable_size(start), ++stamps_};
    support::fill(start, block.size, block.seed);
    blocks.push_back(block);
  }

  void allocate(Heap& heap) {
    const std::size_t size = any_size();
    if (!input_.one_in(4)) return keep(heap.blocks, hak_heap_malloc(heap.heap, size), size);
    void* start = hak_heap_calloc(heap.heap, size, 1);
    FUZZ_CHECK(start != nullptr && support::all_zero(start, size));
    keep(heap.blocks, start, size);
  }

  void any_heap_aligned() {
    Heap& heap = any_heap();
    const std::size_t alignment = std::size_t{16} << input_.below(14);
    const std::size_t size = any_size();
    void* start = hak_heap_aligned_alloc(heap.heap, alignment, size);
    FUZZ_CHECK(reinterpret_cast<std::uintptr_t>(start) % alignment == 0);
    keep(heap.blocks, start, size);
  }

  void plain() {
    if (input_.one_in(2)) return release_one(plain_);
    const std::size_t size = any_size();
    keep(plain_, hak_malloc(size), size);
  }

  Block take_any(std::vector<Block>& blocks) {
    std::swap(blocks[input_.below(blocks.size())], blocks.back());
    const Block block = blocks.back();
    blocks.pop_back();
    return block;
  }

  void release(const Block& block) {
    FUZZ_CHECK(support::holds(block.start, block.size, block.seed));
    hak_free(block.start);
  }

  void release_one(std::vector<Block>& blocks) {
    if (!blocks.empty()) release(take_any(blocks));
  }

  void reallocate(Heap& heap) {
    if (heap.blocks.empty()) return;
    const Block old = take_any(heap.blocks);
    const std::size_t size = any_size() + 1;
    void* start = hak_heap_realloc(heap.heap, old.start, size);
    FUZZ_CHECK(start != nullptr &&
               support::holds(start, old.size, std::min(old.size, size), old.seed));
    keep(heap.blocks, start, size);
  }

  fuzz::Input input_;
  std::vector<Heap> heaps_;
  std::vector<Block> plain_;
  std::uint64_t stamps_ = 0;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  Model({bytes, size}).run();
  return 0;
}
