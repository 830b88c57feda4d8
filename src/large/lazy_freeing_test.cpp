// Lazy freeing beyond the limit: by whole huge pages where all of one is idle.
#include <optional>
#include <utility>
#include <vector>

#include "config/knobs.hpp"
#include "large/idle_blocks_fixture.hpp"
#include "os/memory.hpp"

namespace hakmem {
namespace {

constexpr std::size_t kHalf = kHugePageBytes / 2;

// In memory that may lie on huge pages; nothing lazily freed goes to the kernel.
class LazyFreeing : public IdleBlocksTest {
 protected:
  void SetUp() override {
    IdleBlocksTest::SetUp();
    if (os::system_huge_pages() == os::HugePages::kNever) GTEST_SKIP() << "this system has no huge pages";
    regions_.emplace(HugePagePolicy::kAlways);
    kernel_ = std::exchange(os::memory.free_lazily, note);
    freed_.clear();
  }
  void TearDown() override {
    if (kernel_ != nullptr) os::memory.free_lazily = kernel_;
    IdleBlocksTest::TearDown();
    regions_.reset();
  }

  // So many pairs of runs, each of which is a unit.
  static std::vector<hakmem::Run*> make_halves(unsigned units) {
    std::vector<hakmem::Run*> halves;
    for (unsigned i = 0; i < units; ++i) {
      hakmem::Run* const first = run_store.allocate(granules_for(kHalf), granules_for(kHugePageBytes)).run;
      first->kind = Kind::kLarge;
      hakmem::Run* const second = make_run(kHalf);
      EXPECT_EQ(second->start(), first->start() + kHalf);
      halves.push_back(first);
      halves.push_back(second);
    }
    return halves;
  }

  struct Freed {
    std::byte* start;
    std::size_t bytes;
  };
  static bool note(std::byte* start, std::size_t bytes) {
    freed_.push_back({start, bytes});
    return true;
  }

  inline static std::vector<Freed> freed_;

 private:
  bool (*kernel_)(std::byte*, std::size_t) = nullptr;
  std::optional<FreshRegions> regions_;
};

constexpr unsigned kUnits = knobs::kUnwatchedBytes / kHugePageBytes + 8;

TEST_F(LazyFreeing, PartsOfAHugePageGoTogether) {
  for (hakmem::Run* run : make_halves(kUnits)) idle_blocks.keep(run, os::now_ms());
  EXPECT_EQ(freed_.size(), 8u);
  for (const Freed& freed : freed_) {
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(freed.start) % kHugePageBytes, 0u);
    EXPECT_EQ(freed.bytes, kHugePageBytes);
  }
  EXPECT_EQ(idle_blocks.use().lazy_bytes, 8 * kHugePageBytes);
}

// The other parts are in use.
TEST_F(LazyFreeing, APartGoesAloneWhereTheRestIsInUse) {
  const std::vector<hakmem::Run*> halves = make_halves(2 * kUnits);
  for (std::size_t i = 0; i < halves.size(); i += 2) idle_blocks.keep(halves[i], os::now_ms());
  EXPECT_EQ(freed_.size(), 16u);
  for (const Freed& freed : freed_) EXPECT_EQ(freed.bytes, kHalf);
  for (std::size_t i = 1; i < halves.size(); i += 2) give_back(halves[i]);
}

}  // namespace
}  // namespace hakmem
