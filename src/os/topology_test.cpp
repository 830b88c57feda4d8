// Topology: machines of many shapes, read from directories that look like /sys.
#include "os/topology.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <string>

#include "os/cgroup.hpp"
#include "os/cpu.hpp"

namespace hakmem::os {
namespace {

namespace fs = std::filesystem;

class TopologyTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = testing::TempDir() + "hakmem_topology_XXXXXX";
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    root_ = name;
  }
  void TearDown() override { fs::remove_all(root_); }

  void write(const std::string& path, const std::string& text) const {
    const fs::path file = root_ / "devices/system" / path;
    fs::create_directories(file.parent_path());
    std::ofstream(file) << text << "\n";
  }

  // `cpus` processors in `nodes` nodes of equal size, `sharing` of them under each last cache.
  void make_machine(unsigned cpus, unsigned nodes, unsigned sharing) const {
    write("cpu/online", range(0, cpus));
    write("node/online", range(0, nodes));
    write("node/has_memory", range(0, nodes));
    for (unsigned n = 0; n < nodes; ++n) {
      write("node/node" + std::to_string(n) + "/cpulist", range(n * (cpus / nodes), cpus / nodes));
    }
    for (unsigned c = 0; c < cpus; ++c) {
      const std::string cache = "cpu/cpu" + std::to_string(c) + "/cache/index";
      write(cache + "0/level", "1");
      write(cache + "0/shared_cpu_list", std::to_string(c));
      write(cache + "1/level", "3");
      write(cache + "1/shared_cpu_list", range(c / sharing * sharing, sharing));
    }
  }
  static std::string range(unsigned first, unsigned count) {
    return count == 1 ? std::to_string(first)
                      : std::to_string(first) + "-" + std::to_string(first + count - 1);
  }

  std::string fault(const CpuSet* allowed = nullptr) {
    const char* file = read_topology(root_.c_str(), allowed, kNoQuota, found_);
    return file == nullptr ? "" : file;
  }
  unsigned place(unsigned cpu) const { return index_of(found_.place_of_cpu[cpu]); }
  unsigned node(unsigned cpu) const { return index_of(found_.node_of_place[place(cpu)]); }

  // What must hold for every machine: no place spans nodes, every place and node is used.
  void expect_sound(unsigned cpus, const CpuSet* allowed = nullptr) const {
    std::map<unsigned, unsigned> size;
    std::set<unsigned> nodes;
    for (unsigned c = 0; c < cpus; ++c) {
      if (allowed != nullptr && !allowed->has(c)) continue;
      ++size[place(c)];
      nodes.insert(node(c));
    }
    EXPECT_EQ(size.size(), found_.places);
    EXPECT_EQ(nodes.size(), found_.nodes);
    EXPECT_LE(found_.places, kMostPlaces);
    EXPECT_EQ(*nodes.rbegin() + 1, found_.nodes);
  }

  fs::path root_;
  Topology found_;
};

TEST_F(TopologyTest, TwoProcessorsAreOnePlace) {
  make_machine(2, 1, 2);
  EXPECT_EQ(fault(), "");
  EXPECT_EQ(found_.cpus, 2u);
  EXPECT_EQ(found_.places, 1u);
  EXPECT_EQ(found_.nodes, 1u);
  make_machine(2, 1, 1);  // guests often show a cache each
  EXPECT_EQ(fault(), "");
  EXPECT_EQ(found_.places, 1u);
}

TEST_F(TopologyTest, TwoNodesAreTwoPlaces) {
  make_machine(8, 2, 4);
  EXPECT_EQ(fault(), "");
  EXPECT_EQ(found_.nodes, 2u);
  EXPECT_EQ(found_.places, 2u);
  for (unsigned c = 0; c < 8; ++c) EXPECT_EQ(node(c), c / 4) << c;
}

TEST_F(TopologyTest, FourNodesWithTwoCachesEach) {
  make_machine(64, 4, 8);
  EXPECT_EQ(fault(), "");
  EXPECT_EQ(found_.nodes, 4u);
  EXPECT_EQ(found_.places, 8u);
  for (unsigned c = 0; c < 64; ++c) EXPECT_EQ(place(c), c / 8) << c;
  expect_sound(64);
}

TEST_F(TopologyTest, FiveHundredTwelveProcessors) {
  for (const unsigned sharing : {4u, 8u, 16u, 64u, 256u}) {
    make_machine(512, 2, sharing);
    EXPECT_EQ(fault(), "");
    EXPECT_EQ(found_.cpus, 512u);
    EXPECT_EQ(found_.nodes, 2u);
    EXPECT_EQ(found_.places, 64u) << sharing;
    expect_sound(512);
    std::map<unsigned, unsigned> size;
    for (unsigned c = 0; c < 512; ++c) ++size[place(c)];
    for (const auto& [p, n] : size)
      EXPECT_EQ(n, kCpusPerPlace) << "place " << p << ", sharing " << sharing;
  }
}

