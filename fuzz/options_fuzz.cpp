// The options parser: any environment, told apart by a second reading of the rules.
//
// Every variable of ours that is not taken is named in one line on stderr, nothing else is said,
// and settings hold the last good value of each option.
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <string_view>
#include <vector>

#include "config/options.hpp"
#include "input.hpp"

namespace {

using hakmem::kOptionCount;
using hakmem::kOptions;
using hakmem::Settings;

// What is written to stderr while it lives.
class CapturedStderr {
 public:
  CapturedStderr() : file_(memfd_create("stderr", 0)), before_(dup(STDERR_FILENO)) {
    dup2(file_, STDERR_FILENO);
  }
  CapturedStderr(const CapturedStderr&) = delete;
  CapturedStderr& operator=(const CapturedStderr&) = delete;
  ~CapturedStderr() {
    dup2(before_, STDERR_FILENO);
    close(before_);
    close(file_);
  }

  std::string text() const {
    std::string said(static_cast<std::size_t>(lseek(file_, 0, SEEK_END)), ' ');
    FUZZ_CHECK(pread(file_, said.data(), said.size(), 0) == static_cast<ssize_t>(said.size()));
    return said;
  }

 private:
  int file_;
  int before_;
};

std::string any_value(fuzz::Input& input) {
  static constexpr std::string_view kValues[] = {"auto",  "always", "never", "static", "0",
                                                 "1",     "2",      "",      "600000", "600001",
                                                 "00000", "999999", "1000 ", "/tmp/%p"};
  return input.one_in(3) ? input.text(300) : std::string(kValues[input.below(std::size(kValues))]);
}

std::string any_variable(fuzz::Input& input) {
  if (input.one_in(8)) return input.text(40);
  std::string name = input.one_in(6) ? "HAKMEM_" + input.text(200)
                                     : std::string(kOptions[input.below(kOptionCount)].name);
  if (input.one_in(16)) name.resize(input.below(name.size() + 1));
  return name + (input.one_in(16) ? "" : "=") + any_value(input);
}

// The option that this variable sets; nullptr: none of that name.
const hakmem::Option* option_of(std::string_view variable) {
  const std::string_view name = variable.substr(0, variable.find('='));
  const auto* found = std::find_if(kOptions, kOptions + kOptionCount,
                                   [&](const auto& option) { return name == option.name; });
  return found == kOptions + kOptionCount ? nullptr : found;
}

bool is_ours(const std::string& variable) {
  return variable.starts_with("HAKMEM_") && variable.find('=') != std::string::npos;
}

bool in_range(const Settings& settings) {
  return settings.huge_pages <= hakmem::HugePagePolicy::kNever &&
         settings.purge_delay_ms <= 600'000 &&
         (settings.stats_path == nullptr || *settings.stats_path != '\0');
}

bool same(const Settings& a, const Settings& b) {
  return a.huge_pages == b.huge_pages && a.purge_delay_ms == b.purge_delay_ms &&
         a.verbose == b.verbose && a.stats_path == b.stats_path;
}

// Takes one variable after the other, and counts those that are refused.
std::size_t apply_one_by_one(const std::vector<std::string>& variables, Settings& settings) {
  std::size_t refused = 0;
  for (const std::string& variable : variables) {
    if (!is_ours(variable)) continue;
    const hakmem::Option* option = option_of(variable);
    const Settings before = settings;
    const char* value = std::strchr(variable.c_str(), '=') + 1;
    if (option != nullptr && option->parse(value, settings)) continue;
    FUZZ_CHECK(same(before, settings));
    ++refused;
  }
  return refused;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  fuzz::Input input(bytes, size);
  std::vector<std::string> variables;
  while (!input.used_up() && variables.size() < 50) variables.push_back(any_variable(input));
  // One line is said of each: a line break in a value would look like one more.
  for (std::string& variable : variables) std::replace(variable.begin(), variable.end(), '\n', ' ');
  std::vector<const char*> environment;
  for (const std::string& variable : variables) environment.push_back(variable.c_str());
  environment.push_back(nullptr);

  Settings settings;
  std::string said;
  {
    const CapturedStderr captured;
    hakmem::read_options(environment.data(), settings);
    said = captured.text();
  }
  Settings expected;
  const std::size_t refused = apply_one_by_one(variables, expected);
  FUZZ_CHECK(in_range(settings));
  FUZZ_CHECK(same(settings, expected));
  FUZZ_CHECK(static_cast<std::size_t>(std::count(said.begin(), said.end(), '\n')) == refused);
  return 0;
}
