// For programs that look at their own memory: nothing here calls malloc.
//
// A measurement must not wake the allocator it looks at: memory that goes back only when somebody
// allocates again would seem to go back by itself. So resident memory is read with read() into a
// stack buffer, lines are written with write(), and the scenarios' own tables lie in mmap memory
// that is given back before measuring.
#pragma once

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <ctime>

namespace bench {

// Resident memory of this process in KiB, from the second field of /proc/self/statm.
inline std::size_t resident_kib() {
  std::array<char, 256> text{};
  const int file = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
  const ssize_t length = read(file, text.data(), text.size() - 1);
  close(file);
  if (length <= 0) std::abort();
  std::size_t at = 0;
  while (text[at] != ' ' && text[at] != '\0') ++at;
  std::size_t pages = 0;
  for (++at; text[at] >= '0' && text[at] <= '9'; ++at)
    pages = pages * 10 + static_cast<std::size_t>(text[at] - '0');
  return pages * (static_cast<std::size_t>(sysconf(_SC_PAGESIZE)) >> 10);
}

// Prints `<label>: <MiB> MiB`. snprintf of integers allocates nothing; floating point might.
inline void print_mib(const char* label, std::size_t kib) {
  std::array<char, 128> line{};
  const int length = std::snprintf(line.data(), line.size(), "%s: %zu.%zu MiB\n", label, kib >> 10,
                                   (kib & 1023) * 10 >> 10);
  if (write(STDOUT_FILENO, line.data(), static_cast<std::size_t>(length)) != length) std::abort();
}

inline void print_resident(const char* label) { print_mib(label, resident_kib()); }

inline void sleep_seconds(std::time_t seconds) {
  timespec left{seconds, 0};
  while (nanosleep(&left, &left) != 0) {
  }
}

// Resident memory now and for five seconds on, while nobody calls the allocator.
inline void watch_release() {
  print_resident("after 0 s");
  const std::array<const char*, 5> labels = {"after 1 s", "after 2 s", "after 3 s", nullptr,
                                             "after 5 s"};
  for (const char* label : labels) {
    sleep_seconds(1);
    if (label != nullptr) print_resident(label);
  }
}

// A table of block addresses that the allocator under test knows nothing of.
class BlockTable {
 public:
  explicit BlockTable(std::size_t capacity) : capacity_(capacity) {
    void* memory =
        mmap(nullptr, bytes(), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) std::abort();
    blocks_ = static_cast<void**>(memory);
  }
  ~BlockTable() { munmap(blocks_, bytes()); }
  BlockTable(const BlockTable&) = delete;
  BlockTable& operator=(const BlockTable&) = delete;

  void push(void* block) {
    if (used_ == capacity_) std::abort();
    blocks_[used_++] = block;
  }
  void free_all() {
    for (std::size_t i = 0; i < used_; ++i) std::free(blocks_[i]);
    used_ = 0;
    madvise(blocks_, bytes(), MADV_DONTNEED);  // the table itself is not to be counted
  }

 private:
  std::size_t bytes() const { return capacity_ * sizeof(void*); }

  std::size_t capacity_;
  std::size_t used_ = 0;
  void** blocks_;
};

}  // namespace bench
