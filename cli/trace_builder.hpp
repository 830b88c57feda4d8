// Trace builder: events of a generated trace, made in any order and sorted at the end.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <random>
#include <string>

#include "trace_event.hpp"

namespace hakmem::cli {

// Random numbers that are the same with every standard library (its distributions are not).
class Random {
 public:
  explicit Random(std::uint32_t seed) : engine_(seed) {}

  double uniform(double low, double high) {
    return low + (high - low) * (static_cast<double>(engine_() >> 11) * 0x1p-53);
  }
  double log_uniform(double low, double high) {
    return std::exp(uniform(std::log(low), std::log(high)));
  }
  double exponential(double mean) { return -mean * std::log(1 - uniform(0, 1)); }
  unsigned below(unsigned n) { return static_cast<unsigned>(uniform(0, n)); }

 private:
  std::mt19937_64 engine_;
};

class TraceBuilder {
 public:
  explicit TraceBuilder(unsigned sites) {
    trace_.sites.push_back("unknown");
    for (unsigned i = 1; i <= sites; ++i) trace_.sites.push_back("generated+" + std::to_string(i));
  }

  // A block that lives from from_s to to_s.
  void block(double from_s, double to_s, double bytes, std::uint32_t site = 1,
             std::uint32_t thread = 0) {
    const std::uint64_t number = ++blocks_;
    const std::uint64_t from_ns = nanoseconds(from_s);
    const std::uint64_t to_ns = std::max(nanoseconds(to_s), from_ns + 1);
    const auto size = static_cast<std::uint64_t>(bytes);
    trace_.events.push_back({from_ns, number, size, thread, site, Op::kAllocate});
    trace_.events.push_back({to_ns, number, 0, thread, site, Op::kFree});
  }

  Trace finish(double end_s);

 private:
  static std::uint64_t nanoseconds(double seconds) {
    return static_cast<std::uint64_t>(seconds * 1e9);
  }

  Trace trace_;
  std::uint64_t blocks_ = 0;
};

}  // namespace hakmem::cli
