// Cgroup: limits of both versions, read from folders that look like /proc and /sys.
#include "os/cgroup.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>

namespace hakmem::os {
namespace {

namespace fs = std::filesystem;

class CgroupTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = testing::TempDir() + "hakmem_cgroup_XXXXXX";
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    root_ = name;
  }
  void TearDown() override { fs::remove_all(root_); }

  void write(const std::string& path, const std::string& text) const {
    const fs::path file = root_ / path;
    fs::create_directories(file.parent_path());
    std::ofstream(file) << text;
  }
  MemoryCgroup find() const { return find_memory_cgroup(root_.c_str()); }
  std::string folder(const std::string& below) const {
    return (root_ / "sys/fs/cgroup").string() + below;
  }

  fs::path root_;
};

TEST_F(CgroupTest, WithoutFilesThereIsNoLimit) {
  const MemoryCgroup none = find();
  EXPECT_EQ(none.limit, SIZE_MAX);
  EXPECT_STREQ(none.folder, "");
  EXPECT_EQ(working_set_bytes(none), 0u);
  EXPECT_EQ(memory_stall_percent(none), 0u);
}

TEST_F(CgroupTest, TheLowestLimitOnTheWayUpCounts) {
  write("proc/self/cgroup", "0::/service/part\n");
  write("sys/fs/cgroup/service/part/memory.max", "max\n");
  write("sys/fs/cgroup/service/memory.max", "268435456\n");
  write("sys/fs/cgroup/service/memory.high", "max\n");
  const MemoryCgroup group = find();
  EXPECT_EQ(group.limit, 268435456u);
  EXPECT_TRUE(group.is_v2);
  EXPECT_EQ(group.folder, folder("/service"));
}

TEST_F(CgroupTest, HighCountsWhereItIsBelowMax) {
  write("proc/self/cgroup", "0::/a\n");
  write("sys/fs/cgroup/a/memory.max", "1000000\n");
  write("sys/fs/cgroup/a/memory.high", "900000\n");
  EXPECT_EQ(find().limit, 900000u);
}

TEST_F(CgroupTest, AContainerThatSeesItsGroupAsTheRootIsServed) {
  write("proc/self/cgroup", "0::/not/to/be/seen/here\n");
  write("sys/fs/cgroup/memory.max", "5000000\n");
  EXPECT_EQ(find().limit, 5000000u);
  EXPECT_EQ(find().folder, folder(""));
}

TEST_F(CgroupTest, VersionOneIsFoundAmongOtherControllers) {
  write("proc/self/cgroup",
        "5:cpu,cpuacct:/x\n4:hugetlb,memory:/box/in\n1:name=systemd:/memory\n0::/\n");
  write("sys/fs/cgroup/memory/box/in/memory.limit_in_bytes", "9223372036854771712\n");
  write("sys/fs/cgroup/memory/box/memory.limit_in_bytes", "123456789\n");
  const MemoryCgroup group = find();
  EXPECT_EQ(group.limit, 123456789u);
  EXPECT_FALSE(group.is_v2);
  EXPECT_EQ(group.folder, folder("/memory/box"));
}

TEST_F(CgroupTest, VersionOneUnlimitedIsNone) {
  write("proc/self/cgroup", "4:memory:/\n");
  write("sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");
  EXPECT_EQ(find().limit, SIZE_MAX);
}

TEST_F(CgroupTest, DamagedFilesAreNoLimit) {
  write("proc/self/cgroup", "nonsense\n0:\n:\n::/\n4:memory\n0::/a");
  write("sys/fs/cgroup/a/memory.max", "many\n");
  EXPECT_EQ(find().limit, SIZE_MAX);
  write("sys/fs/cgroup/a/memory.max", "");
  EXPECT_EQ(find().limit, SIZE_MAX);
  write("proc/self/cgroup", "0::/" + std::string(5000, 'x'));
  EXPECT_EQ(find().limit, SIZE_MAX);
}

TEST_F(CgroupTest, TheWorkingSetLeavesOutWhatTheKernelCanDrop) {
  write("proc/self/cgroup", "0::/a\n");
  write("sys/fs/cgroup/a/memory.max", "1000000\n");
  write("sys/fs/cgroup/a/memory.current", "700000\n");
  EXPECT_EQ(working_set_bytes(find()), 700000u);
  write("sys/fs/cgroup/a/memory.stat", "anon 1\nactive_file 5\ninactive_file 200000\n");
  EXPECT_EQ(working_set_bytes(find()), 500000u);
  write("sys/fs/cgroup/a/memory.stat", "inactive_file 800000\n");
  EXPECT_EQ(working_set_bytes(find()), 0u);
}

TEST_F(CgroupTest, VersionOneCountsItsChildrenToo) {
  write("proc/self/cgroup", "4:memory:/a\n");
  write("sys/fs/cgroup/memory/a/memory.limit_in_bytes", "1000000\n");
  write("sys/fs/cgroup/memory/a/memory.usage_in_bytes", "700000\n");
  write("sys/fs/cgroup/memory/a/memory.stat", "inactive_file 1\ntotal_inactive_file 300000\n");
  EXPECT_EQ(working_set_bytes(find()), 400000u);
}

TEST_F(CgroupTest, PressureIsTheShareOfTenSeconds) {
  write("proc/self/cgroup", "0::/a\n");
  write("sys/fs/cgroup/a/memory.max", "1000000\n");
  EXPECT_EQ(memory_stall_percent(find()), 0u) << "no such file";
  write("sys/fs/cgroup/a/memory.pressure",
        "some avg10=12.34 avg60=1.00 avg300=0.00 total=1\nfull avg10=99.00 avg60=0.00 avg300=0.00 "
        "total=1\n");
  EXPECT_EQ(memory_stall_percent(find()), 12u);
}

TEST_F(CgroupTest, ProcessorTimeIsTheLowestQuotaRoundedUp) {
  const auto quota = [this] { return cpu_quota(root_.c_str()); };
  EXPECT_EQ(quota(), kNoQuota);
  write("proc/self/cgroup", "0::/a/b\n");
  write("sys/fs/cgroup/a/b/cpu.max", "max 100000\n");
  EXPECT_EQ(quota(), kNoQuota);
  write("sys/fs/cgroup/a/cpu.max", "250000 100000\n");
  EXPECT_EQ(quota(), 3u);
  write("sys/fs/cgroup/a/b/cpu.max", "50000 100000\n");
  EXPECT_EQ(quota(), 1u);
  write("sys/fs/cgroup/a/b/cpu.max", "what\n");
  EXPECT_EQ(quota(), 3u);
}

TEST_F(CgroupTest, ProcessorTimeInTheFirstVersion) {
  write("proc/self/cgroup", "5:cpu,cpuacct:/x\n4:memory:/y\n");
  write("sys/fs/cgroup/cpu/x/cpu.cfs_quota_us", "-1\n");
  write("sys/fs/cgroup/cpu/x/cpu.cfs_period_us", "100000\n");
  EXPECT_EQ(cpu_quota(root_.c_str()), kNoQuota);
  write("sys/fs/cgroup/cpu/x/cpu.cfs_quota_us", "400000\n");
  EXPECT_EQ(cpu_quota(root_.c_str()), 4u);
}

}  // namespace
}  // namespace hakmem::os
