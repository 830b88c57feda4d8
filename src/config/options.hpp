// Options: environment variables HAKMEM_*, read once at boot into `settings`.
//
// One table holds name, allowed values, default and help; docs/options.md shows
// the same. A bad or unknown option is named on stderr, with what is allowed, and has no
// effect; a setuid program reads none.
//
// Above: boot. Below: os. Called once, before other threads exist.
#pragma once

#include <cstddef>

#include "config/knobs.hpp"

namespace hakmem {

struct Option {
  const char* name;
  const char* allowed;
  const char* default_value;
  const char* help;
  bool (*parse)(const char* text, Settings& into);  // false: not allowed, nothing changed
};

extern const Option kOptions[];
extern const std::size_t kOptionCount;

// Says on stderr that this option's value is not allowed and the default is used.
void report_bad_value(const char* name, const char* text);

// Reads every HAKMEM_* variable of `environment` (nullptr-terminated NAME=VALUE strings).
void read_options(const char* const* environment, Settings& into);

}  // namespace hakmem
