// See trace_generate.hpp.
#include "trace_generate.hpp"

#include <algorithm>
#include <stdexcept>

#include "base/units.hpp"
#include "trace_builder.hpp"

namespace hakmem::cli {
namespace {

// How much of a trace: with all of it 1, hours of virtual time.
struct Pace {
  double spells = 1;  // how often the pattern repeats
  double events = 1;  // how much happens in each spell
  double pauses = 1;  // how long the pauses between and within spells are
};

unsigned scaled(double count, double share) {
  return static_cast<unsigned>(std::max(1.0, std::round(count * share)));
}

constexpr double kKib = static_cast<double>(kKiB);
constexpr double kMib = static_cast<double>(kMiB);

// One block of a size, allocated and freed over and over, and a short rest now and then.
Trace tight(std::uint32_t seed, const Pace& pace, double bytes, unsigned all_rounds) {
  const unsigned rests = scaled(40, pace.spells);
  const unsigned rounds = scaled(all_rounds, pace.spells * pace.events);
  Random random(seed);
  TraceBuilder builder(1);
  double now_s = 0;
  for (unsigned i = 0; i < rounds; ++i) {
    const double work_s = random.uniform(50e-6, 200e-6) * bytes / kMib;
    builder.block(now_s, now_s + work_s, bytes);
    now_s += work_s + random.log_uniform(5e-6, 1e-3);
    if ((i + 1) % (rounds / rests) == 0) now_s += random.uniform(0.5, 2.0) * pace.pauses;
  }
  return builder.finish(now_s);
}

Trace tight_1m(std::uint32_t seed, const Pace& pace) { return tight(seed, pace, kMib, 40000); }
Trace tight_16m(std::uint32_t seed, const Pace& pace) {
  return tight(seed, pace, 16 * kMib, 20000);
}
Trace tight_64m(std::uint32_t seed, const Pace& pace) {
  return tight(seed, pace, 64 * kMib, 10000);
}

// Many blocks at once for a moment, then a pause of any length.
void burst(TraceBuilder& builder, Random& random, double& now_s, unsigned blocks, double bytes) {
  for (unsigned i = 0; i < blocks; ++i) {
    const double from_s = now_s + random.uniform(0, 0.005);
    builder.block(from_s, from_s + random.uniform(0.001, 0.02), bytes);
  }
  now_s += 0.03;
}

Trace burst_idle(std::uint32_t seed, const Pace& pace) {
  Random random(seed);
  TraceBuilder builder(1);
  double now_s = 0;
  for (unsigned i = scaled(400, pace.spells); i-- != 0;) {
    burst(builder, random, now_s, 20 + random.below(40), kMib);
    now_s += random.log_uniform(1e-3, 120) * pace.pauses;
  }
  return builder.finish(now_s);
}

// Requests as a server has them, with quiet spells up to 10 minutes.
Trace requests(std::uint32_t seed, const Pace& pace) {
  Random random(seed);
  TraceBuilder builder(4);
  double now_s = 0;
  const unsigned spell = scaled(1000, pace.events);
  for (unsigned i = 0; i < spell * scaled(60, pace.spells); ++i) {
    const unsigned blocks = 1 + random.below(6);
    for (unsigned k = 0; k < blocks; ++k) {
      const double from_s = now_s + random.uniform(0, 2e-3);
      const double bytes = random.log_uniform(64 * kKib, 512 * kKib);
      builder.block(from_s, from_s + random.exponential(10e-3), bytes, 1 + random.below(4));
    }
    now_s += random.exponential(5e-3);
    if ((i + 1) % spell == 0) now_s += random.log_uniform(1, 600) * pace.pauses;
  }
  return builder.finish(now_s);
}

// Vectors that double from 64 KiB to a length of their own, copying each time.
Trace vectors(std::uint32_t seed, const Pace& pace) {
  Random random(seed);
  TraceBuilder builder(1);
  double now_s = 0;
  for (unsigned i = scaled(4000, pace.spells); i-- != 0;) {
    const double length = random.log_uniform(256 * kKib, 32 * kMib);
    double grown_s = now_s;
    for (double bytes = 64 * kKib; bytes < length; bytes *= 2) {
      const double fill_s = bytes / 2e9;
      const double copy_s = bytes / 8e9;
      builder.block(grown_s, grown_s + fill_s + copy_s, bytes);
      grown_s += fill_s;
    }
    now_s = grown_s + random.log_uniform(1e-3, 20) * pace.pauses;
  }
  return builder.finish(now_s);
}

// Half a minute of tight reuse, then bursts with pauses of 8 to 15 seconds; again and again.
Trace phases(std::uint32_t seed, const Pace& pace) {
  Random random(seed);
  TraceBuilder builder(1);
  double now_s = 0;
  for (unsigned phase = scaled(12, pace.spells); phase-- != 0;) {
    const double end_s = now_s + 60 * pace.events * pace.pauses;
    for (; now_s < end_s; now_s += random.uniform(0.05, 0.4) * pace.pauses) {
      burst(builder, random, now_s, 10, 2 * kMib);
    }
    for (unsigned i = scaled(25, pace.events); i-- != 0;) {
      burst(builder, random, now_s, 10, 2 * kMib);
      now_s += random.uniform(8, 15) * pace.pauses;
    }
  }
  return builder.finish(now_s);
}

// One size, two sites: the first takes a block again at once, after the second nothing comes for
// long. Depth cannot tell them apart.
Trace two_sites(std::uint32_t seed, const Pace& pace) {
  Random random(seed);
  TraceBuilder builder(2);
  double now_s = 0;
  for (unsigned i = scaled(600, pace.spells); i-- != 0;) {
    for (unsigned k = scaled(40, pace.events); k-- != 0;) {
      builder.block(now_s, now_s + 0.01, 4 * kMib, 1);
      now_s += 0.01 + random.uniform(0.05, 2.0) * pace.pauses;
    }
    builder.block(now_s, now_s + 0.1, 4 * kMib, 2);
    now_s += 0.1 + random.uniform(30, 120) * pace.pauses;
  }
  return builder.finish(now_s);
}

// Pauses that grow slowly from 10 ms to a minute, and shrink again.
Trace drift(std::uint32_t seed, const Pace& pace) {
  Random random(seed);
  TraceBuilder builder(1);
  double now_s = 0;
  const unsigned bursts = scaled(1500, pace.spells);
  for (unsigned i = 0; i < bursts; ++i) {
    const double way = 2.0 * i / bursts;
    const double middle_s = 0.01 * std::pow(6000, way < 1 ? way : 2 - way);
    burst(builder, random, now_s, 12, kMib);
    now_s += middle_s * random.log_uniform(0.5, 2) * pace.pauses;
  }
  return builder.finish(now_s);
}

// Load that rises and falls: sessions of half a minute, few at night, many at noon. A day is an
// hour here.
Trace daily_wave(std::uint32_t seed, const Pace& pace) {
  Random random(seed);
  TraceBuilder builder(1);
  const double day_s = 3600 * pace.pauses;
  const unsigned days = scaled(6, pace.spells);
  double now_s = 0;
  while (now_s < days * day_s) {
    const double load = 0.5 - 0.5 * std::cos(2 * 3.14159265358979 * now_s / day_s);
    const double sessions_a_second = (0.2 + 6 * load) * pace.events / pace.pauses;
    builder.block(now_s, now_s + random.exponential(30) * pace.pauses, kMib);
    now_s += random.exponential(1 / sessions_a_second);
  }
  return builder.finish(now_s + 300 * pace.pauses);
}

// A steady few, and every minute or so a spike of two hundred for half a second.
Trace spikes(std::uint32_t seed, const Pace& pace) {
  Random random(seed);
  TraceBuilder builder(2);
  double now_s = 0;
  for (unsigned i = scaled(60, pace.spells); i-- != 0;) {
    const double next_s = now_s + random.uniform(20, 100) * pace.pauses;
    for (; now_s < next_s; now_s += random.exponential(0.05)) {
      builder.block(now_s, now_s + random.exponential(0.2), kMib, 1);
    }
    for (unsigned k = 0; k < 200; ++k) {
      const double from_s = now_s + random.uniform(0, 0.1);
      builder.block(from_s, from_s + random.uniform(0.2, 0.5), kMib, 2);
    }
  }
  return builder.finish(now_s + 60 * pace.pauses);
}

// Bursts with pauses of 1 ms to 30 s. A share of the range has one pause each, in random order, so
// that with any seed long ones are there and the length is nearly the same.
Trace long_pause(std::uint32_t seed, const Pace& pace) {
  constexpr double kShortest_s = 1e-3;
  constexpr double kLongest_s = 30;
  const unsigned pauses = scaled(400, pace.spells);
  Random random(seed);
  std::vector<double> pauses_s;
  for (unsigned i = 0; i < pauses; ++i) {
    const double share = (i + random.uniform(0, 1)) / pauses;
    pauses_s.push_back(kShortest_s * std::pow(kLongest_s / kShortest_s, share));
  }
  TraceBuilder builder(1);
  double now_s = 0;
  for (unsigned left = pauses; left != 0; --left) {
    burst(builder, random, now_s, 20 + random.below(40), kMib);
    std::swap(pauses_s[random.below(left)], pauses_s[left - 1]);
    now_s += pauses_s[left - 1] * pace.pauses;
  }
  burst(builder, random, now_s, 20 + random.below(40), kMib);
  return builder.finish(now_s);
}

// Sixteen threads that each work and rest at a pace of their own, on sizes they share.
Trace threads(std::uint32_t seed, const Pace& pace) {
  constexpr unsigned kThreads = 16;
  const double end_s = 1200 * pace.spells;
  const unsigned spell = scaled(300, pace.events);
  Random random(seed);
  TraceBuilder builder(kThreads);
  for (unsigned thread = 0; thread < kThreads; ++thread) {
    const double pace_s = random.log_uniform(2e-3, 0.1);
    const double rest_s = random.log_uniform(1, 60) * pace.pauses;
    const double bytes = std::exp2(16 + random.below(6));
    for (double now_s = random.uniform(0, 5) * pace.pauses; now_s < end_s;) {
      for (unsigned i = 0; i < spell && now_s < end_s; ++i) {
        const double life_s = random.exponential(pace_s);
        builder.block(now_s, std::min(now_s + life_s, end_s), bytes, 1 + thread, thread);
        now_s += random.exponential(pace_s);
      }
      now_s += random.exponential(rest_s);
    }
  }
  return builder.finish(end_s + pace.pauses);
}

struct Generator {
  GeneratedTrace trace;
  Trace (*make)(std::uint32_t seed, const Pace& pace);
  Pace brief;  // about 8 s, pauses of 1 ms to 4 s; a minute where pauses must not be shortened
};

const std::vector<Generator>& generators() {
  static const std::vector<Generator> all = {
      {{"tight-1m", "one block of 1 MiB, allocated and freed over and over"},
       tight_1m,
       {0.2, 1, 0.6}},
      {{"tight-16m", "the same with 16 MiB"}, tight_16m, {0.15, 0.33, 0.8}},
      {{"tight-64m", "the same with 64 MiB"}, tight_64m, {0.15, 0.2, 0.7}},
      {{"burst-idle", "bursts of 1 MiB blocks, pauses of 1 ms to 120 s"},
       burst_idle,
       {0.06, 1, 0.03}},
      {{"requests", "64 to 512 KiB for some 10 ms each, quiet spells up to 10 minutes"},
       requests,
       {0.15, 0.1, 0.005}},
      {{"vectors", "vectors that double from 64 KiB up to 32 MiB"}, vectors, {0.01, 1, 0.1}},
      {{"phases", "a minute of close bursts, then bursts 8 to 15 s apart, in turn"},
       phases,
       {0.33, 0.08, 0.07}},
      {{"two-sites", "one size from two sites, one reused soon and one late"},
       two_sites,
       {0.007, 1, 0.015}},
      {{"drift", "pauses that grow slowly from 10 ms to 60 s and shrink again"},
       drift,
       {0.017, 1, 0.04}},
      {{"daily-wave", "sessions of 30 s, 10 at night and 200 at noon; a day is an hour"},
       daily_wave,
       {0.17, 0.1, 0.0024}},
      {{"spikes", "a steady few blocks, and 200 at once every 20 to 100 s"},
       spikes,
       {0.1, 1, 0.02}},
      {{"threads", "sixteen threads, each with a pace, a size and rests of its own"},
       threads,
       {0.0067, 0.1, 0.03}},
      {{"long-pause", "bursts of 1 MiB blocks, pauses of 1 ms to 30 s", true},
       long_pause,
       {0.05, 1, 1}},
  };
  return all;
}

}  // namespace

Trace TraceBuilder::finish(double end_s) {
  std::stable_sort(trace_.events.begin(), trace_.events.end(),
                   [](const Event& a, const Event& b) { return a.time_ns < b.time_ns; });
  trace_.end_ns = nanoseconds(end_s);
  if (!trace_.events.empty()) trace_.end_ns = std::max(trace_.end_ns, trace_.events.back().time_ns);
  return std::move(trace_);
}

const std::vector<GeneratedTrace>& generated_traces() {
  static const std::vector<GeneratedTrace> traces = [] {
    std::vector<GeneratedTrace> all;
    for (const Generator& one : generators()) all.push_back(one.trace);
    return all;
  }();
  return traces;
}

Trace generate_trace(const std::string& name, std::uint32_t seed, bool brief) {
  std::string names;
  for (const Generator& one : generators()) {
    if (name == one.trace.name) return one.make(seed, brief ? one.brief : Pace{});
    names += std::string(" ") + one.trace.name;
  }
  throw std::invalid_argument("no generator is called " + name + "; there are:" + names);
}

}  // namespace hakmem::cli
