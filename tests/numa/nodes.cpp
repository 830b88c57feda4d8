#include "nodes.hpp"

#include <sys/syscall.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>

int node_count() {
  int count = 0;
  while (std::filesystem::exists("/sys/devices/system/node/node" + std::to_string(count))) ++count;
  return count;
}

int node_of_cpu(int cpu) {
  for (int node = 0; node < 64; ++node) {
    const std::string path =
        "/sys/devices/system/cpu/cpu" + std::to_string(cpu) + "/node" + std::to_string(node);
    if (std::filesystem::exists(path)) return node;
  }
  return 0;
}

Count count_pages(std::vector<void*>& pages, int node) {
  std::vector<int> status(pages.size(), -1);
  Count count;
  if (pages.empty() ||
      syscall(SYS_move_pages, 0, pages.size(), pages.data(), nullptr, status.data(), 0) != 0)
    return count;
  for (const int where : status) {
    if (where < 0) continue;
    ++count.all;
    count.here += std::size_t{where == node};
  }
  return count;
}

std::size_t pages_on(int node) {
  std::FILE* file = std::fopen("/proc/self/numa_maps", "r");
  if (file == nullptr) return 0;
  std::size_t sum = 0;
  const std::string key = " N" + std::to_string(node) + "=";
  char line[4096];
  while (std::fgets(line, sizeof line, file) != nullptr) {
    const char* at = std::strstr(line, key.c_str());
    if (at != nullptr && std::strstr(line, "file=") == nullptr)
      sum += std::strtoull(at + key.size(), nullptr, 10);
  }
  std::fclose(file);
  return sum;
}

NumaStat read_numastat() {
  NumaStat sum;
  for (int node = 0; node < node_count(); ++node) {
    const std::string path = "/sys/devices/system/node/node" + std::to_string(node) + "/numastat";
    std::ifstream file(path);
    std::string name;
    for (std::uint64_t value = 0; file >> name >> value;) {
      if (name == "numa_hit") sum.hit += value;
      if (name == "numa_miss") sum.miss += value;
      if (name == "numa_foreign") sum.foreign += value;
      if (name == "local_node") sum.local += value;
      if (name == "other_node") sum.other += value;
    }
  }
  return sum;
}
