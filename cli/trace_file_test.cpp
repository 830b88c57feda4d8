// Tests of traces in files: round trip, files that are cut, damaged, foreign or newer.
#include "trace_file.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>

#include "trace/format.hpp"

namespace hakmem::cli {

static bool operator==(const Event& a, const Event& b) {
  return a.time_ns == b.time_ns && a.block == b.block && a.size == b.size && a.thread == b.thread &&
         a.site == b.site && a.op == b.op;
}

namespace {

using ::testing::HasSubstr;

// Three threads; blocks cross between them, grow, and stay.
Trace sample_trace(std::size_t events) {
  std::mt19937_64 random(1);
  Trace trace;
  trace.sites = {"unknown", "libone.so.1+0x12f0", "program+0x4", "generated"};
  std::vector<std::uint64_t> living;
  std::uint64_t blocks = 0, time_ns = 0;
  for (std::size_t i = 0; i < events; ++i) {
    time_ns += random() % 1'000'000;
    Event event{time_ns,      0, 0, static_cast<std::uint32_t>(i < 3 ? i : random() % 3), 0,
                Op::kAllocate};
    event.op = i < 4 ? Op::kAllocate : static_cast<Op>(random() % 3);
    if (living.empty()) event.op = Op::kAllocate;
    if (event.op == Op::kAllocate) living.push_back(++blocks);
    const std::size_t which =
        event.op == Op::kAllocate ? living.size() - 1 : random() % living.size();
    event.block = living[which];
    if (event.op == Op::kFree) {
      living.erase(living.begin() + static_cast<std::ptrdiff_t>(which));
    } else {
      event.size = random() >> (random() % 64);
      event.site = static_cast<std::uint32_t>(i < 4 ? i : random() % 4);
    }
    trace.events.push_back(event);
  }
  trace.end_ns = time_ns + 1000;
  trace.lost = 7;
  return trace;
}

std::string file_bytes(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

class TraceFile : public ::testing::Test {
 protected:
  void TearDown() override { std::filesystem::remove(path_); }

  void write_bytes(const std::string& bytes) const {
    std::ofstream(path_, std::ios::binary)
        .write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  }

  std::string error() const {
    try {
      read_trace(path_);
    } catch (const TraceError& error) {
      return error.what();
    }
    return "";
  }

  std::string path_ = (std::filesystem::temp_directory_path() /
                       ("hakmem-trace-" + std::to_string(::getpid()) + ".gz"))
                          .string();
};

void expect_same(const Trace& read, const Trace& written) {
  EXPECT_TRUE(read.events == written.events);
  EXPECT_EQ(read.sites.size(), written.sites.size());
  EXPECT_EQ(read.end_ns, written.end_ns);
  EXPECT_EQ(read.lost, written.lost);
  EXPECT_EQ(read.truncated, written.truncated);
}

TEST_F(TraceFile, ReadsWhatWasWritten) {
  const Trace written = sample_trace(50'000);
  path_.resize(path_.size() - 3);  // plain
  write_trace(path_, written);
  const Trace read = read_trace(path_);
  ASSERT_EQ(read.events.size(), written.events.size());
  // Sites are numbered in the order of threads; their names tell.
  for (std::size_t i = 0; i < read.events.size(); ++i) {
    EXPECT_EQ(read.sites[read.events[i].site], written.sites[written.events[i].site]);
    Event same_site = read.events[i];
    same_site.site = written.events[i].site;
    ASSERT_TRUE(same_site == written.events[i]) << i;
  }
  EXPECT_EQ(read.end_ns, written.end_ns);
  EXPECT_EQ(read.lost, written.lost);
  EXPECT_FALSE(read.truncated);
}

TEST_F(TraceFile, WritesTheSameTwice) {
  write_trace(path_, sample_trace(5000));
  const Trace once = read_trace(path_);
  const std::string bytes = file_bytes(path_);
  write_trace(path_, once);
  expect_same(read_trace(path_), once);
  EXPECT_LT(bytes.size(), 5000U * 20);
}

TEST_F(TraceFile, KeepsAnEmptyTrace) {
  Trace empty;
  empty.sites = {"unknown"};
  empty.end_ns = 5;
  write_trace(path_, empty);
  expect_same(read_trace(path_), empty);
}

TEST_F(TraceFile, ACutAtAnyByteLeavesABeginning) {
  path_.resize(path_.size() - 3);
  const Trace whole = sample_trace(300);
  write_trace(path_, whole);
  const std::string bytes = file_bytes(path_);
  std::size_t most = 0;
  for (std::size_t length = 0; length < bytes.size(); ++length) {
    write_bytes(bytes.substr(0, length));
    if (length < sizeof(trace::FileHeader)) {
      EXPECT_NE(error(), "") << length;
      continue;
    }
    const Trace cut = read_trace(path_);
    EXPECT_TRUE(cut.truncated) << length;
    EXPECT_GE(cut.events.size() + cut.lost, most) << length;
    most = cut.events.size();
  }
  EXPECT_EQ(most, whole.events.size());  // without the end alone, all events are there
}

TEST_F(TraceFile, ADamagedByteAnywhereIsNoticed) {
  path_.resize(path_.size() - 3);
  write_trace(path_, sample_trace(200));
  const std::string bytes = file_bytes(path_);
  for (std::size_t at = 0; at < bytes.size(); ++at) {
    std::string damaged = bytes;
    damaged[at] = static_cast<char>(damaged[at] ^ 0x20);
    write_bytes(damaged);
    // A length that became larger looks like a cut.
    const std::string reason = error();
    EXPECT_TRUE(!reason.empty() || read_trace(path_).truncated) << at;
  }
}

TEST_F(TraceFile, ACutCompressedFileIsReadToo) {
  write_trace(path_, sample_trace(50'000));
  const std::string bytes = file_bytes(path_);
  write_bytes(bytes.substr(0, bytes.size() / 2));
  const Trace cut = read_trace(path_);
  EXPECT_TRUE(cut.truncated);
  EXPECT_GT(cut.events.size(), 1000U);
}

TEST_F(TraceFile, SaysWhatIsWrong) {
  write_bytes("#!/bin/sh\necho this is a script and no trace\n");
  EXPECT_THAT(error(), HasSubstr("is no trace of hakmem"));
  write_trace(path_ + "x", sample_trace(100));
  std::string bytes = file_bytes(path_ + "x");
  std::filesystem::remove(path_ + "x");
  bytes[8] = 2;
  write_bytes(bytes);
  EXPECT_THAT(error(), HasSubstr("version 2; this command reads version 1"));
  std::filesystem::remove(path_);
  EXPECT_THAT(error(), HasSubstr("cannot read"));
}

TEST_F(TraceFile, RefusesEventsOutOfOrder) {
  Trace trace = sample_trace(10);
  std::swap(trace.events[2], trace.events[8]);
  EXPECT_THROW(write_trace(path_, trace), TraceError);
}

}  // namespace
}  // namespace hakmem::cli
