// Trace generators: workloads of large blocks in virtual time, made from a seed.
//
// Each is a pattern that some real program has and some release policy is bad at; pauses go up to
// 10 minutes. The same name and seed give the same trace. A brief one has the same pattern in some
// 8 seconds, for playing it in real time; where its pauses are what it is for, in a minute, and
// whoever plays it must not make it faster.
#pragma once

#include <string>
#include <vector>

#include "trace_event.hpp"

namespace hakmem::cli {

struct GeneratedTrace {
  const char* name;
  const char* what;
  bool keeps_pauses = false;  // a brief one has its pauses at full length
};

const std::vector<GeneratedTrace>& generated_traces();

// Throws std::invalid_argument for an unknown name.
Trace generate_trace(const std::string& name, std::uint32_t seed, bool brief = false);

}  // namespace hakmem::cli
