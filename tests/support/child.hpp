// Runs a program to its end and gives back what it said and how it ended.
//
// For tests whose subject is a whole process: misuse, options, limits, start and exit. The test
// itself runs on the system's allocator; only the child runs under hakmem.
#pragma once

#include <sys/resource.h>

#include <string>
#include <utility>
#include <vector>

namespace support {

struct Limit {
  __rlimit_resource resource;
  rlim_t value;
};

struct ChildPlan {
  std::vector<std::string> command;  // path of the program, then its arguments
  std::vector<std::pair<std::string, std::string>>
      environment{};            // set on top of the inherited one
  std::vector<Limit> limits{};  // soft and hard, set before the program starts
  unsigned user = 0;            // when not 0: becomes this user first
  unsigned seconds = 60;        // killed by SIGALRM after that
};

struct ChildResult {
  int exit_code = -1;  // of a program that ended by itself
  int signal = 0;      // of one that did not
  std::string out;
  std::string err;
};

ChildResult run_child(const ChildPlan& plan);

// The same under the preloaded library, whose path CMake compiles in.
ChildResult run_preloaded(ChildPlan plan);

}  // namespace support
