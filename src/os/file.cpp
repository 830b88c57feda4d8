#include "os/file.hpp"

#include <fcntl.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <initializer_list>

#include "os/sandbox.hpp"

extern "C" {
// POSIX's own; declared here because <unistd.h> does so only on request.
extern char** environ;
}

namespace hakmem::os {

// Not by the C library's functions, in which a thread may be cancelled.
bool read_small_file(const char* path, char* text, std::size_t capacity) {
  const int saved = errno;
  text[0] = '\0';
  const long fd = is_sandboxed() ? -1 : syscall(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC);
  long n = -1;
  if (fd >= 0) {
    n = syscall(SYS_read, fd, text, capacity - 1);
    syscall(SYS_close, fd);
  }
  if (n >= 0) text[n] = '\0';
  errno = saved;
  return n >= 0;
}

void write_stderr(const char* a, const char* b, const char* c, const char* d, const char* e) {
  const int saved = errno;
  char line[512];
  std::size_t length = 0;
  for (const char* part : {a, b, c, d, e}) {
    for (; *part != '\0' && length < sizeof line; ++part) line[length++] = *part;
  }
  if (write(STDERR_FILENO, line, length) < 0) {
    // Nowhere left to say it.
  }
  errno = saved;
}

void* map_shared_file(const char* path, std::size_t bytes) {
  const int saved = errno;
  void* p = MAP_FAILED;
  const int fd = is_sandboxed() ? -1 : open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd >= 0) {
    // Never made shorter: another process may have it mapped.
    struct stat is {};
    const bool long_enough = fstat(fd, &is) == 0 && static_cast<std::size_t>(is.st_size) >= bytes;
    if (long_enough || ftruncate(fd, static_cast<off_t>(bytes)) == 0) {
      p = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    }
    close(fd);
  }
  errno = saved;
  return p == MAP_FAILED ? nullptr : p;
}

const char* const* environment_all() { return environ; }

std::uint32_t process_id() { return static_cast<std::uint32_t>(getpid()); }

bool environment_is_untrusted() { return getauxval(AT_SECURE) != 0; }

bool expand_process_id(const char* text, char* path, std::size_t capacity, bool* has_pid) {
  std::size_t n = 0;
  *has_pid = false;
  for (; *text != '\0'; ++text) {
    char digits[12];
    std::size_t d = 0;
    if (text[0] == '%' && text[1] == 'p') {
      for (std::uint32_t pid = process_id(); pid != 0; pid /= 10) digits[d++] = static_cast<char>('0' + pid % 10);
      *has_pid = true;
      ++text;
    } else {
      digits[d++] = *text;
    }
    if (n + d >= capacity) return false;
    while (d > 0) path[n++] = digits[--d];
  }
  path[n] = '\0';
  return true;
}

}  // namespace hakmem::os
