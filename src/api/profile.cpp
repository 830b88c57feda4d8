#include "api/profile.hpp"

#include <cerrno>
#include <utility>

#include "base/bits.hpp"
#include "config/knobs.hpp"
#include "large/growth.hpp"
#include "large/idle_blocks.hpp"
#include "large/site_keys.hpp"
#include "learn/profile_file.hpp"
#include "os/file.hpp"
#include "os/memory.hpp"
#include "os/sandbox.hpp"
#include "os/whole_file.hpp"
#include "thread/boot_hook.hpp"

namespace hakmem {

namespace {

constexpr std::size_t kMaxPath = 4096;

// A copy: programs change their directory, and some overwrite their environment.
constinit char path[kMaxPath] = {};
constinit std::uint32_t loaded_by = 0;
constinit learn::Profile* before = nullptr;    // what the file held
constinit learn::Profile* recorded = nullptr;  // what this process adds
constinit learn::Profile* base = nullptr;      // what it adds that to; read at the first save

// Pages of the kernel's own, zeroed and touched as they are used.
class Pages {
 public:
  explicit Pages(std::size_t bytes)
      : bytes_(align_up(bytes, os::memory.page_size)),
        start_(os::memory.map(bytes_, os::memory.page_size, true)) {}
  ~Pages() {
    if (start_ != nullptr) os::memory.unmap(start_, bytes_);
  }
  Pages(const Pages&) = delete;
  Pages& operator=(const Pages&) = delete;

  std::byte* start() const { return start_; }
  // They stay for ever.
  std::byte* release() { return std::exchange(start_, nullptr); }

 private:
  std::size_t bytes_;
  std::byte* start_;
};

// All of a profile is zero but the sites' modules, which matter for entries in use alone.
learn::Profile* as_profile(std::byte* zeroed) { return reinterpret_cast<learn::Profile*>(zeroed); }

learn::Profile* new_profile() { return as_profile(Pages(sizeof(learn::Profile)).release()); }

void say_ignored(const char* why) {
  os::write_stderr("hakmem: HAKMEM_PROFILE: ", path, " is ignored: ", why, "\n");
}

// Why the file is not used; "" when there is none yet, nullptr when it is.
const char* read_file(learn::Profile* into) {
  const Pages file(learn::kMaxProfileBytes);
  if (into == nullptr || file.start() == nullptr) return "there is no memory for it";
  std::size_t count = 0;
  switch (os::read_whole_file(path, file.start(), learn::kMaxProfileBytes, &count)) {
    case os::FileRead::kMissing:
      return "";
    case os::FileRead::kRefused:
      return "it cannot be read";
    case os::FileRead::kTooLong:
      return "it is too long to be a profile";
    case os::FileRead::kDone:
      break;
  }
  return learn::decode_profile(file.start(), count, *into);
}

bool learns() { return settings.learn == Learn::kOn || settings.learn == Learn::kShadow; }

// Other processes may have saved to the file since the start: what they added stays. Read once, or what
// this process saves first would count twice when it saves again.
const learn::Profile* base_of_saves() {
  if (base != nullptr) return base;
  learn::Profile* now = new_profile();
  base = read_file(now) == nullptr ? now : before;
  return base;
}

bool write_profile(learn::Profile& whole, std::byte* file) {
  const os::DirectoryLock lock(path);
  if (const learn::Profile* saved = base_of_saves()) learn::merge(whole, *saved);
  idle_blocks.add_evidence(*recorded, whole);
  growth.add_to(whole);
  name_sites(whole);
  return os::replace_file(path, file, learn::encode_profile(whole, file));
}

// A forked child leaves the file to its parent; a sandbox has none.
[[gnu::destructor]] void save_profile_at_exit() {
  if (recorded == nullptr || os::is_sandboxed() || loaded_by != os::process_id()) return;
  const int saved = errno;
  if (!save_profile())
    os::write_stderr("hakmem: HAKMEM_PROFILE: cannot write ", path, "; nothing is saved\n");
  errno = saved;
}

}  // namespace

void load_profile() {
  if (settings.profile_path == nullptr || settings.learn == Learn::kOff) return;
  char expanded[kMaxPath];
  bool has_pid = false;
  if (!os::expand_process_id(settings.profile_path, expanded, sizeof expanded, &has_pid) ||
      !os::full_path(expanded, path, sizeof path)) {
    os::write_stderr("hakmem: HAKMEM_PROFILE: the path is too long; nothing is loaded or saved\n");
    return;
  }
  learn::Profile* read = new_profile();
  const char* wrong = read_file(read);
  if (wrong == nullptr) {
    before = read;
    learning.start_from(*before);
    growth.start_from(*before);
  } else if (*wrong != '\0') {
    say_ignored(wrong);
  }
  loaded_by = os::process_id();
  recorded = learns() ? new_profile() : nullptr;
  learning.record_in(recorded);
  if (recorded != nullptr) growth.count_steps();
}

bool save_profile() {
  boot();
  if (recorded == nullptr) {
    errno = EINVAL;
    return false;
  }
  if (os::is_sandboxed()) {
    errno = EPERM;
    return false;
  }
  const Pages whole(sizeof(learn::Profile));
  const Pages file(learn::kMaxProfileBytes);
  if (whole.start() == nullptr || file.start() == nullptr) {
    errno = ENOMEM;
    return false;
  }
  if (write_profile(*as_profile(whole.start()), file.start())) return true;
  errno = EIO;
  return false;
}

}  // namespace hakmem
