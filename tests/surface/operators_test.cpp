// Every form of operator new and operator delete, and what happens when there is no memory.
#include <gtest/gtest.h>

#include <cstdint>
#include <cstdlib>
#include <new>
#include <stdexcept>
#include <vector>

#include "support/opaque.hpp"
#include "support/pattern.hpp"
#include "support/resident.hpp"

namespace {

using support::opaque;

constexpr std::size_t kSizes[] = {0, 1, 16, 100, 1000, 1025, 5000, 32'769, 100'000, 3 << 20};
constexpr std::size_t kAbsurd = SIZE_MAX / 2;

void use(void* block, std::size_t size) {
  ASSERT_NE(block, nullptr);
  support::fill(block, size, size);
  ASSERT_TRUE(support::holds(block, size, size));
}

TEST(Operators, PlainAndSized) {
  for (const std::size_t size : kSizes) {
    void* const one = ::operator new(opaque(size));
    void* const two = ::operator new(opaque(size));
    void* const array_one = ::operator new[](opaque(size));
    void* const array_two = ::operator new[](opaque(size));
    for (void* block : {one, two, array_one, array_two}) use(block, size);
    ::operator delete(one);
    ::operator delete(two, size);
    ::operator delete[](array_one);
    ::operator delete[](array_two, size);
  }
}

TEST(Operators, Nothrow) {
  for (const std::size_t size : kSizes) {
    void* const one = ::operator new(opaque(size), std::nothrow);
    void* const array = ::operator new[](opaque(size), std::nothrow);
    use(one, size);
    use(array, size);
    ::operator delete(one, std::nothrow);
    ::operator delete[](array, std::nothrow);
  }
  EXPECT_EQ(::operator new(opaque(kAbsurd), std::nothrow), nullptr);
  EXPECT_EQ(::operator new[](opaque(kAbsurd), std::nothrow), nullptr);
  EXPECT_EQ(::operator new (opaque(kAbsurd), std::align_val_t{64}, std::nothrow), nullptr);
  EXPECT_EQ(::operator new[](opaque(kAbsurd), std::align_val_t{64}, std::nothrow), nullptr);
}

TEST(Operators, Aligned) {
  for (std::size_t bytes = 16; bytes <= support::kMiB; bytes *= 2) {
    const std::align_val_t alignment{bytes};
    for (const std::size_t size : kSizes) {
      void* const blocks[] = {::operator new(opaque(size), alignment),
                              ::operator new[](opaque(size), alignment),
                              ::operator new(opaque(size), alignment, std::nothrow),
                              ::operator new[](opaque(size), alignment, std::nothrow)};
      for (void* block : blocks) {
        use(block, size);
        EXPECT_EQ(reinterpret_cast<std::uintptr_t>(block) % bytes, 0u) << size;
      }
      ::operator delete(blocks[0], alignment);
      ::operator delete[](blocks[1], size, alignment);
      ::operator delete(blocks[2], alignment, std::nothrow);
      ::operator delete[](blocks[3], alignment, std::nothrow);
    }
  }
}

TEST(Operators, DeleteOfNullIsIgnored) {
  const auto null = [] { return opaque(static_cast<void*>(nullptr)); };
  ::operator delete(null());
  ::operator delete[](null());
  ::operator delete(null(), 8);
  ::operator delete[](null(), 8);
  ::operator delete (null(), std::align_val_t{64});
  ::operator delete[](null(), 8, std::align_val_t{64});
}

struct alignas(256) Wide {
  char bytes[700];
};

TEST(Operators, OverAlignedTypesInContainers) {
  std::vector<Wide> wides;
  for (int i = 0; i < 2000; ++i) {
    wides.emplace_back();
    ASSERT_EQ(reinterpret_cast<std::uintptr_t>(&wides.back()) % 256, 0u);
  }
}

TEST(OutOfMemory, ThrowsBadAllocEachTime) {
  int caught = 0;
  for (int i = 0; i < 1000; ++i) {
    try {
      void* const block = i % 2 == 0 ? ::operator new(opaque(kAbsurd))
                                     : ::operator new[](opaque(kAbsurd), std::align_val_t{128});
      ::operator delete(opaque(block));
    } catch (const std::bad_alloc&) {
      ++caught;
    }
  }
  EXPECT_EQ(caught, 1000);
}

// Installs a handler for one test.
class NewHandler : public testing::Test {
 protected:
  void TearDown() override { std::set_new_handler(nullptr); }
  static inline int calls_ = 0;
  void SetUp() override { calls_ = 0; }
};

TEST_F(NewHandler, IsCalledUntilItGivesUp) {
  std::set_new_handler([] {
    if (++calls_ == 5) std::set_new_handler(nullptr);
  });
  EXPECT_THROW((void)::operator new(opaque(kAbsurd)), std::bad_alloc);
  EXPECT_EQ(calls_, 5);
}

TEST_F(NewHandler, MayThrowWhatItLikes) {
  std::set_new_handler([] {
    ++calls_;
    throw std::bad_alloc();
  });
  EXPECT_THROW((void)::operator new[](opaque(kAbsurd)), std::bad_alloc);
  EXPECT_THROW((void)::operator new (opaque(kAbsurd), std::align_val_t{64}), std::bad_alloc);
  EXPECT_EQ(calls_, 2);
}

TEST_F(NewHandler, IsCalledByNothrowFormsWhichSwallowBadAlloc) {
  std::set_new_handler([] {
    ++calls_;
    throw std::bad_alloc();
  });
  EXPECT_EQ(::operator new(opaque(kAbsurd), std::nothrow), nullptr);
  EXPECT_EQ(::operator new[](opaque(kAbsurd), std::nothrow), nullptr);
  EXPECT_EQ(::operator new (opaque(kAbsurd), std::align_val_t{64}, std::nothrow), nullptr);
  EXPECT_EQ(calls_, 3);
}

TEST_F(NewHandler, IsNotCalledByMalloc) {
  std::set_new_handler([] { ++calls_; });
  EXPECT_EQ(std::malloc(opaque(kAbsurd)), nullptr);
  EXPECT_EQ(calls_, 0);
}

}  // namespace
