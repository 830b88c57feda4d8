#include "config/options.hpp"

#include <cstring>

#include "os/file.hpp"

namespace hakmem {

namespace {

constexpr const char* kPrefix = "HAKMEM_";
constexpr std::uint32_t kMaxPurgeDelayMs = 600'000;

bool parse_huge_pages(const char* text, Settings& into) {
  if (std::strcmp(text, "auto") == 0) into.huge_pages = HugePagePolicy::kAuto;
  else if (std::strcmp(text, "always") == 0) into.huge_pages = HugePagePolicy::kAlways;
  else if (std::strcmp(text, "never") == 0) into.huge_pages = HugePagePolicy::kNever;
  else return false;
  return true;
}

bool parse_purge_delay(const char* text, Settings& into) {
  std::uint32_t value = 0;
  if (*text == '\0') return false;
  for (const char* p = text; *p != '\0'; ++p) {
    if (*p < '0' || *p > '9') return false;
    value = value * 10 + static_cast<std::uint32_t>(*p - '0');
    if (value > kMaxPurgeDelayMs) return false;
  }
  into.purge_delay_ms = value;
  return true;
}

bool parse_background(const char* text, Settings& into) {
  if (std::strcmp(text, "auto") == 0) into.background = Background::kAuto;
  else if (std::strcmp(text, "on") == 0) into.background = Background::kOn;
  else if (std::strcmp(text, "off") == 0) into.background = Background::kOff;
  else return false;
  return true;
}

bool parse_mode(const char* text, Settings& into) {
  if (std::strcmp(text, "static") == 0) into.mode = Mode::kStatic;
  else if (std::strcmp(text, "adaptive") == 0) into.mode = Mode::kAdaptive;
  else if (std::strcmp(text, "hybrid") == 0) into.mode = Mode::kHybrid;
  else return false;
  return true;
}

bool parse_learn(const char* text, Settings& into) {
  if (std::strcmp(text, "off") == 0) into.learn = Learn::kOff;
  else if (std::strcmp(text, "shadow") == 0) into.learn = Learn::kShadow;
  else if (std::strcmp(text, "on") == 0) into.learn = Learn::kOn;
  else if (std::strcmp(text, "frozen") == 0) into.learn = Learn::kFrozen;
  else return false;
  return true;
}

// Which selectors and arms there are is known to the layer that has them: boot asks it.
bool parse_selector(const char* text, Settings& into) {
  if (*text == '\0') return false;
  into.selector = text;
  return true;
}

// Digits with at most one point, 0 to kMostPrice: strtod would follow the program's locale.
bool parse_price(const char* text, Settings& into) {
  constexpr double kMostPrice = 1000;
  double value = 0;
  double unit = 1;
  bool digits = false;
  bool point = false;
  for (; *text != '\0'; ++text) {
    if (*text == '.' && !point) {
      point = true;
      continue;
    }
    if (*text < '0' || *text > '9') return false;
    digits = true;
    value = value * 10 + (*text - '0');
    if (point) unit *= 10;
    if (value / unit > kMostPrice) return false;
  }
  if (!digits) return false;
  into.price = value / unit;
  return true;
}

// Three words for people who want no number: a tenth of the usual price, the usual, ten times it.
bool parse_goal(const char* text, Settings& into) {
  constexpr double kUsualPrice = Settings{}.price;
  if (std::strcmp(text, "latency") == 0) into.price = kUsualPrice / 10;
  else if (std::strcmp(text, "balanced") == 0) into.price = kUsualPrice;
  else if (std::strcmp(text, "memory") == 0) into.price = kUsualPrice * 10;
  else return false;
  return true;
}

// Digits, and K, M or G.
bool parse_size(const char* text, std::uint64_t& bytes) {
  std::uint64_t value = 0;
  const char* p = text;
  for (; *p >= '0' && *p <= '9'; ++p) {
    if (__builtin_mul_overflow(value, std::uint64_t{10}, &value)) return false;
    if (__builtin_add_overflow(value, static_cast<std::uint64_t>(*p - '0'), &value)) return false;
  }
  if (p == text) return false;
  const unsigned shift = *p == 'K' ? 10 : *p == 'M' ? 20 : *p == 'G' ? 30 : 0;
  if (shift != 0) ++p;
  if (*p != '\0' || value > UINT64_MAX >> shift) return false;
  bytes = value << shift;
  return true;
}

bool parse_percent(const char* text, std::uint64_t& percent) {
  std::uint64_t value = 0;
  const char* p = text;
  for (; *p >= '0' && *p <= '9' && value <= 100; ++p) value = value * 10 + static_cast<std::uint64_t>(*p - '0');
  if (p == text || *p != '%' || p[1] != '\0' || value == 0 || value > 100) return false;
  percent = value;
  return true;
}

bool parse_limit_choice(const char* text, LimitChoice& into) {
  using Kind = LimitChoice::Kind;
  LimitChoice choice;
  if (std::strcmp(text, "off") == 0) choice.kind = Kind::kOff;
  else if (parse_percent(text, choice.value)) choice.kind = Kind::kPercent;
  else if (parse_size(text, choice.value) && choice.value != 0) choice.kind = Kind::kBytes;
  else return false;
  into = choice;
  return true;
}

bool parse_limit(const char* text, Settings& into) {
  if (std::strcmp(text, "auto") != 0) return parse_limit_choice(text, into.limit);
  into.limit = {LimitChoice::Kind::kAuto, 0};
  return true;
}

bool parse_hard_limit(const char* text, Settings& into) { return parse_limit_choice(text, into.hard_limit); }

bool parse_stats(const char* text, Settings& into) {
  if (*text == '\0') return false;
  into.stats_path = text;
  return true;
}

bool parse_profile(const char* text, Settings& into) {
  if (*text == '\0') return false;
  into.profile_path = text;
  return true;
}

bool parse_topology(const char* text, Settings& into) {
  if (*text == '\0') return false;
  into.topology_path = text;
  return true;
}

bool parse_verbose(const char* text, Settings& into) {
  if ((text[0] != '0' && text[0] != '1') || text[1] != '\0') return false;
  into.verbose = text[0] == '1';
  return true;
}

const Option* find_option(const char* name, std::size_t length) {
  for (std::size_t i = 0; i < kOptionCount; ++i) {
    if (std::strlen(kOptions[i].name) == length && std::strncmp(kOptions[i].name, name, length) == 0) {
      return &kOptions[i];
    }
  }
  return nullptr;
}

void report_unknown(const char* name, std::size_t length) {
  char shown[64] = {};
  std::memcpy(shown, name, length < sizeof shown ? length : sizeof shown - 1);
  char known[512] = {};
  std::size_t n = 0;
  for (std::size_t i = 0; i < kOptionCount; ++i) {
    const std::size_t more = std::strlen(kOptions[i].name);
    if (n + more + 2 >= sizeof known) break;
    if (i > 0) known[n++] = ' ';
    std::memcpy(known + n, kOptions[i].name, more);
    n += more;
  }
  os::write_stderr("hakmem: unknown option ", shown, " ignored; the options are: ", known, "\n");
}

void report_bad_value(const Option& option, const char* text) {
  os::write_stderr("hakmem: ", option.name, "=", text, " ignored; ");
  os::write_stderr("allowed: ", option.allowed, "; using the default, ", option.default_value, "\n");
}

}  // namespace

void report_bad_value(const char* name, const char* text) {
  if (const Option* option = find_option(name, std::strlen(name))) report_bad_value(*option, text);
}

const Option kOptions[] = {
    {"HAKMEM_THP", "auto, always, never", "auto",
     "transparent huge pages: auto asks for them where the bill says so", parse_huge_pages},
    {"HAKMEM_PURGE_DELAY", "0 to 600000 (milliseconds)", "1000",
     "how long free memory stays resident before it is returned to the kernel", parse_purge_delay},
    {"HAKMEM_BACKGROUND", "auto, on, off", "auto",
     "a thread that gives idle memory back: auto starts it with the program's first thread", parse_background},
    {"HAKMEM_MODE", "static, adaptive, hybrid", "hybrid",
     "static holds all idle memory for HAKMEM_PURGE_DELAY; hybrid learns for large blocks; adaptive moves the knobs "
     "of small ones too", parse_mode},
    {"HAKMEM_LEARN", "off, shadow, on, frozen", "on",
     "shadow learns but acts as static; frozen acts on what is known and learns no more", parse_learn},
    {"HAKMEM_SELECTOR", "hindsight, ucb1, elo, low-water, peak, glibc, fixed:ARM", "hindsight",
     "who chooses when idle large blocks go back", parse_selector},
    {"HAKMEM_PRICE", "0 to 1000 (CPU seconds a GiB-second)", "0.125",
     "what memory may cost: the bill is CPU seconds + price x GiB-seconds", parse_price},
    {"HAKMEM_GOAL", "latency, balanced, memory", "balanced", "a price in words: 0.0125, 0.125, 1.25", parse_goal},
    {"HAKMEM_PROFILE", "a file's path; %p stands for the process id", "none",
     "start from what this file says was learned, and save it there at exit", parse_profile},
    {"HAKMEM_LIMIT", "auto, off, BYTES (with K, M or G), 1% to 100%", "auto",
     "what memory may be used before everything idle goes back: auto takes the cgroup's or the process's own limit",
     parse_limit},
    {"HAKMEM_HARD_LIMIT", "off, BYTES (with K, M or G), 1% to 100%", "off",
     "what memory may be used before allocations fail", parse_hard_limit},
    {"HAKMEM_STATS", "a file's path; %p stands for the process id", "none",
     "keep a snapshot of what is held, and why, in this file (read it with: hakmem stats)", parse_stats},
    {"HAKMEM_TOPOLOGY", "a directory like /sys", "/sys",
     "another machine's processors, caches and nodes, to try sharding on a smaller one", parse_topology},
    {"HAKMEM_VERBOSE", "0, 1", "0", "say on stderr at start: mode, learning, huge pages, form of the page map", parse_verbose},
};
const std::size_t kOptionCount = sizeof kOptions / sizeof kOptions[0];

void read_options(const char* const* environment, Settings& into) {
  if (environment == nullptr) return;
  const std::size_t prefix = std::strlen(kPrefix);
  for (; *environment != nullptr; ++environment) {
    const char* entry = *environment;
    if (std::strncmp(entry, kPrefix, prefix) != 0) continue;
    const char* equals = std::strchr(entry, '=');
    if (equals == nullptr) continue;
    const auto length = static_cast<std::size_t>(equals - entry);
    const Option* option = find_option(entry, length);
    if (option == nullptr) report_unknown(entry, length);
    else if (!option->parse(equals + 1, into)) report_bad_value(*option, equals + 1);
  }
}

}  // namespace hakmem
