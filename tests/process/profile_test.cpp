// HAKMEM_PROFILE as a user meets it: it is there after the run, adds up over runs, survives kills
// and other addresses, and what cannot be used is named and ignored.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "learn/profile_file.hpp"
#include "support/child.hpp"

namespace {

namespace fs = std::filesystem;
namespace learn = hakmem::learn;
using support::ChildResult;

constexpr unsigned kKills = 200;

class ProfileFile : public testing::Test {
 protected:
  void SetUp() override {
    char path[] = "/tmp/hakmem-profile-XXXXXX";
    ASSERT_NE(mkdtemp(path), nullptr);
    directory_ = path;
    file_ = directory_ / "profile";
  }
  void TearDown() override { fs::remove_all(directory_); }

  ChildResult run(const std::string& how, const std::string& learn_mode = "on") const {
    return support::run_preloaded(
        {.command = {TEST_PROGRAMS "/saves_profile", how},
         .environment = {{"HAKMEM_PROFILE", file_}, {"HAKMEM_LEARN", learn_mode}}});
  }

  std::string content() const {
    std::ifstream in(file_, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }

  // nullptr when it is not whole.
  std::unique_ptr<learn::Profile> read() const {
    const std::string bytes = content();
    auto profile = std::make_unique<learn::Profile>();
    const auto* start = reinterpret_cast<const std::byte*>(bytes.data());
    return learn::decode_profile(start, bytes.size(), *profile) == nullptr ? std::move(profile)
                                                                           : nullptr;
  }

  static std::uint64_t blocks(const learn::Profile& profile) {
    std::uint64_t sum = 0;
    for (const auto& of_class : profile.evidence) {
      for (const auto& of_depth : of_class) {
        for (const learn::Evidence& evidence : of_depth) sum += learn::blocks_of(evidence);
      }
    }
    return sum;
  }

  void expect_ignored(const std::string& why) const {
    const std::string before = content();
    const ChildResult result = run("exit", "frozen");
    EXPECT_EQ(result.exit_code, 0);
    EXPECT_NE(result.err.find(file_), std::string::npos) << result.err;
    EXPECT_NE(result.err.find(why), std::string::npos) << result.err;
    EXPECT_EQ(std::count(result.err.begin(), result.err.end(), '\n'), 1) << result.err;
    EXPECT_EQ(content(), before);
  }

  fs::path directory_;
  fs::path file_;
};

TEST_F(ProfileFile, IsWrittenAtExitAndAddsUp) {
  EXPECT_EQ(run("exit").err, "");
  const auto first = read();
  ASSERT_NE(first, nullptr);
  const std::uint64_t blocks_first = blocks(*first);
  EXPECT_EQ(blocks_first, 8u) << "four sizes: each waited once, and once until the end";
  EXPECT_EQ(run("exit").err, "");
  const auto second = read();
  ASSERT_NE(second, nullptr);
  EXPECT_EQ(blocks(*second), 2 * blocks_first);
  EXPECT_EQ(second->site_count, first->site_count) << "the same sites at other addresses";
  EXPECT_GT(first->site_count, 0u);
}

// What realloc's site has learned about growth is there in the next run: its first block already gets room.
TEST_F(ProfileFile, KnowsHowFarBlocksGrow) {
  const int moves_first = std::stoi(run("grow").out);
  const auto first = read();
  ASSERT_NE(first, nullptr);
  ASSERT_GT(first->growth_count, 5u);
  const learn::ProfileGrowth& growth = first->growths[0];
  EXPECT_STREQ(first->modules[growth.module].name, "saves_profile");
  const int moves_second = std::stoi(run("grow").out);
  EXPECT_GE(moves_first, 4);
  EXPECT_LE(moves_second, 2);
  const auto second = read();
  ASSERT_NE(second, nullptr);
  EXPECT_EQ(second->growth_count, first->growth_count) << "the same sites at other addresses";
  EXPECT_EQ(second->growths[0].steps, 2 * growth.steps);
}

TEST_F(ProfileFile, ProcessesThatRunAtOnceAddUp) {
  constexpr unsigned kProcesses = 6;
  std::vector<std::thread> threads;
  for (unsigned i = 0; i < kProcesses; ++i) threads.emplace_back([this] { EXPECT_EQ(run("exit").err, ""); });
  for (std::thread& thread : threads) thread.join();
  const auto profile = read();
  ASSERT_NE(profile, nullptr);
  EXPECT_EQ(blocks(*profile), kProcesses * 8);
}

TEST_F(ProfileFile, EachProcessMayHaveItsOwn) {
  file_ += ".%p";
  EXPECT_EQ(run("exit").err, "");
  EXPECT_EQ(run("exit").err, "");
  unsigned files = 0;
  for (const auto& entry : fs::directory_iterator(directory_)) {
    EXPECT_EQ(entry.path().string().find('%'), std::string::npos);
    ++files;
  }
  EXPECT_EQ(files, 2u);
}

TEST_F(ProfileFile, IsWrittenOnRequest) {
  EXPECT_EQ(run("once").out, "0\n");
  EXPECT_NE(read(), nullptr);
}

TEST_F(ProfileFile, FrozenLearnsNothing) {
  EXPECT_EQ(run("once", "frozen").out, "-1\n");
  EXPECT_FALSE(fs::exists(file_));
}

TEST_F(ProfileFile, WhatIsNoProfileIsNamedAndIgnored) {
  std::ofstream(file_) << "something else, and long enough to have a header";
  expect_ignored("no profile");
  std::ofstream(file_) << "short";
  expect_ignored("short");
}

TEST_F(ProfileFile, DamageIsNamedAndIgnored) {
  run("exit");
  const std::string whole = content();
  std::string damaged = whole;
  damaged.back() ^= 1;
  std::ofstream(file_) << damaged;
  expect_ignored("checksum");
  std::ofstream(file_) << whole.substr(0, whole.size() - 1);
  expect_ignored("cut off");
}

TEST_F(ProfileFile, ANewerVersionIsNamedAndIgnored) {
  run("exit");
  std::string newer = content();
  ++newer[offsetof(learn::ProfileHeader, version)];
  std::ofstream(file_) << newer;
  expect_ignored("newer version");
}

TEST_F(ProfileFile, APlaceThatCannotBeWrittenIsNamed) {
  file_ = directory_ / "missing" / "profile";
  const ChildResult result = run("exit");
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_NE(result.err.find(file_), std::string::npos) << result.err;
}

// A program that saves its profile again and again, until it is killed.
class Saver {
 public:
  explicit Saver(const fs::path& file) : variable_("HAKMEM_PROFILE=" + file.string()) {
    char* words[] = {program_.data(), how_.data(), nullptr};
    char* environment[] = {preload_.data(), variable_.data(), nullptr};
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
    started_ = posix_spawn(&child_, program_.c_str(), &actions, nullptr, words, environment) == 0;
    posix_spawn_file_actions_destroy(&actions);
  }
  ~Saver() {
    if (!started_) return;
    kill(child_, SIGKILL);
    waitpid(child_, nullptr, 0);
  }
  Saver(const Saver&) = delete;
  Saver& operator=(const Saver&) = delete;

