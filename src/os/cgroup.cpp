#include "os/cgroup.hpp"

#include <cstdint>
#include <cstring>
#include <initializer_list>

#include "os/file.hpp"

namespace hakmem::os {

namespace {

constexpr std::size_t kNone = SIZE_MAX;
constexpr std::size_t kMostText = 8192;  // memory.stat is the longest, about 2 KiB
constexpr std::size_t kMostGroups = 2048;

// A path put together piece by piece; too long a one is empty, and no file is found there.
class Path {
 public:
  constexpr Path() = default;
  Path(std::initializer_list<const char*> parts) { set(parts); }

  void set(std::initializer_list<const char*> parts) {
    std::size_t length = 0;
    for (const char* part : parts) {
      const std::size_t more = std::strlen(part);
      if (length + more >= sizeof text_) {
        text_[0] = '\0';
        return;
      }
      std::memcpy(text_ + length, part, more + 1);
      length += more;
    }
  }
  const char* text() const { return text_; }

 private:
  char text_[2 * MemoryCgroup::kMostPath] = {};
};

// Where for_each_group() stands. Not on the stack: it is the first malloc of the second thread that
// comes here, and that thread's stack may be as small as PTHREAD_STACK_MIN.
struct Walk {
  char groups[kMostGroups];
  char below[MemoryCgroup::kMostPath];
  Path file;
  Path mount;
  Path folder;
};
constinit Walk walk{};

const char* skip_digits(const char* text, std::size_t* value) {
  *value = 0;
  for (; *text >= '0' && *text <= '9'; ++text) {
    const auto digit = static_cast<std::size_t>(*text - '0');
    *value = *value > (kNone - digit) / 10 ? kNone : *value * 10 + digit;
  }
  return text;
}

// The file's one number; kNone when there is none ("max", or no such file).
[[gnu::noinline]] std::size_t read_number(const char* folder, const char* name) {
  char text[64];
  read_small_file(Path({folder, "/", name}).text(), text, sizeof text);
  std::size_t value = kNone;
  return skip_digits(text, &value) == text ? kNone : value;
}

std::size_t lower(std::size_t a, std::size_t b) { return a < b ? a : b; }

std::size_t limit_of(const char* folder, bool is_v2) {
  if (is_v2) return lower(read_number(folder, "memory.max"), read_number(folder, "memory.high"));
  constexpr std::size_t kUnlimited = std::size_t{1} << 62;  // v1 says no limit with a huge number
  const std::size_t limit = read_number(folder, "memory.limit_in_bytes");
  return limit >= kUnlimited ? kNone : limit;
}

// Calls visit(folder) for the group's folder and every one above it, up to the mount itself.
template <typename Visit>
void walk_up(std::initializer_list<const char*> mount_parts, const char* group, Visit visit) {
  walk.mount.set(mount_parts);
  const char* mount = walk.mount.text();
  const std::size_t length = std::strlen(group);
  if (length >= sizeof walk.below) return;
  std::memcpy(walk.below, group, length + 1);
  for (;;) {
    walk.folder.set({mount, walk.below});
    visit(walk.folder.text());
    char* slash = std::strrchr(walk.below, '/');
    if (slash == nullptr) return;
    *slash = '\0';
  }
}

bool names(const char* controllers, const char* end, const char* controller) {
  const std::size_t length = std::strlen(controller);
  for (const char* p = controllers; p < end; ++p) {
    const char* comma =
        static_cast<const char*>(std::memchr(p, ',', static_cast<std::size_t>(end - p)));
    const char* stop = comma == nullptr ? end : comma;
    if (static_cast<std::size_t>(stop - p) == length && std::memcmp(p, controller, length) == 0)
      return true;
    p = stop;
  }
  return false;
}

// One line of /proc/self/cgroup: NUMBER:CONTROLLERS:/GROUP, without controllers for v2.
template <typename Visit>
void look_at_line(const char* root, const char* controller, char* line, Visit visit) {
  const char* controllers = std::strchr(line, ':');
  if (controllers == nullptr) return;
  const char* group = std::strchr(++controllers, ':');
  if (group == nullptr) return;
  const auto is_v2 = [visit](bool value) { return [visit, value](const char* folder) { visit(folder, value); }; };
  if (controllers == group) {
    walk_up({root, "/sys/fs/cgroup"}, group + 1, is_v2(true));
    walk_up({root, "/sys/fs/cgroup/unified"}, group + 1, is_v2(true));
  } else if (names(controllers, group, controller)) {
    walk_up({root, "/sys/fs/cgroup/", controller}, group + 1, is_v2(false));
  }
}

// Calls visit(folder, is_v2) for every group that this process is in for this controller.
template <typename Visit>
void for_each_group(const char* root, const char* controller, Visit visit) {
  walk.file.set({root, "/proc/self/cgroup"});
  read_small_file(walk.file.text(), walk.groups, sizeof walk.groups);
  for (char* line = walk.groups; *line != '\0';) {
    char* end = std::strchr(line, '\n');
    if (end != nullptr) *end = '\0';
    look_at_line(root, controller, line, visit);
    if (end == nullptr) break;
    line = end + 1;
  }
}

// Processors' worth of time, rounded up; kNone without a quota. v2: "QUOTA PERIOD", or "max PERIOD".
[[gnu::noinline]] std::size_t quota_of(const char* folder, bool is_v2) {
  char text[64];
  std::size_t quota = kNone;
  std::size_t period = 0;
  if (is_v2) {
    read_small_file(Path({folder, "/cpu.max"}).text(), text, sizeof text);
    const char* end = skip_digits(text, &quota);
    if (end == text || *end != ' ') return kNone;
    skip_digits(end + 1, &period);
  } else {
    quota = read_number(folder, "cpu.cfs_quota_us");  // -1: none
    period = read_number(folder, "cpu.cfs_period_us");
  }
  if (quota == kNone || period == kNone || period == 0) return kNone;
  return quota / period + std::size_t{quota % period != 0};
}

// The number behind `key` at the start of a line.
std::size_t number_after(const char* text, const char* key) {
  const std::size_t length = std::strlen(key);
  for (const char* line = text; line != nullptr; line = std::strchr(line, '\n')) {
    if (*line == '\n') ++line;
    if (std::strncmp(line, key, length) != 0) continue;
    std::size_t value = 0;
    skip_digits(line + length, &value);
    return value;
  }
  return 0;
}

}  // namespace

MemoryCgroup find_memory_cgroup(const char* root) {
  MemoryCgroup found;
  for_each_group(root, "memory", [&found](const char* folder, bool is_v2) {
    const std::size_t limit = limit_of(folder, is_v2);
    if (limit >= found.limit || std::strlen(folder) >= sizeof found.folder) return;
    found.limit = limit;
    found.is_v2 = is_v2;
    std::strcpy(found.folder, folder);
  });
  return found;
}

unsigned cpu_quota(const char* root) {
  std::size_t least = kNoQuota;
  for_each_group(root, "cpu", [&least](const char* folder, bool is_v2) { least = lower(least, quota_of(folder, is_v2)); });
  return static_cast<unsigned>(least);
}

std::size_t working_set_bytes(const MemoryCgroup& group) {
  if (group.folder[0] == '\0') return 0;
  const std::size_t used =
      read_number(group.folder, group.is_v2 ? "memory.current" : "memory.usage_in_bytes");
  if (used == kNone) return 0;
  char text[kMostText];
  read_small_file(Path({group.folder, "/memory.stat"}).text(), text, sizeof text);
  const std::size_t droppable =
      number_after(text, group.is_v2 ? "inactive_file " : "total_inactive_file ");
  return used > droppable ? used - droppable : 0;
}

unsigned memory_stall_percent(const MemoryCgroup& group) {
  if (!group.is_v2 || group.folder[0] == '\0') return 0;
  char text[256];
  read_small_file(Path({group.folder, "/memory.pressure"}).text(), text, sizeof text);
  return static_cast<unsigned>(lower(number_after(text, "some avg10="), 100));
}

}  // namespace hakmem::os
