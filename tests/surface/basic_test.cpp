// What every caller of malloc and free takes for granted, and which library answers.
#include <dlfcn.h>
#include <gtest/gtest.h>
#include <malloc.h>

#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <set>
#include <thread>
#include <vector>

#include "support/opaque.hpp"

namespace {

using support::opaque;

constexpr std::size_t kSizesOfEveryTier[] = {1,    24,    100,   1000,    1024,    1025,
                                             5000, 32768, 32769, 100'000, 3 << 20, 64 << 20};

bool aligned_to(const void* block, std::size_t alignment) {
  return reinterpret_cast<std::uintptr_t>(block) % alignment == 0;
}

TEST(Malloc, ZeroBytesGivesDistinctBlocks) {
  std::set<void*> blocks;
  for (int i = 0; i < 1000; ++i) {
    void* const block = std::malloc(opaque(std::size_t{0}));
    ASSERT_NE(block, nullptr);
    EXPECT_TRUE(blocks.insert(block).second) << "the same block twice";
  }
  for (void* block : blocks) std::free(block);
}

TEST(Malloc, EveryBlockIsAlignedTo16) {
  std::vector<void*> blocks;
  for (std::size_t size = 0; size <= 4096; ++size) {
    blocks.push_back(std::malloc(opaque(size)));
    ASSERT_TRUE(aligned_to(blocks.back(), 16)) << size << " bytes";
  }
  for (std::size_t size = 4096; size <= (std::size_t{8} << 20); size = size * 17 / 16 + 1) {
    blocks.push_back(std::malloc(opaque(size)));
    ASSERT_TRUE(aligned_to(blocks.back(), 16)) << size << " bytes";
  }
  for (void* block : blocks) std::free(block);
}

TEST(Malloc, CallocAndReallocAlignTo16Too) {
  for (std::size_t size = 1; size <= 2000; ++size) {
    void* const zeroed = std::calloc(opaque(size), 1);
    void* const grown = std::realloc(std::malloc(opaque(std::size_t{1})), opaque(size));
    EXPECT_TRUE(aligned_to(zeroed, 16)) << size << " bytes";
    EXPECT_TRUE(aligned_to(grown, 16)) << size << " bytes";
    std::free(zeroed);
    std::free(grown);
  }
}

TEST(Free, NullIsIgnored) {
  errno = EDOM;
  std::free(opaque(static_cast<void*>(nullptr)));
  EXPECT_EQ(errno, EDOM);
}

TEST(Free, KeepsErrnoOnFastAndSlowPaths) {
  for (const std::size_t size : kSizesOfEveryTier) {
    const std::size_t count = size > (1 << 20) ? 4 : 1000;
    std::vector<void*> blocks(count);
    for (void*& block : blocks) block = std::malloc(opaque(size));
    for (void* block : blocks) {
      errno = EXDEV;
      std::free(block);
      ASSERT_EQ(errno, EXDEV) << size << " bytes";
    }
  }
}

TEST(Free, KeepsErrnoForBlocksOfAnotherThread) {
  std::vector<void*> blocks;
  std::thread([&] {
    for (int i = 0; i < 20'000; ++i)
      blocks.push_back(std::malloc(opaque(static_cast<std::size_t>(i % 3000))));
  }).join();
  for (void* block : blocks) {
    errno = EXDEV;
    std::free(block);
    ASSERT_EQ(errno, EXDEV);
  }
}

// A function that fell through to libc would hand out blocks that our free does not know.
TEST(Surface, EveryFunctionComesFromTheSameLibrary) {
  Dl_info malloc_home = {};
  ASSERT_NE(dladdr(dlsym(RTLD_DEFAULT, "malloc"), &malloc_home), 0);
  for (const char* name : {"calloc",
                           "realloc",
                           "reallocarray",
                           "free",
                           "free_sized",
                           "free_aligned_sized",
                           "posix_memalign",
                           "aligned_alloc",
                           "memalign",
                           "valloc",
                           "pvalloc",
                           "malloc_usable_size",
                           "malloc_trim",
                           "mallinfo",
                           "mallinfo2",
                           "malloc_stats",
                           "malloc_info",
                           "mallopt",
                           "_Znwm",
                           "_Znam",
                           "_ZnwmRKSt9nothrow_t",
                           "_ZnamRKSt9nothrow_t",
                           "_ZnwmSt11align_val_t",
                           "_ZnamSt11align_val_t",
                           "_ZnwmSt11align_val_tRKSt9nothrow_t",
                           "_ZnamSt11align_val_tRKSt9nothrow_t",
                           "_ZdlPv",
                           "_ZdaPv",
                           "_ZdlPvm",
                           "_ZdaPvm",
                           "_ZdlPvRKSt9nothrow_t",
                           "_ZdaPvRKSt9nothrow_t",
                           "_ZdlPvSt11align_val_t",
                           "_ZdaPvSt11align_val_t",
                           "_ZdlPvmSt11align_val_t",
                           "_ZdaPvmSt11align_val_t",
                           "_ZdlPvSt11align_val_tRKSt9nothrow_t",
                           "_ZdaPvSt11align_val_tRKSt9nothrow_t"}) {
    void* const address = dlsym(RTLD_DEFAULT, name);
    Dl_info home = {};
    ASSERT_NE(address, nullptr) << name << " is missing";
    ASSERT_NE(dladdr(address, &home), 0) << name;
    EXPECT_STREQ(home.dli_fname, malloc_home.dli_fname) << name;
  }
}

}  // namespace
