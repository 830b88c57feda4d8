// Counts the cache lines in which live blocks of two or more threads lie.
//
// On machines whose CPUs share their first-level cache false sharing cannot be timed, but it can be
// counted: while all threads stand still, every live block is entered with its owner, and a line
// that has two owners is shared. Its memory comes from mmap, so that counting does not disturb the
// allocator that is looked at.
//
//   record: line number (address / 64) << 16 | owner; once sorted, a line's records lie together
#pragma once

#include <sys/mman.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>

namespace bench {

class LineCensus {
 public:
  explicit LineCensus(std::size_t max_blocks, std::size_t max_size)
      : capacity_(max_blocks * (max_size / kLine + 2)), bytes_(capacity_ * sizeof(std::uint64_t)) {
    void* memory =
        mmap(nullptr, bytes_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) std::abort();
    records_ = static_cast<std::uint64_t*>(memory);
  }
  ~LineCensus() { munmap(records_, bytes_); }
  LineCensus(const LineCensus&) = delete;
  LineCensus& operator=(const LineCensus&) = delete;

  void add(std::size_t owner, const void* block, std::size_t size) {
    const std::uintptr_t address = reinterpret_cast<std::uintptr_t>(block);
    for (std::uintptr_t line = address / kLine; line <= (address + size - 1) / kLine; ++line) {
      if (used_ == capacity_) std::abort();
      records_[used_++] = line << kOwnerBits | owner;
    }
  }

  // Ends one check point: adds what was entered to the totals and starts afresh.
  void close() {
    std::sort(records_, records_ + used_);
    for (std::size_t i = 0; i < used_;) {
      const std::size_t first = i;
      while (i < used_ && line_at(i) == line_at(first)) ++i;
      ++live_lines_;
      if (records_[i - 1] != records_[first])
        ++shared_lines_;  // sorted: the ends differ if any two owners do
    }
    used_ = 0;
  }

  std::size_t live_lines() const { return live_lines_; }
  std::size_t shared_lines() const { return shared_lines_; }

 private:
  static constexpr std::size_t kLine = 64;
  static constexpr unsigned kOwnerBits = 16;

  std::uint64_t line_at(std::size_t i) const { return records_[i] >> kOwnerBits; }

  std::size_t capacity_;
  std::size_t bytes_;
  std::uint64_t* records_;
  std::size_t used_ = 0;
  std::size_t live_lines_ = 0;
  std::size_t shared_lines_ = 0;
};

}  // namespace bench
