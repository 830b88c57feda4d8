// C++ containers on hakmem: the two std::pmr resources and the standard allocator.
#include "hakmem/pmr.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <list>
#include <map>
#include <memory_resource>
#include <new>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

namespace {

std::size_t bytes_in_use() {
  hak_stats stats = {};
  EXPECT_EQ(hak_stats_get(&stats, sizeof stats), 0);
  return stats.small_in_use + stats.large_bytes + stats.huge_bytes;
}

struct alignas(128) Wide {
  char bytes[300];
};

// Fills containers of several kinds from one resource and reads everything back.
void use_containers(std::pmr::memory_resource& resource) {
  std::pmr::vector<std::pmr::string> strings(&resource);
  std::pmr::map<int, std::pmr::list<int>> lists(&resource);
  std::pmr::unordered_map<std::pmr::string, int> counts(&resource);
  std::pmr::vector<Wide> wides(&resource);
  for (int i = 0; i < 2000; ++i) {
    strings.emplace_back(static_cast<std::size_t>(i), 'x');
    lists[i % 37].push_back(i);
    ++counts[std::pmr::string("key ") + std::to_string(i % 101).c_str()];
    wides.emplace_back();
    ASSERT_EQ(reinterpret_cast<std::uintptr_t>(&wides.back()) % alignof(Wide), 0u);
  }
  for (std::size_t i = 0; i < strings.size(); ++i) ASSERT_EQ(strings[i].size(), i);
  ASSERT_EQ(strings[7].get_allocator().resource(), &resource);
  ASSERT_EQ(lists.at(5).front(), 5);
  ASSERT_EQ(counts.size(), 101u);
}

TEST(MemoryResource, FeedsContainersAndGetsEverythingBack) {
  hakmem::memory_resource resource;
  use_containers(resource);
  const std::size_t before = bytes_in_use();
  for (int round = 0; round < 5; ++round) use_containers(resource);
  EXPECT_LE(bytes_in_use(), before + (std::size_t{1} << 20));
}

TEST(MemoryResource, AllObjectsAreEqual) {
  hakmem::memory_resource first;
  hakmem::memory_resource second;
  EXPECT_EQ(first, second);
  EXPECT_NE(first, *std::pmr::null_memory_resource());
  second.deallocate(first.allocate(1000, 64), 1000, 64);
}

TEST(MemoryResource, ThrowsBadAlloc) {
  hakmem::memory_resource resource;
  EXPECT_THROW(static_cast<void>(resource.allocate(SIZE_MAX / 2, 16)), std::bad_alloc);
}

TEST(HeapResource, FeedsContainers) {
  hakmem::heap_resource resource;
  use_containers(resource);
}

TEST(HeapResource, ReleaseFreesWhatContainersLeft) {
  hakmem::heap_resource resource;
  resource.release();
  const std::size_t before = bytes_in_use();
  for (int i = 0; i < 20'000; ++i) static_cast<void>(resource.allocate(500, 16));
  EXPECT_GE(bytes_in_use(), before + 8'000'000);
  resource.release();
  EXPECT_LE(bytes_in_use(), before + (std::size_t{1} << 20));
  use_containers(resource);
}

TEST(HeapResource, IsEqualToItselfOnly) {
  hakmem::heap_resource first;
  hakmem::heap_resource second;
  EXPECT_EQ(first, first);
  EXPECT_NE(first, second);
  std::pmr::vector<int> from({1, 2, 3}, &first);
  std::pmr::vector<int> to(&second);
  to = std::move(from);
  EXPECT_EQ(to.get_allocator().resource(), &second);
  EXPECT_EQ(to, (std::pmr::vector<int>{1, 2, 3}));
}

TEST(HeapResource, TakesBlocksBackFromOtherThreads) {
  hakmem::heap_resource resource;
  std::vector<void*> blocks(1000);
  for (void*& block : blocks) block = resource.allocate(80, 16);
  std::thread([&] {
    for (void* block : blocks) resource.deallocate(block, 80, 16);
  }).join();
  use_containers(resource);
}

TEST(Allocator, WorksInContainers) {
  std::vector<Wide, hakmem::allocator<Wide>> wides(100);
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(wides.data()) % alignof(Wide), 0u);
  std::map<int, std::string, std::less<>, hakmem::allocator<std::pair<const int, std::string>>> map;
  for (int i = 0; i < 1000; ++i) map[i] = std::string(static_cast<std::size_t>(i), 'm');
  EXPECT_EQ(map.at(999).size(), 999u);
  std::basic_string<char, std::char_traits<char>, hakmem::allocator<char>> text(100'000, 't');
  EXPECT_EQ(text.size(), 100'000u);
}

TEST(Allocator, AllAreEqualWhateverTheirType) {
  EXPECT_TRUE(hakmem::allocator<int>() == hakmem::allocator<double>());
  EXPECT_FALSE(hakmem::allocator<int>() != hakmem::allocator<double>(hakmem::allocator<int>()));
}

TEST(Allocator, SaysWhatCannotBe) {
  hakmem::allocator<Wide> allocator;
  EXPECT_THROW(static_cast<void>(allocator.allocate(SIZE_MAX / 100)), std::bad_array_new_length);
  EXPECT_THROW(static_cast<void>(allocator.allocate(SIZE_MAX / sizeof(Wide) / 4)), std::bad_alloc);
}

}  // namespace
