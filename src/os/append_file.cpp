#include "os/append_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

namespace hakmem::os {

namespace {

bool write_all(int fd, const void* bytes, std::size_t length) {
  const auto* at = static_cast<const char*>(bytes);
  while (length > 0) {
    const ssize_t written = write(fd, at, length);
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return false;
    at += written;
    length -= static_cast<std::size_t>(written);
  }
  return true;
}

}  // namespace

bool create_file(const char* path, Existing existing) {
  const int saved = errno;
  const int mode = existing == Existing::kRefuse ? O_EXCL : O_TRUNC;
  const int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW | mode, 0600);
  if (fd >= 0) close(fd);
  errno = saved;
  return fd >= 0;
}

bool append_to_file(const char* path, const void* first, std::size_t first_bytes,
                    const void* second, std::size_t second_bytes) {
  const int saved = errno;
  const int fd = open(path, O_WRONLY | O_APPEND | O_CLOEXEC | O_NOFOLLOW);
  bool done = false;
  struct stat before {};
  if (fd >= 0 && fstat(fd, &before) == 0) {
    done = write_all(fd, first, first_bytes) && write_all(fd, second, second_bytes);
    // A disk that is full takes a part; the next piece must not stand behind it.
    if (!done && ftruncate(fd, before.st_size) != 0) {
      // The reader finds the damage.
    }
  }
  if (fd >= 0) close(fd);
  errno = saved;
  return done;
}

}  // namespace hakmem::os
