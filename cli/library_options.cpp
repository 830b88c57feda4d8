// See library_options.hpp.
#include "library_options.hpp"

#include <fmt/format.h>

#include <charconv>
#include <cstring>

#include "learn/selector.hpp"

namespace hakmem::cli {
namespace {

constexpr LibraryOption kLibraryOptions[] = {
    {"--thp", "HAKMEM_THP", "auto|always|never", 0, 0, "WHEN",
     "huge pages: auto (where they pay), always, never"},
    {"--purge-delay", "HAKMEM_PURGE_DELAY", "", 0, 600'000, "MS",
     "milliseconds a free run is kept before its memory goes back"},
    {"--background", "HAKMEM_BACKGROUND", "auto|on|off", 0, 0, "WHEN",
     "a thread that gives idle memory back: auto (with the program's first thread), on, off"},
    {"--memory-limit", "HAKMEM_LIMIT", "", 0, 0, "BYTES",
     "give everything idle back near this much memory: auto, off, BYTES with K, M or G, or 1% to "
     "100%"},
    {"--hard-limit", "HAKMEM_HARD_LIMIT", "", 0, 0, "BYTES",
     "fail allocations beyond this much memory: off, BYTES with K, M or G, or 1% to 100%"},
    {"--stats", "HAKMEM_STATS", "", 0, 0, "FILE",
     "write what the heap holds to FILE; %p becomes the process id"},
    {"--profile", "HAKMEM_PROFILE", "", 0, 0, "FILE",
     "start from what FILE says was learned, and save it there; %p becomes the process id"},
    {"--mode", "HAKMEM_MODE", "static|adaptive|hybrid", 0, 0, "MODE",
     "static holds idle memory for the purge delay, hybrid learns for large blocks, adaptive moves the "
     "knobs of small ones too"},
    {"--learn", "HAKMEM_LEARN", "off|shadow|on|frozen", 0, 0, "MODE",
     "shadow learns but does not act, frozen acts but does not learn"},
    {"--selector", "HAKMEM_SELECTOR", "", 0, 0, "SELECTOR",
     "who chooses when idle large blocks go back: hindsight, ucb1, elo, low-water, peak, glibc, "
     "fixed:ARM"},
    {"--price", "HAKMEM_PRICE", "", 0, 0, "X",
     "CPU seconds that a GiB held for a second may cost: 0 to 1000"},
    {"--goal", "HAKMEM_GOAL", "latency|balanced|memory", 0, 0, "GOAL",
     "what memory may cost, in words"},
    {"--topology", "HAKMEM_TOPOLOGY", "", 0, 0, "DIRECTORY",
     "another machine's topology, a directory like /sys"},
    {"--verbose", "HAKMEM_VERBOSE", "", 0, 0, "", "let the library say what it does"},
};

bool is_one_of(std::string_view value, std::string_view words) {
  while (!words.empty()) {
    const std::size_t end = words.find('|');
    if (value == words.substr(0, end)) return true;
    if (end == std::string_view::npos) break;
    words.remove_prefix(end + 1);
  }
  return false;
}

bool is_number_within(std::string_view value, long lowest, long highest) {
  long number = 0;
  const char* end = value.data() + value.size();
  const auto parsed = std::from_chars(value.data(), end, number);
  return parsed.ec == std::errc() && parsed.ptr == end && number >= lowest && number <= highest;
}

std::string check_selector(const std::string& value) {
  learn::SelectorChoice choice;
  if (learn::parse_selector(value.c_str(), choice)) return {};
  std::string message =
      fmt::format("'{}' is not one of {}; ARM is one of", value, learn::kSelectorsAllowed);
  for (const learn::Arm& arm : learn::kArm) message += std::string(" ") + arm.name;
  return message;
}

bool is_switch(const LibraryOption& option) { return *option.placeholder == '\0'; }

}  // namespace

std::span<const LibraryOption> library_options() { return kLibraryOptions; }

std::string check_value(const LibraryOption& option, const std::string& value) {
  if (*option.words != '\0') {
    if (is_one_of(value, option.words)) return {};
    return fmt::format("'{}' is not one of {}", value, option.words);
  }
  if (option.highest > 0) {
    if (is_number_within(value, option.lowest, option.highest)) return {};
    return fmt::format("'{}' is not a number within {}..{}", value, option.lowest, option.highest);
  }
  if (std::strcmp(option.variable, "HAKMEM_SELECTOR") == 0) return check_selector(value);
  return value.empty() ? "needs a value" : "";
}

void add_library_flags(CLI::App& app, LibraryValues& values) {
  for (const LibraryOption& option : kLibraryOptions) {
    const auto set = [&values, &option](const std::string& value) {
      values[option.variable] = value;
    };
    CLI::Option* flag = nullptr;
    if (is_switch(option)) {
      flag = app.add_flag_callback(
          option.flag, [set] { set("1"); }, option.help);
    } else {
      flag = app.add_option_function<std::string>(option.flag, set, option.help);
      flag->type_name(*option.words != '\0' ? option.words : option.placeholder);
      flag->check([&option](const std::string& text) { return check_value(option, text); });
    }
    flag->group("Options of the library");
  }
}

void put_into(const LibraryValues& values, Environment& environment) {
  for (const auto& [variable, value] : values) environment.set(variable, value);
}

}  // namespace hakmem::cli
