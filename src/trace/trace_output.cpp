#include "trace/trace_output.hpp"

#include <cstring>

#include "base/atomics.hpp"
#include "os/append_file.hpp"
#include "os/file.hpp"

namespace hakmem::trace {

constinit Lock output_lock{LockRank::kTrace};

namespace {

constexpr std::size_t kMaxPath = 4096;
constexpr std::size_t kPidDigits = 12;

constinit char output_path[kMaxPath + kPidDigits] = {};
constinit std::uint32_t owner = 0;
constinit Atomic<std::uint64_t> lost{0};

// FILE.PID, for a process that finds FILE taken.
void append_process_id(char* path) {
  char digits[kPidDigits];
  std::size_t count = 0;
  for (std::uint32_t pid = owner; pid != 0; pid /= 10)
    digits[count++] = static_cast<char>('0' + pid % 10);
  char* to = path + std::strlen(path);
  *to++ = '.';
  while (count > 0) *to++ = digits[--count];
  *to = '\0';
}

// Whether the file was begun by this very process, which has executed another program since.
bool is_our_former_file() {
  char bytes[sizeof(FileHeader) + 1];
  FileHeader header{};
  if (!os::read_small_file(output_path, bytes, sizeof bytes)) return false;
  std::memcpy(&header, bytes, sizeof header);
  return std::memcmp(header.magic, kFileMagic, sizeof header.magic) == 0 &&
         header.process_id == owner;
}

bool make_file() {
  if (os::create_file(output_path, os::Existing::kRefuse)) return true;
  if (is_our_former_file()) return os::create_file(output_path, os::Existing::kReplace);
  append_process_id(output_path);
  return os::create_file(output_path, os::Existing::kReplace);
}

bool write_header(std::uint64_t from) {
  FileHeader header{};
  std::memcpy(header.magic, kFileMagic, sizeof header.magic);
  header.version = kVersion;
  header.process_id = owner;
  header.from = from;
  header.checksum = checksum_of(header);
  return os::append_to_file(output_path, &header, sizeof header, nullptr, 0);
}

}  // namespace

bool open_output(const char* path, std::uint64_t from) {
  owner = os::process_id();
  const bool fits = std::strlen(path) < kMaxPath;
  if (fits) std::strncpy(output_path, path, kMaxPath - 1);
  if (fits && make_file() && write_header(from)) return true;
  os::write_stderr("hakmem: HAKRECORD_FILE: cannot write ", path, "; nothing is recorded\n");
  return false;
}

void write_chunk(ChunkHeader header, const void* content, std::size_t length) {
  header.magic = kChunkMagic;
  header.length = length;
  header.lost = lost.load_relaxed();
  header.checksum = checksum_of(header, content);
  const bool written = os::append_to_file(output_path, &header, sizeof header, content, length);
  if (!written && header.kind == ChunkKind::kEvents) count_lost(header.count);
}

void count_lost(std::uint64_t events) { lost.fetch_add_relaxed(events); }

bool is_output_owner() { return os::process_id() == owner; }

}  // namespace hakmem::trace
