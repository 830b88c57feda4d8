// Counts what one function call executes, by letting a child process run it one instruction at a
// time.
//
// The child marks each call to be counted (count_path_paths.hpp); the parent counts from the
// function's first instruction to its ret, so neither the caller nor its jump table is included. With a
// library, only its own instructions count: the memset that calloc calls differs from processor to processor.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace count_path {

struct Counts {
  std::size_t instructions = 0;
  std::size_t conditional = 0;
  std::size_t indirect = 0;
  std::size_t direct = 0;
  std::size_t returns = 0;
  std::size_t locked = 0;

  // What a processor has to predict; direct jumps and returns are known in advance.
  std::size_t branches() const { return conditional + indirect; }
};

enum class Outcome {
  kCounted,
  kImpossible,   // this machine or its rules do not allow single-stepping
  kEndless,      // a call was still running after a million instructions
  kChildFailed,  // exit status in `status`; the child has said why
};

struct Trace {
  Outcome outcome = Outcome::kImpossible;
  int status = 0;
  std::vector<Counts> calls;  // one for each marked call, in the order they were made
};

// Runs this program again as `--child PATH` with the library preloaded (none if empty).
Trace trace_path(const std::string& path, const std::string& library);

}  // namespace count_path
