#include "os/whole_file.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "base/atomics.hpp"

namespace hakmem::os {

namespace {

constexpr std::size_t kMaxPath = 4096;

constinit Atomic<std::uint32_t> replacements{0};

// False when the path does not fit.
bool temporary_name(const char* path, char (&name)[kMaxPath]) {
  const int length =
      std::snprintf(name, sizeof name, "%s.%d.%u.tmp", path, static_cast<int>(getpid()),
                    static_cast<unsigned>(replacements.fetch_add_relaxed(1)));
  return length > 0 && static_cast<std::size_t>(length) < sizeof name;
}

bool write_all(int fd, const std::byte* bytes, std::size_t count) {
  while (count > 0) {
    const ssize_t written = write(fd, bytes, count);
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return false;
    bytes += written;
    count -= static_cast<std::size_t>(written);
  }
  return true;
}

bool write_new_file(const char* name, const std::byte* bytes, std::size_t count) {
  const int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0) return false;
  const bool written = write_all(fd, bytes, count) && fsync(fd) == 0;
  return close(fd) == 0 && written;
}

}  // namespace

FileRead read_whole_file(const char* path, std::byte* to, std::size_t capacity,
                         std::size_t* count) {
  const int saved = errno;
  *count = 0;
  FileRead result = FileRead::kDone;
  const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) result = errno == ENOENT ? FileRead::kMissing : FileRead::kRefused;
  while (fd >= 0) {
    const ssize_t n = read(fd, to + *count, capacity - *count);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) result = FileRead::kRefused;
    if (n <= 0) break;
    *count += static_cast<std::size_t>(n);
    if (*count < capacity) continue;
    result = FileRead::kTooLong;
    break;
  }
  if (fd >= 0) close(fd);
  errno = saved;
  return result;
}

bool replace_file(const char* path, const std::byte* bytes, std::size_t count) {
  const int saved = errno;
  char name[kMaxPath];
  bool done = temporary_name(path, name);
  if (done) {
    done = write_new_file(name, bytes, count) && rename(name, path) == 0;
    if (!done) unlink(name);
  }
  errno = saved;
  return done;
}

DirectoryLock::DirectoryLock(const char* path_of_file) {
  constexpr int kTries = 500;
  constexpr timespec kPause = {0, 2'000'000};
  const int saved = errno;
  char directory[kMaxPath];
  const char* slash = std::strrchr(path_of_file, '/');
  const std::size_t length = slash == nullptr ? 0 : static_cast<std::size_t>(slash - path_of_file) + 1;
  if (length < sizeof directory - 1) {
    std::memcpy(directory, path_of_file, length);
    std::strcpy(directory + length, ".");
    fd_ = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  }
  for (int i = 0; fd_ >= 0 && i < kTries && flock(fd_, LOCK_EX | LOCK_NB) != 0; ++i) {
    nanosleep(&kPause, nullptr);
  }
  errno = saved;
}

DirectoryLock::~DirectoryLock() {
  const int saved = errno;
  if (fd_ >= 0) close(fd_);
  errno = saved;
}

bool full_path(const char* path, char* to, std::size_t capacity) {
  const int saved = errno;
  std::size_t used = 0;
  if (path[0] != '/') {
    if (getcwd(to, capacity - 1) == nullptr) {
      errno = saved;
      return false;
    }
    used = std::strlen(to);
    to[used++] = '/';
  }
  const std::size_t length = std::strlen(path);
  if (used + length >= capacity) return false;
  std::memcpy(to + used, path, length + 1);
  return true;
}

}  // namespace hakmem::os
