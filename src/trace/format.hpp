// Trace format: how the calls of an allocator lie in a file. docs/trace-format.md says it in words.
//
//   file:   FileHeader | chunk | chunk | ... | chunk kEnd
//   chunk:  ChunkHeader | length bytes
//
// Invariants:
//   (1) a chunk is of one thread, and a thread's chunks stand in the order of their events;
//   (2) times count from the start of the recording, and never fall within a thread;
//   (3) a changed byte changes a checksum: every step of it is a bijection of what came before;
//   (4) a file without a kEnd chunk ended early; what stands before the cut is whole.
//
// Above: the recorder, the command's reader and writer. Below: base. Pure functions: any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "base/encoding.hpp"

namespace hakmem::trace {

using hakmem::get_number;
using hakmem::Input;
using hakmem::kMaxNumberBytes;
using hakmem::put_number;

inline constexpr char kFileMagic[8] = {'H', 'A', 'K', 'T', 'R', 'A', 'C', 'E'};
inline constexpr std::uint32_t kVersion = 1;
inline constexpr std::uint32_t kChunkMagic = 0x4b4e4843;       // "CHNK" on a little-endian machine
inline constexpr std::uint64_t kNoOffset = ~std::uint64_t{0};  // of a site that is a name alone

struct FileHeader {
  char magic[8];
  std::uint32_t version;
  std::uint32_t process_id;
  std::uint64_t from;  // smaller blocks were not recorded
  std::uint64_t checksum;
};

enum class ChunkKind : std::uint32_t { kEvents = 1, kModules = 2, kSites = 3, kEnd = 4 };

struct ChunkHeader {
  std::uint32_t magic;
  ChunkKind kind;
  std::uint32_t thread;    // of kEvents; numbered in the order in which threads first allocated
  std::uint32_t count;     // of events, modules or sites
  std::uint64_t length;    // bytes that follow
  std::uint64_t first_ns;  // time the first event is relative to; of kEnd: when recording ended
  std::uint64_t lost;      // events not recorded so far, in the whole process
  std::uint64_t checksum;
};

static_assert(sizeof(FileHeader) == 32 && sizeof(ChunkHeader) == 48, "no padding");

enum class EventKind : std::uint8_t { kAllocate = 0, kFree = 1, kResize = 2 };

// One call. An address is the block's; blocks get their numbers when a trace is read.
struct FileEvent {
  std::uint64_t time_ns = 0;      // kAllocate: after the call; kFree, kResize: before it
  std::uint64_t address = 0;      // kResize: where the block is now
  std::uint64_t old_address = 0;  // kResize only
  std::uint64_t took_ns = 0;      // kResize only: from before the call to after it
  std::uint64_t size = 0;         // kFree: 0
  std::uint64_t site = 0;         // number of a site, 0 unknown; kFree: 0
  EventKind kind = EventKind::kAllocate;
};

// What an event of a chunk is relative to: its predecessor. A chunk starts at {first_ns, 0}.
struct Cursor {
  std::uint64_t time_ns = 0;
  std::uint64_t address = 0;
};

// No chunk is longer: a length above it is damage, one beyond the end of the file a cut.
inline constexpr std::uint64_t kMaxChunkBytes = std::uint64_t{1} << 28;

// The most bytes one event takes: six numbers of at most ten bytes.
inline constexpr std::size_t kMaxEventBytes = 60;

// Small numbers for small distances of either sign.
inline std::uint64_t fold_sign(std::uint64_t distance) {
  return (distance << 1) ^ (0 - (distance >> 63));
}
inline std::uint64_t unfold_sign(std::uint64_t folded) {
  return (folded >> 1) ^ (0 - (folded & 1));
}

// The first number of an event: kind in bits 0 and 1, bit 2 when addresses count in sixteens.
inline constexpr unsigned kHeadBits = 3;
inline constexpr unsigned kSixteens = 4;

inline std::byte* put_event(std::byte* to, const FileEvent& event, Cursor& cursor) {
  const bool resize = event.kind == EventKind::kResize;
  const std::uint64_t first = resize ? event.old_address : event.address;
  const bool sixteens = ((first | event.address | cursor.address) & 15) == 0;
  const unsigned shift = sixteens ? 4 : 0;
  const unsigned head = static_cast<unsigned>(event.kind) | (sixteens ? kSixteens : 0);
  to = put_number(to, (event.time_ns - cursor.time_ns) << kHeadBits | head);
  to = put_number(to, fold_sign((first >> shift) - (cursor.address >> shift)));
  cursor = {event.time_ns, event.address};
  if (event.kind == EventKind::kFree) return to;
  to = put_number(to, event.size);
  to = put_number(to, event.site);
  if (!resize) return to;
  to = put_number(to, fold_sign((event.address >> shift) - (first >> shift)));
  cursor.time_ns += event.took_ns;
  return put_number(to, event.took_ns);
}

// False when the bytes are no event.
inline bool get_event(Input& input, FileEvent* event, Cursor& cursor) {
  std::uint64_t head = 0, distance = 0;
  if (!get_number(input, &head) || !get_number(input, &distance)) return false;
  if ((head & 3) > static_cast<unsigned>(EventKind::kResize)) return false;
  const unsigned shift = (head & kSixteens) != 0 ? 4 : 0;
  *event = {};
  event->kind = static_cast<EventKind>(head & 3);
  event->time_ns = cursor.time_ns + (head >> kHeadBits);
  event->address = ((cursor.address >> shift) + unfold_sign(distance)) << shift;
  cursor = {event->time_ns, event->address};
  if (event->kind == EventKind::kFree) return true;
  if (!get_number(input, &event->size) || !get_number(input, &event->site)) return false;
  if (event->kind != EventKind::kResize) return true;
  if (!get_number(input, &distance) || !get_number(input, &event->took_ns)) return false;
  event->old_address = event->address;
  event->address = ((event->old_address >> shift) + unfold_sign(distance)) << shift;
  cursor = {event->time_ns + event->took_ns, event->address};
  return true;
}

inline std::uint64_t checksum_of(FileHeader header) {
  header.checksum = 0;
  return checksum_more(kChecksumStart, &header, sizeof header);
}

inline std::uint64_t checksum_of(ChunkHeader header, const void* content) {
  header.checksum = 0;
  const std::uint64_t sum = checksum_more(kChecksumStart, &header, sizeof header);
  return checksum_more(sum, content, header.length);
}

}  // namespace hakmem::trace
