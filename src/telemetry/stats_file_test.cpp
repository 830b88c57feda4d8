// Stats file: the record a reader finds in the file, who writes it, and what happens after a fork.
#include "telemetry/stats_file.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <string>

#include "os/file.hpp"

namespace hakmem {
namespace {

std::string path_in_temp(const std::string& name) {
  return testing::TempDir() + "hakmem_stats_" + std::to_string(getpid()) + "_" + name;
}

hak_stats read_record(const std::string& path) {
  hak_stats stats{};
  std::ifstream file(path, std::ios::binary);
  file.read(reinterpret_cast<char*>(&stats), sizeof stats);
  EXPECT_EQ(file.gcount(), static_cast<std::streamsize>(sizeof stats)) << path;
  return stats;
}

bool update(std::uint64_t mapped_bytes) {
  hak_stats* file = begin_stats_update();
  if (file == nullptr) return false;
  hak_stats stats{};
  stats.magic = HAK_STATS_MAGIC;
  stats.mapped_bytes = mapped_bytes;
  stats.process_id = os::process_id();
  end_stats_update(file, stats);
  return true;
}

// Runs body() in a forked child; what it returns is the child's exit code.
int in_child(auto body) {
  const pid_t child = fork();
  if (child == 0) _exit(body());
  int status = 0;
  EXPECT_EQ(waitpid(child, &status, 0), child);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

class StatsFile : public testing::Test {
 protected:
  void open(const std::string& name) {
    path = path_in_temp(name);
    open_stats_file(path.c_str());
  }
  void TearDown() override { std::remove(path.c_str()); }

  std::string path;  // outlives its use: the file's pattern is kept by address
};

TEST_F(StatsFile, HoldsTheLastRecordWithAnEvenSequence) {
  open("plain");
  ASSERT_TRUE(update(123));
  const hak_stats first = read_record(path);
  EXPECT_EQ(first.magic, HAK_STATS_MAGIC);
  EXPECT_EQ(first.mapped_bytes, 123u);
  EXPECT_EQ(first.sequence % 2, 0u);
  ASSERT_TRUE(update(456));
  const hak_stats second = read_record(path);
  EXPECT_EQ(second.mapped_bytes, 456u);
  EXPECT_EQ(second.sequence, first.sequence + 2) << "a reader sees that it has changed";
}

TEST_F(StatsFile, HasOneWriterAtATime) {
  open("busy");
  hak_stats* file = begin_stats_update();
  ASSERT_NE(file, nullptr);
  EXPECT_EQ(begin_stats_update(), nullptr);
  end_stats_update(file, hak_stats{});
  EXPECT_TRUE(update(1));
}

TEST_F(StatsFile, TheProcessIdStandsForItself) {
  const std::string pattern = path_in_temp("of_%p");
  path = path_in_temp("of_" + std::to_string(getpid()));
  open_stats_file(pattern.c_str());
  ASSERT_TRUE(update(77));
  EXPECT_EQ(read_record(path).mapped_bytes, 77u);
}

TEST_F(StatsFile, AChildLeavesItsParentsFileAlone) {
  open("parents");
  ASSERT_TRUE(update(1));
  EXPECT_EQ(in_child([] { return update(2) ? 1 : 0; }), 0);
  EXPECT_EQ(read_record(path).mapped_bytes, 1u);
  EXPECT_TRUE(update(3)) << "the parent goes on";
}

TEST_F(StatsFile, AChildHasAFileOfItsOwnWhenThePathNamesTheProcess) {
  const std::string pattern = path_in_temp("each_%p");
  path = path_in_temp("each_" + std::to_string(getpid()));
  const std::string stem = path_in_temp("each_");
  open_stats_file(pattern.c_str());
  ASSERT_TRUE(update(1));
  const int code = in_child([&] {
    if (!update(2)) return 1;
    const std::string own = stem + std::to_string(getpid());
    const hak_stats stats = read_record(own);
    std::remove(own.c_str());
    return stats.mapped_bytes == 2 && stats.process_id == os::process_id() ? 0 : 2;
  });
  EXPECT_EQ(code, 0);
  EXPECT_EQ(read_record(path).mapped_bytes, 1u);
}

// Another thread of the parent may be writing at the moment of the fork; the child has no such thread.
TEST_F(StatsFile, AChildForkedDuringAnUpdateWritesItsOwn) {
  const std::string pattern = path_in_temp("during_%p");
  path = path_in_temp("during_" + std::to_string(getpid()));
  const std::string stem = path_in_temp("during_");
  open_stats_file(pattern.c_str());
  hak_stats* file = begin_stats_update();
  ASSERT_NE(file, nullptr);
  const int code = in_child([&] {
    const bool first = update(5);
    const bool second = update(6);
    const std::string own = stem + std::to_string(getpid());
    const bool kept = first && second && read_record(own).mapped_bytes == 6;
    std::remove(own.c_str());
    return kept ? 0 : 1;
  });
  EXPECT_EQ(code, 0);
  end_stats_update(file, hak_stats{});
}

TEST_F(StatsFile, APathThatCannotBeWrittenIsNamed) {
  path = "/nonexistent/stats";
  for (const std::string& bad : {path, std::string(2000, 'x')}) {
    testing::internal::CaptureStderr();
    open_stats_file(bad.c_str());
    EXPECT_THAT(testing::internal::GetCapturedStderr(), testing::HasSubstr("HAKMEM_STATS: cannot write"));
    EXPECT_EQ(begin_stats_update(), nullptr);
  }
}

}  // namespace
}  // namespace hakmem
