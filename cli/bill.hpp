// Bill: what a release policy costs on a history, counted as the policy acts.
//
//   bill = CPU seconds of releases and refaults + price x GiB-seconds of blocks held idle
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "large_history.hpp"
#include "learn/arms.hpp"
#include "learn/contexts.hpp"

namespace hakmem::cli {

struct Pricing {
  learn::CostModel costs;
  double price = 0.125;  // CPU seconds a GiB-second
  std::uint32_t seed = 1;
};

// A bill over time is a sum for each of so many equal parts of the trace.
inline constexpr std::size_t kParts = 200;

struct Outcome {
  double cpu_s = 0;
  double hold_s = 0;      // price x GiB-seconds, lazily freed ones at their share
  double idle_gib_s = 0;  // resident or lazily freed
  std::uint64_t releases = 0;
  std::uint64_t refaults = 0;  // blocks touched again after a release
  double peak_held_bytes = 0;  // live and idle together
  double average_held_bytes = 0;
  std::array<double, kParts> bill_s_by_part = {};

  double bill_s() const { return cpu_s + hold_s; }
};

enum class Stage : std::uint8_t { kResident, kLazy, kGone };

class Biller {
 public:
  Biller(const LargeHistory& history, const Pricing& pricing);

  const learn::BlockCosts& costs_of(const IdleSpan& span) const { return costs_[span.size_class]; }

  // The span was in `stage` for that time.
  void hold(const IdleSpan& span, Stage stage, std::uint64_t from_ns, std::uint64_t to_ns);

  // Its pages go into this stage at that time. `unmap`: with munmap instead of MADV_DONTNEED.
  void release(const IdleSpan& span, Stage to, std::uint64_t time_ns, bool unmap = false);

  // It is reused while in this stage.
  void reuse(const IdleSpan& span, Stage from);

  Outcome finish();

 private:
  void add_cpu(double seconds, std::uint64_t time_ns);
  void add_hold(double rate, std::uint64_t from_ns, std::uint64_t to_ns);

  const LargeHistory& history_;
  std::array<learn::BlockCosts, learn::kLargeClasses> costs_;
  double part_ns_;
  Outcome outcome_;
  std::vector<Change> changes_;
};

// A block while it is idle: billed up to settled_ns, and in this stage since.
struct IdleBlock {
  std::uint64_t settled_ns = 0;
  Stage stage = Stage::kResident;

  // Lets time pass until `to_ns` with this arm in force. What is overdue happens at once.
  void advance(Biller& biller, const IdleSpan& span, const learn::Arm& arm, std::uint64_t to_ns);
};

}  // namespace hakmem::cli
