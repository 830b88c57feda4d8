// Whole file: reading a file in one go, and replacing it so that it is at any moment, a kill
// included, either the old one or the new one.
//
// Above: the profile's start and exit, the command. Below: the kernel. No heap; none of these sets
// errno. Any thread.
#pragma once

#include <cstddef>

namespace hakmem::os {

enum class FileRead { kDone, kMissing, kRefused, kTooLong };

FileRead read_whole_file(const char* path, std::byte* to, std::size_t capacity, std::size_t* count);

// Writes a temporary file beside it (PATH.PID.N.tmp), has it reach the disk, and renames it. False
// when it cannot; the old file, if any, is then as it was. A kill may leave the temporary file.
bool replace_file(const char* path, const std::byte* bytes, std::size_t count);

// While it lives, no other process has one for a file of the same directory. It waits a
// second at most and then goes on without: nobody is held up by a process that was stopped.
class DirectoryLock {
 public:
  explicit DirectoryLock(const char* path_of_file);
  ~DirectoryLock();
  DirectoryLock(const DirectoryLock&) = delete;
  DirectoryLock& operator=(const DirectoryLock&) = delete;

 private:
  int fd_ = -1;  // the directory's; closing it unlocks, as does the process's end
};

// `path`, seen from the current directory, in full. False when it does not fit.
bool full_path(const char* path, char* to, std::size_t capacity);

}  // namespace hakmem::os