TEST_F(TopologyTest, ALargeCacheIsCutAndSmallOnesJoin) {
  make_machine(12, 1, 12);
  EXPECT_EQ(fault(), "");
  EXPECT_EQ(found_.places, 2u);
  for (unsigned c = 0; c < 12; ++c) EXPECT_EQ(place(c), c / 6) << c;
  make_machine(16, 1, 2);
  EXPECT_EQ(fault(), "");
  EXPECT_EQ(found_.places, 2u);
  for (unsigned c = 0; c < 16; ++c) EXPECT_EQ(place(c), c / 8) << c;
}

TEST_F(TopologyTest, AProcessorWithoutMemoryBelongsToTheNearestNodeThatHasSome) {
  make_machine(12, 3, 4);
  write("node/has_memory", "0,2");
  write("node/node1/distance", "21 10 15");
  EXPECT_EQ(fault(), "");
  EXPECT_EQ(found_.nodes, 2u);
  EXPECT_EQ(node(0), 0u);
  EXPECT_EQ(node(4), 1u);
  EXPECT_EQ(node(8), 1u);
  EXPECT_EQ(found_.number_of_node[1], 2u);
  write("node/node1/distance", "far");
  EXPECT_EQ(fault(), "/devices/system/node/node1/distance");
}

TEST_F(TopologyTest, MemoryWithoutProcessorsIsNobodys) {
  make_machine(4, 1, 4);
  write("node/online", "0-1");
  write("node/has_memory", "0-1");
  write("node/node1/cpulist", "");
  EXPECT_EQ(fault(), "");
  EXPECT_EQ(found_.nodes, 1u);
}

TEST_F(TopologyTest, OfflineAndForbiddenProcessorsDoNotCount) {
  make_machine(16, 2, 8);
  write("cpu/online", "0-6,8-15");
  EXPECT_EQ(fault(), "");
  EXPECT_EQ(found_.cpus, 15u);
  EXPECT_EQ(found_.places, 2u);
  CpuSet second;
  for (unsigned c = 8; c < 16; ++c) second.add(c);
  EXPECT_EQ(fault(&second), "");
  EXPECT_EQ(found_.cpus, 8u);
  EXPECT_EQ(found_.nodes, 1u);
  EXPECT_EQ(found_.number_of_node[0], 1u);
  expect_sound(16, &second);
  CpuSet elsewhere;
  elsewhere.add(99);
  EXPECT_EQ(fault(&elsewhere), "") << "a container's view of /sys may not show what it runs on";
  EXPECT_EQ(found_.cpus, 1u);
}

TEST_F(TopologyTest, AQuotaMakesFewerPlacesButNotFewerNodes) {
  make_machine(64, 2, 8);
  EXPECT_EQ(read_topology(root_.c_str(), nullptr, 2, found_), nullptr);
  EXPECT_EQ(found_.cpus, 2u);
  EXPECT_EQ(found_.places, 2u);
  EXPECT_EQ(found_.nodes, 2u);
  EXPECT_EQ(read_topology(root_.c_str(), nullptr, 0, found_), nullptr);
  EXPECT_EQ(found_.cpus, 1u);
}

TEST_F(TopologyTest, MoreNodesThanWeTellApartAreOne) {
  make_machine(64, 32, 2);
  EXPECT_EQ(fault(), "");
  EXPECT_EQ(found_.nodes, 1u);
  EXPECT_EQ(found_.places, 8u);
}

TEST_F(TopologyTest, WithoutCachesOrNodesThereAreProcessors) {
  write("cpu/online", "0-31");
  EXPECT_EQ(fault(), "");
  EXPECT_EQ(found_.places, 4u);
  EXPECT_EQ(found_.nodes, 1u);
}

TEST_F(TopologyTest, MalformedFilesAreNamedAndChangeNothing) {
  EXPECT_EQ(fault(), "/devices/system/cpu/online") << "there is none";
  make_machine(8, 2, 4);
  ASSERT_EQ(fault(), "");
  const Topology good = found_;
  for (const std::string bad : {"", "x", "3-", "3-1", "0;1", "-4", "0-3 4"}) {
    write("cpu/online", bad);
    EXPECT_EQ(fault(), "/devices/system/cpu/online") << bad;
    write("cpu/online", "0-7");
  }
  for (const std::string file :
       {"node/online", "node/has_memory", "node/node1/cpulist", "cpu/cpu4/cache/index1/level",
        "cpu/cpu4/cache/index1/shared_cpu_list"}) {
    std::string was;
    std::getline(std::ifstream(root_ / "devices/system" / file), was);
    write(file, "what");
    EXPECT_EQ(fault(), "/devices/system/" + file);
    write(file, was);
  }
  EXPECT_EQ(found_.places, good.places);
  EXPECT_EQ(found_.nodes, good.nodes);
  EXPECT_EQ(found_.cpus, good.cpus);
  EXPECT_EQ(fault(), "");
}

TEST_F(TopologyTest, ThisMachine) {
  CpuSet mine;
  ASSERT_TRUE(affinity(mine));
  EXPECT_EQ(read_topology("/sys", &mine, kNoQuota, found_), nullptr);
  EXPECT_EQ(found_.cpus, mine.count());
  EXPECT_TRUE(mine.has(current_cpu()));
  EXPECT_TRUE(mine.has(ask_for_cpu()));
}

}  // namespace
}  // namespace hakmem::os
