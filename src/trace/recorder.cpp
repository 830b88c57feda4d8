#include "trace/recorder.hpp"

#include <cstring>

#include "base/annotations.hpp"
#include "base/atomics.hpp"
#include "base/check.hpp"
#include "os/clock.hpp"
#include "os/file.hpp"
#include "os/fork.hpp"
#include "os/memory.hpp"
#include "os/thread_exit.hpp"
#include "trace/format.hpp"
#include "trace/sites.hpp"
#include "trace/trace_output.hpp"

namespace hakmem::trace {

namespace {

constexpr std::size_t kBufferBytes = 64 * 1024;
// What a kill may cost of a thread that keeps allocating.
constexpr std::uint64_t kMaxAgeNs = 1'000'000'000;
// Destructors of thread-local data run in rounds; ours waits for two, as others allocate and free.
constexpr std::uintptr_t kLaterRounds = 2;

// Owned by a thread; (1) whoever holds output_lock may read what `published` covers.
struct Buffer {
  Buffer* next = nullptr;
  std::uint32_t thread = 0;
  Cursor cursor;
  std::uint64_t first_ns = 0;
  Atomic<std::uint64_t> published{0};  // events << 32 | bytes
  std::byte* content() { return reinterpret_cast<std::byte*>(this + 1); }
  static constexpr std::size_t kRoom = kBufferBytes - 64;