  bool started() const { return started_; }

 private:
  std::string program_ = TEST_PROGRAMS "/saves_profile";
  std::string how_ = "forever";
  std::string preload_ = "LD_PRELOAD=" HAKMEM_LIBRARY;
  std::string variable_;
  pid_t child_ = 0;
  bool started_ = false;
};

// How long one takes, here and now, until there is a profile.
std::chrono::microseconds time_to_save(const fs::path& file) {
  const auto begin = std::chrono::steady_clock::now();
  const Saver saver(file);
  const auto passed = [begin] { return std::chrono::steady_clock::now() - begin; };
  while (!fs::exists(file) && passed() < std::chrono::seconds(20)) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  return std::chrono::duration_cast<std::chrono::microseconds>(passed());
}

TEST_F(ProfileFile, IsWholeAfterAKillAtAnyMoment) {
  const auto longest = 3 * static_cast<unsigned long>(time_to_save(file_).count());
  std::mt19937 random(1);
  unsigned found = 0;
  unsigned cut_short = 0;
  for (unsigned i = 0; i < kKills; ++i) {
    if (i % 4 == 0) fs::remove(file_);
    {
      const Saver saver(file_);
      ASSERT_TRUE(saver.started());
      std::this_thread::sleep_for(std::chrono::microseconds(random() % longest));
    }
    if (fs::exists(file_)) {
      ++found;
      EXPECT_NE(read(), nullptr) << "kill " << i;
    }
    for (const auto& entry : fs::directory_iterator(directory_)) {
      if (entry.path().extension() != ".tmp") continue;
      ++cut_short;
      fs::remove(entry.path());
    }
  }
  EXPECT_GT(found, kKills / 4) << "kills came before there was a profile";
  RecordProperty("profiles_found", static_cast<int>(found));
  RecordProperty("kills_during_a_save", static_cast<int>(cut_short));
}

}  // namespace
