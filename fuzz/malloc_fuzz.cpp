// The malloc family against a model, by one to four threads that free each other's blocks.
//
//   player 0 --+                                     +-- player 2
//              +--> board: slots, each one block <---+
//   player 1 --+                                     +-- player 3
//
// A player knows of each of its blocks the size and the seed of the pattern in it. Whoever is about
// to free or change a block looks first whether the pattern still stands, so two blocks that
// overlap are found whoever has them.
#include <algorithm>
#include <atomic>
#include <bit>
#include <thread>
#include <vector>

#include "input.hpp"
#include "malloc_family.hpp"
#include "support/pattern.hpp"

namespace {

struct Block {
  void* start;
  std::size_t size;  // bytes that carry the pattern: all that are usable
  std::uint64_t seed;
};

// Blocks on their way between threads.
class Board {
 public:
  ~Board() {
    for (std::atomic<Block*>& slot : slots_) delete slot.load();
  }

  // Puts `mine` (or nothing) there and takes what was there.
  Block* exchange(std::size_t slot, Block* mine) {
    return slots_[slot % std::size(slots_)].exchange(mine);
  }
  static constexpr std::size_t size() { return std::size(decltype(slots_){}); }

 private:
  std::atomic<Block*> slots_[64] = {};
};

class Player {
 public:
  Player(fuzz::Input input, std::uint64_t id, Board& board)
      : input_(input), stamps_(id << 32), board_(board) {}

  void play() {
    while (!input_.used_up()) step();
    while (!blocks_.empty()) give_up(take_any());
  }

  void give_up(const Block& block) {
    FUZZ_CHECK(support::holds(block.start, block.size, block.seed));
    kFamily.free(block.start);
  }

 private:
  static constexpr std::size_t kMostBlocks = 400;
  static constexpr std::size_t kMostBytes = std::size_t{128} << 20;

  void step() {
    switch (input_.below(16)) {
      case 0:
        return allocate_zeroed();
      case 1:
        return allocate_aligned();
      case 2:
      case 3:
        return reallocate();
      case 4:
      case 5:
        return swap_on_board();
      case 6:
      case 7:
      case 8:
        return blocks_.empty() ? void() : give_up(take_any());
      case 9:
        return trim();
      default:
        return allocate();
    }
  }

  // Mostly small; now and then a run, rarely a mapping of its own. Sizes crowd at powers of two and
  // next to them.
  std::size_t any_size() {
    constexpr std::size_t kHuge = 25;  // 32 MiB: a mapping of its own
    const std::size_t log = input_.one_in(64)  ? kHuge
                            : input_.one_in(8) ? 15 + input_.below(8)
                                               : input_.below(15);
    const std::size_t base = std::size_t{1} << log;
    const std::size_t size =
        base + (input_.one_in(4) ? input_.below(3) : input_.below(base < 65536 ? base : 65536));
    return size - (input_.one_in(8) ? 1 : 0);
  }

  bool is_full(std::size_t more) const {
    return blocks_.size() >= kMostBlocks || bytes_ + more > kMostBytes;
  }

  void keep(void* start, std::size_t size) {
    FUZZ_CHECK(start != nullptr);
    FUZZ_CHECK(reinterpret_cast<std::uintptr_t>(start) % 16 == 0);
    const std::size_t usable = kFamily.usable_size(start);
    FUZZ_CHECK(usable >= size);
    const Block block{start, usable, ++stamps_};
    support::fill(start, usable, block.seed);
    blocks_.push_back(block);
    bytes_ += usable;
  }

  Block take_any() {
    std::swap(blocks_[input_.below(blocks_.size())], blocks_.back());
    const Block block = blocks_.back();
    blocks_.pop_back();
    bytes_ -= block.size;
    return block;
  }

  void allocate() {
    const std::size_t size = any_size();
    if (!is_full(size)) keep(kFamily.malloc(size), size);
  }

  void allocate_zeroed() {
    const std::size_t size = any_size();
    if (is_full(size)) return;
    void* start = kFamily.calloc(1, size);
    FUZZ_CHECK(start != nullptr && support::all_zero(start, size));
    keep(start, size);
  }

  void allocate_aligned() {
    const std::size_t size = any_size();
    const std::size_t alignment = std::size_t{16} << input_.below(input_.one_in(4) ? 18 : 9);
    if (is_full(size + alignment)) return;
    void* start = kFamily.aligned_alloc(alignment, size);
    FUZZ_CHECK(reinterpret_cast<std::uintptr_t>(start) % alignment == 0);
    keep(start, size);
  }

  // Often a quarter longer, as buffers grow: that is how a block becomes a large one, and a large
  // one a mapping.
  void reallocate() {
    if (blocks_.empty()) return;
    const Block old = take_any();
    const std::size_t size =
        input_.one_in(2) ? old.size + old.size / 4 : std::max<std::size_t>(any_size(), 1);
    if (bytes_ + size > kMostBytes) return give_up(old);
    FUZZ_CHECK(support::holds(old.start, old.size, old.seed));
    void* start = kFamily.realloc(old.start, size);
    FUZZ_CHECK(start != nullptr);
    FUZZ_CHECK(support::holds(start, old.size, std::min(old.size, size), old.seed));
    keep(start, size);
  }

  void swap_on_board() {
    Block* mine = blocks_.empty() || input_.one_in(4) ? nullptr : new Block(take_any());
    Block* theirs = board_.exchange(input_.below(Board::size()), mine);
    if (theirs == nullptr) return;
    blocks_.push_back(*theirs);
    bytes_ += theirs->size;
    delete theirs;
  }

  void trim() {
    if (input_.one_in(16)) kFamily.trim();
  }

  fuzz::Input input_;
  std::uint64_t stamps_;
  Board& board_;
  std::vector<Block> blocks_;
  std::size_t bytes_ = 0;
};

void clear(Board& board) {
  Player last({nullptr, 0}, 0, board);
  for (std::size_t i = 0; i < Board::size(); ++i) {
    Block* left = board.exchange(i, nullptr);
    if (left != nullptr) last.give_up(*left);
    delete left;
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  fuzz::Input input(bytes, size);
  const std::size_t players = 1 + input.below(4);
  Board board;
  std::vector<std::thread> threads;
  for (std::size_t i = 1; i < players; ++i) {
    threads.emplace_back(
        [&board, i, mine = input.part(i, players)] { Player(mine, i + 1, board).play(); });
  }
  Player(input.part(0, players), 1, board).play();
  for (std::thread& thread : threads) thread.join();
  clear(board);
  return 0;
}
