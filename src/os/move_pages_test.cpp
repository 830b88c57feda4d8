// Pages are moved whole, whatever mappings the kernel has of them.
#include "os/move_pages.hpp"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/utsname.h>

#include <cstdio>
#include <cstring>
#include <initializer_list>
#include <utility>

#include "os/memory.hpp"

namespace hakmem::os {
namespace {

class MovePages : public testing::Test {
 protected:
  static constexpr std::size_t kPages = 300;

  void SetUp() override {
    use_kernel_memory();
    bytes = kPages * memory.page_size;
    from = memory.map(bytes, memory.page_size, false);
    to = memory.map(bytes, memory.page_size, false);
    ASSERT_TRUE(from != nullptr && to != nullptr);
    utsname system{};
    ASSERT_EQ(uname(&system), 0);
    unsigned major = 0;
    unsigned minor = 0;
    ASSERT_EQ(std::sscanf(system.release, "%u.%u", &major, &minor), 2);
    can_move = major > 5 || (major == 5 && minor >= 7);
  }
  void TearDown() override {
    memory.unmap(from, bytes);
    memory.unmap(to, bytes);
  }

  std::byte* page(std::byte* start, std::size_t i) const { return start + i * memory.page_size; }

  // Two that are side by side and differ in something are not merged.
  void part_at(std::initializer_list<std::size_t> borders) const {
    int advice = MADV_DOFORK;
    for (const std::size_t i : borders) {
      advice = advice == MADV_DOFORK ? MADV_DONTFORK : MADV_DOFORK;
      ASSERT_EQ(madvise(page(from, i), bytes - i * memory.page_size, advice), 0);
    }
  }

  void fill() const {
    for (std::size_t i = 0; i < kPages; ++i) std::memset(page(from, i), static_cast<int>(1 + i % 250), memory.page_size);
  }

  void move_and_compare() const {
    fill();
    const std::size_t moved = kernel_move_pages(from, bytes, to);
    EXPECT_EQ(moved, can_move ? bytes : 0);
    for (std::size_t i = 0; i < moved / memory.page_size; ++i) {
      ASSERT_EQ(page(to, i)[7], static_cast<std::byte>(1 + i % 250)) << i;
      ASSERT_EQ(page(from, i)[7], std::byte{0}) << i;
    }
    for (std::size_t i = moved / memory.page_size; i < kPages; ++i) {
      ASSERT_EQ(page(from, i)[7], static_cast<std::byte>(1 + i % 250)) << i;
      ASSERT_EQ(page(to, i)[7], std::byte{0}) << i;
    }
  }

  std::size_t bytes = 0;
  std::byte* from = nullptr;
  std::byte* to = nullptr;
  bool can_move = false;
};

TEST_F(MovePages, OfOneMapping) { move_and_compare(); }

TEST_F(MovePages, OfTwoMappings) {
  part_at({100});
  move_and_compare();
}

TEST_F(MovePages, OfManyMappings) {
  part_at({1, 2, 7, 150, 298, 299});
  move_and_compare();
}

// As a block that grows again and again: what was moved, and its room.
TEST_F(MovePages, AgainAndAgain) {
  for (std::size_t pages = 30; pages <= kPages; pages += 30) {
    std::memset(from, static_cast<int>(pages / 30), pages * memory.page_size);
    if (!can_move) return;
    ASSERT_EQ(kernel_move_pages(from, pages * memory.page_size, to), pages * memory.page_size);
    std::swap(from, to);
    for (std::size_t i = 0; i < pages; ++i) ASSERT_EQ(page(from, i)[99], static_cast<std::byte>(pages / 30)) << i;
  }
}

// What is behind is asked for, and not touched.
TEST_F(MovePages, NothingElse) {
  const std::size_t half = kPages / 2;
  fill();
  const std::size_t moved = kernel_move_pages(from, half * memory.page_size, to);
  EXPECT_EQ(moved, can_move ? half * memory.page_size : 0);
  EXPECT_EQ(page(from, half)[0], static_cast<std::byte>(1 + half % 250));
  EXPECT_EQ(page(to, half)[0], std::byte{0});
}


}  // namespace
}  // namespace hakmem::os
