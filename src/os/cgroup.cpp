#include "os/cgroup.hpp"

#include <cstdint>
#include <cstring>
#include <initializer_list>

#include "os/file.hpp"

namespace hakmem::os {

namespace {

constexpr std::size_t kNone = SIZE_MAX;
constexpr std::size_t kMostText = 8192;  // memory.stat is the longest, about 2 KiB

// A path put together piece by piece; too long a one is empty, and no file is found there.
class Path {
 public:
  Path(std::initializer_list<const char*> parts) {
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

const char* skip_digits(const char* text, std::size_t* value) {
  *value = 0;
  for (; *text >= '0' && *text <= '9'; ++text) {
    const auto digit = static_cast<std::size_t>(*text - '0');
    *value = *value > (kNone - digit) / 10 ? kNone : *value * 10 + digit;
  }
  return text;
}

// The file's one number; kNone when there is none ("max", or no such file).
std::size_t read_number(const char* folder, const char* name) {
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

// Visits the group's folder and every one above it, up to `mount` itself.
void walk_up(const char* mount, const char* group, bool is_v2, MemoryCgroup& found) {
  char below[MemoryCgroup::kMostPath] = {};
  const std::size_t length = std::strlen(group);
  if (length >= sizeof below) return;
  std::memcpy(below, group, length);
  for (;;) {
    const Path folder({mount, below});
    const std::size_t limit = limit_of(folder.text(), is_v2);
    if (limit < found.limit && std::strlen(folder.text()) < sizeof found.folder) {
      found.limit = limit;
      found.is_v2 = is_v2;
      std::strcpy(found.folder, folder.text());
    }
    char* slash = std::strrchr(below, '/');
    if (slash == nullptr) return;
    *slash = '\0';
  }
}

bool names_memory(const char* controllers, const char* end) {
  constexpr char kName[] = "memory";
  constexpr std::size_t kLength = sizeof kName - 1;
  for (const char* p = controllers; p < end; ++p) {
    const char* comma =
        static_cast<const char*>(std::memchr(p, ',', static_cast<std::size_t>(end - p)));
    const char* stop = comma == nullptr ? end : comma;
    if (static_cast<std::size_t>(stop - p) == kLength && std::memcmp(p, kName, kLength) == 0)
      return true;
    p = stop;
  }
  return false;
}

// One line of /proc/self/cgroup: NUMBER:CONTROLLERS:/GROUP, without controllers for v2.
void look_at_line(const char* root, char* line, MemoryCgroup& found) {
  const char* controllers = std::strchr(line, ':');
  if (controllers == nullptr) return;
  const char* group = std::strchr(++controllers, ':');
  if (group == nullptr) return;
  if (controllers == group) {
    walk_up(Path({root, "/sys/fs/cgroup"}).text(), group + 1, true, found);
    walk_up(Path({root, "/sys/fs/cgroup/unified"}).text(), group + 1, true, found);
  } else if (names_memory(controllers, group)) {
    walk_up(Path({root, "/sys/fs/cgroup/memory"}).text(), group + 1, false, found);
  }
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
  char text[kMostText];
  read_small_file(Path({root, "/proc/self/cgroup"}).text(), text, sizeof text);
  for (char* line = text; *line != '\0';) {
    char* end = std::strchr(line, '\n');
    if (end != nullptr) *end = '\0';
    look_at_line(root, line, found);
    if (end == nullptr) break;
    line = end + 1;
  }
  return found;
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