  std::size_t bytes() const { return published.load_relaxed() & 0xffff'ffff; }
};
static_assert(sizeof(Buffer) <= 64);

enum class State : std::uint8_t { kUnstarted, kStarting, kOn, kOff };

constinit Atomic<State> state{State::kUnstarted};
constinit std::uint64_t start_ns = 0;
constinit std::size_t smallest = 0;
constinit Buffer* buffers HAK_GUARDED_BY(output_lock) = nullptr;
constinit Atomic<std::uint32_t> threads{0};

struct Own {
  Buffer* buffer = nullptr;
  bool writing = false;  // an event that comes now interrupts another one
  bool gone = false;     // the thread has given its buffer back
};
constinit thread_local Own own;

void write_events(Buffer* buffer) HAK_REQUIRES(output_lock) {
  const std::uint64_t published = buffer->published.load_acquire();  // pairs with publish()
  ChunkHeader header{};
  header.kind = ChunkKind::kEvents;
  header.thread = buffer->thread;
  header.count = static_cast<std::uint32_t>(published >> 32);
  header.first_ns = buffer->first_ns;
  if (header.count > 0) write_chunk(header, buffer->content(), published & 0xffff'ffff);
}

// The owner's: starts a new chunk. After the end of the recording the content has been written, or
// belongs to a time that is not recorded.
void flush(Buffer* buffer) {
  LockGuard guard(output_lock);
  if (!is_output_owner()) state.store_relaxed(State::kOff);
  if (state.load_relaxed() == State::kOn) write_events(buffer);
  buffer->published.store_relaxed(0);
}

void unlink(Buffer* buffer) {
  LockGuard guard(output_lock);
  for (Buffer** link = &buffers; *link != nullptr; link = &(*link)->next) {
    if (*link != buffer) continue;
    *link = buffer->next;
    return;
  }
}

void leave_thread() {
  Buffer* buffer = own.buffer;
  own.gone = true;
  own.buffer = nullptr;
  if (buffer == nullptr) return;
  own.writing = true;
  flush(buffer);
  unlink(buffer);
  os::memory.unmap(reinterpret_cast<std::byte*>(buffer), kBufferBytes);
  own.writing = false;
}

Buffer* make_buffer() {
  auto* buffer =
      reinterpret_cast<Buffer*>(os::memory.map(kBufferBytes, os::memory.page_size, true));
  if (buffer == nullptr) return nullptr;
  buffer->thread = threads.fetch_add_relaxed(1);
  LockGuard guard(output_lock);
  buffer->next = buffers;
  buffers = buffer;
  return buffer;
}

void publish(Buffer* buffer, const FileEvent& event) {
  const std::uint64_t published = buffer->published.load_relaxed();
  std::byte* at = buffer->content() + (published & 0xffff'ffff);
  const std::byte* end = put_event(at, event, buffer->cursor);
  const std::uint64_t more = (std::uint64_t{1} << 32) + static_cast<std::uint64_t>(end - at);
  buffer->published.store_release(published + more);  // pairs with write_events()
}

void append(Buffer* buffer, FileEvent event) {
  // A signal handler's events may have come between the stamp and here: time stands still.
  if (buffer->bytes() > 0 && event.time_ns < buffer->cursor.time_ns) {
    const std::uint64_t after_ns = event.time_ns + event.took_ns;
    event.time_ns = buffer->cursor.time_ns;
    event.took_ns = after_ns > event.time_ns ? after_ns - event.time_ns : 0;
  }
  const bool full = buffer->bytes() + kMaxEventBytes > Buffer::kRoom;
  if (HAK_UNLIKELY(full || event.time_ns - buffer->first_ns > kMaxAgeNs)) flush(buffer);
  if (buffer->bytes() == 0) {
    buffer->first_ns = event.time_ns;
    buffer->cursor = {event.time_ns, 0};
  }
  publish(buffer, event);
}

// An event after the thread's buffer has gone, in the C library's own clean-up.
void append_late(const FileEvent& event) {
  Buffer* buffer = make_buffer();
  if (buffer == nullptr) return count_lost(1);
  append(buffer, event);
  flush(buffer);
  unlink(buffer);
  os::memory.unmap(reinterpret_cast<std::byte*>(buffer), kBufferBytes);
}

[[gnu::noinline]] Buffer* first_buffer() {
  own.buffer = make_buffer();
  return own.buffer;
}

void record(FileEvent event, const void* caller) {
  if (own.writing) return count_lost(1);
  own.writing = true;
  if (caller != nullptr) event.site = site_number(reinterpret_cast<std::uintptr_t>(caller));
  if (HAK_LIKELY(own.buffer != nullptr)) {
    append(own.buffer, event);
    own.writing = false;
    return;
  }
  if (own.gone) {
    append_late(event);
  } else if (Buffer* buffer = first_buffer()) {
    append(buffer, event);
  } else {
    count_lost(1);
  }
  own.writing = false;
  // Last, because it may allocate.
  if (own.buffer != nullptr) os::arm_thread_exit(kLaterRounds);
}

const char* variable(const char* const* environment, const char* name) {
  const std::size_t length = std::strlen(name);
  for (; *environment != nullptr; ++environment) {
    if (std::strncmp(*environment, name, length) == 0 && (*environment)[length] == '=') {
      return *environment + length + 1;
    }
  }
  return nullptr;
}

std::size_t to_number(const char* text) {
  std::size_t value = 0;
  for (; text != nullptr && *text >= '0' && *text <= '9'; ++text) {
    value = value * 10 + static_cast<std::size_t>(*text - '0');
  }
  return value;
}

void stop_in_child() { state.store_relaxed(State::kOff); }

bool open_recording(const char* const* environment) {
  const char* path = variable(environment, "HAKRECORD_FILE");
  if (path == nullptr || *path == '\0') return false;
  os::use_kernel_memory();
  smallest = to_number(variable(environment, "HAKRECORD_FROM"));
  if (!open_output(path, smallest)) return false;
  os::on_thread_exit(leave_thread);
  os::on_fork(nullptr, nullptr, stop_in_child);
  start_ns = os::now_ns();
  return true;
}

// True once the recording is on. Before the C library is there, there is no environment to read.
bool start() {
  const char* const* environment = os::environment_all();
  if (environment == nullptr) {
    count_lost(1);
    return false;
  }
  State expected = State::kUnstarted;
  if (!state.try_replace_acquire(expected, State::kStarting)) {
    if (expected == State::kStarting) count_lost(1);
    return expected == State::kOn;
  }
  const bool opened = open_recording(environment);
  state.store_release(opened ? State::kOn : State::kOff);  // pairs with is_on()
  return opened;
}

inline bool is_on() {
  const State now = state.load_acquire();  // pairs with start()
  if (HAK_LIKELY(now == State::kOn)) return true;
  return now != State::kOff && start();
}

std::uint64_t address_of(const void* block) { return reinterpret_cast<std::uint64_t>(block); }

[[gnu::constructor]] void start_at_load() { is_on(); }
[[gnu::destructor]] void end_at_unload() { end_recording(); }

}  // namespace

std::uint64_t record_time() { return is_on() ? os::now_ns() - start_ns : 0; }

bool wants(std::size_t size) { return is_on() && size >= smallest; }

void record_allocate(const void* block, std::size_t size, const void* caller) {
  record({record_time(), address_of(block), 0, 0, size, 0, EventKind::kAllocate}, caller);
}

void record_free(const void* block) { record_free_at(record_time(), block); }

void record_free_at(std::uint64_t time_ns, const void* block) {
  record({time_ns, address_of(block), 0, 0, 0, 0, EventKind::kFree}, nullptr);
}

void record_resize(std::uint64_t before_ns, const void* old_block, const void* block,
                   std::size_t size, const void* caller) {
  const std::uint64_t took_ns = record_time() - before_ns;
  record(
      {before_ns, address_of(block), address_of(old_block), took_ns, size, 0, EventKind::kResize},
      caller);
}

void end_recording() {
  if (state.load_acquire() != State::kOn || !is_output_owner()) return;  // pairs with start()
  // Below a signal handler that has interrupted a flush: the trace stays without an end.
  if (output_lock.is_mine()) return;
  own.writing = true;
  LockGuard guard(output_lock);
  for (Buffer* buffer = buffers; buffer != nullptr; buffer = buffer->next) write_events(buffer);
  ChunkHeader header{};
  header.kind = ChunkKind::kEnd;
  header.first_ns = os::now_ns() - start_ns;
  state.store_relaxed(State::kOff);
  write_chunk(header, nullptr, 0);
  own.writing = false;
}

}  // namespace hakmem::trace
