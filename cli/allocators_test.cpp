// Tests of how allocators are found, named and put into an environment.
#include "allocators.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>

namespace hakmem::cli {
namespace fs = std::filesystem;
namespace {

class FindInstalled : public ::testing::Test {
 protected:
  void SetUp() override {
    directory_ = fs::path(testing::TempDir()) / ("hakmem_find_installed_" + std::to_string(getpid()));
    fs::create_directories(directory_);
  }
  void TearDown() override { fs::remove_all(directory_); }
  void add(const std::string& file) { std::ofstream(directory_ / file) << "library"; }

  fs::path directory_;
};

TEST_F(FindInstalled, FindsKnownLibrariesUnderTheirNames) {
  add("libjemalloc.so.2");
  add("libmimalloc.so.2.0");
  add("libtcmalloc_minimal.so.4");
  add("libc.so.6");
  const auto found = find_installed({directory_});
  ASSERT_EQ(found.size(), 3u);
  EXPECT_EQ(found[0].name, "mimalloc");
  EXPECT_EQ(found[1].name, "jemalloc");
  EXPECT_EQ(found[2].name, "gperftools");
  EXPECT_EQ(found[1].library, directory_ / "libjemalloc.so.2");
}

TEST_F(FindInstalled, LinksToOneFileCountOnce) {
  add("libmimalloc.so.2.0");
  fs::create_symlink("libmimalloc.so.2.0", directory_ / "libmimalloc.so.2");
  EXPECT_EQ(find_installed({directory_, directory_}).size(), 1u);
}

TEST_F(FindInstalled, MissingDirectoriesAreNoError) {
  EXPECT_TRUE(find_installed({"/no/such/place"}).empty());
}

TEST(ParseAllocator, PathAlone) {
  const Allocator allocator = parse_allocator("/x/libmine-new.so.3");
  EXPECT_EQ(allocator.name, "mine-new");
  EXPECT_EQ(allocator.library, "/x/libmine-new.so.3");
  EXPECT_EQ(parse_allocator("other").name, "other");
}

TEST(ParseAllocator, RelativePathsBecomeAbsolute) {
  EXPECT_EQ(parse_allocator("./x.so").library, fs::current_path() / "x.so");
}

TEST(ParseAllocator, NameAndVariables) {
  const Allocator allocator = parse_allocator("eager=/x/a.so,DELAY=0,MODE=a=b");
  EXPECT_EQ(allocator.name, "eager");
  EXPECT_EQ(allocator.library, "/x/a.so");
  ASSERT_EQ(allocator.variables.size(), 2u);
  EXPECT_EQ(allocator.variables[1].first, "MODE");
  EXPECT_EQ(allocator.variables[1].second, "a=b");
}

TEST(ParseAllocator, RefusesWhatNamesNothing) {
  EXPECT_THROW(parse_allocator(""), std::invalid_argument);
  EXPECT_THROW(parse_allocator("name="), std::invalid_argument);
  EXPECT_THROW(parse_allocator("/x/a.so,DELAY"), std::invalid_argument);
}

TEST(EnvironmentFor, ReplacesInheritedPreloads) {
  const Environment base({"LD_PRELOAD=/other.so", "A=1"});
  const Allocator ours{"ours", "/x/a.so", {{"A", "2"}}};
  EXPECT_EQ(environment_for(ours, base).get("LD_PRELOAD"), "/x/a.so");
  EXPECT_EQ(environment_for(ours, base).get("A"), "2");
  const Allocator libc{"glibc", "", {}};
  EXPECT_EQ(environment_for(libc, base).get("LD_PRELOAD"), std::nullopt);
}

}  // namespace
}  // namespace hakmem::cli
