// Trading: four threads allocate, hand their blocks to each other over a board, and free what they take from it.
// For tests: no block may have two holders, and all come home.
#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <mutex>
#include <set>
#include <thread>
#include <utility>
#include <vector>

#include "thread/hot.hpp"

namespace hakmem {

// Blocks of 16 bytes to 16 << (sizes - 1); the board holds so many of them.
inline void trade_blocks(unsigned sizes, std::size_t board_size) {
  std::atomic<int> doubled{0};
  std::mutex lock;
  std::vector<std::uint64_t*> board;
  std::set<std::uint64_t*> held;
  const auto trade = [&](unsigned seed) {
    for (unsigned i = 0; i < 20'000; ++i) {
      seed = seed * 1664525 + 1013904223;
      auto* block = static_cast<std::uint64_t*>(allocate(std::size_t{16} << (seed >> 16) % sizes));
      *block = seed;
      std::uint64_t* other = nullptr;
      {
        const std::lock_guard guard(lock);
        if (*block != seed || !held.insert(block).second) ++doubled;
        board.push_back(block);
        if (board.size() > board_size) {
          std::swap(board[seed % board.size()], board.back());
          other = board.back();
          board.pop_back();
          held.erase(other);
        }
      }
      if (other != nullptr) deallocate(other);
    }
  };
  std::vector<std::thread> threads;
  for (unsigned id = 1; id <= 4; ++id) threads.emplace_back(trade, id);
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(doubled.load(), 0);
  EXPECT_EQ(held.size(), board.size());
  for (std::uint64_t* block : board) deallocate(block);
}

}  // namespace hakmem
