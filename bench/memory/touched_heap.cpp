// Touched heap: fills a heap with blocks of one size, touches a share of each, and says what is resident.
//
// What huge pages add to memory is the difference between the share that is touched and all. Reads in
// random places afterwards are what they are for.
//
// usage: touched_heap MEBIBYTES SIZE PERCENT
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;

double since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

// kB of a line of the process's own summary of mappings.
long summary(const char* name) {
  std::FILE* file = std::fopen("/proc/self/smaps_rollup", "r");
  if (file == nullptr) return -1;
  char line[256];
  long value = -1;
  while (std::fgets(line, sizeof line, file) != nullptr) {
    if (std::strncmp(line, name, std::strlen(name)) == 0) value = std::atol(line + std::strlen(name));
  }
  std::fclose(file);
  return value;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) {
    std::fputs("usage: touched_heap MEBIBYTES SIZE PERCENT\n", stderr);
    return 2;
  }
  const auto size = std::strtoul(argv[2], nullptr, 10);
  const auto touched = size * std::strtoul(argv[3], nullptr, 10) / 100;
  std::vector<char*> blocks((std::strtoul(argv[1], nullptr, 10) << 20) / size);
  const auto start = Clock::now();
  for (char*& block : blocks) {
    block = static_cast<char*>(std::malloc(size));
    std::memset(block, 1, touched);
  }
  const double fill = since(start);
  const auto filled = Clock::now();
  unsigned random = 1;
  unsigned long sum = 0;
  for (int i = 0; i < 20'000'000; ++i) {
    random = random * 1664525 + 1013904223;
    sum += static_cast<unsigned char>(blocks[(random >> 4) % blocks.size()][0]);
  }
  std::printf("config: mib=%s size=%s touched=%s%% checksum=%lu\n", argv[1], argv[2], argv[3], sum);
  std::printf("fill: %.4f s\nread: %.4f s\n", fill, since(filled));
  std::printf("resident: %ld MiB\nhuge: %ld MiB\n", summary("Rss:") >> 10, summary("AnonHugePages:") >> 10);
  return 0;
}
