// What every benchmark needs: options, a clock, random numbers and threads that start together.
//
// The benchmarks know nothing of hakmem: they call malloc and free, link only the C and C++
// runtimes, and are measured under any allocator by LD_PRELOAD. Each warms up, times its hot loop
// alone with the monotonic clock and prints its settings and one line `throughput: <number>
// Mops/s`. Seeds are fixed, so every allocator gets the same sequence of requests.
#pragma once

#include <barrier>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

namespace bench {

// Options of the form `--name VALUE` and `--flag`; a value may end in K, M or G (powers of 1024).
class Options {
 public:
  Options(int argc, char** argv, const char* purpose)
      : args_(argv + 1, argv + argc), help_(purpose) {
    help_ += '\n';
  }

  std::size_t number(const char* name, std::size_t fallback, const char* help) {
    describe(name, help, std::to_string(fallback));
    const std::size_t at = take(name);
    std::size_t value = fallback;
    if (at < args_.size()) {
      value = at + 1 < args_.size() ? parse(args_[at + 1]) : fail("no value for", name);
      args_.erase(args_.begin() + static_cast<std::ptrdiff_t>(at));
      args_.erase(args_.begin() + static_cast<std::ptrdiff_t>(at));
    }
    config_ += std::string(" ") + name + "=" + std::to_string(value);
    return value;
  }

  bool flag(const char* name, const char* help) {
    describe(name, help, "off");
    const std::size_t at = take(name);
    const bool on = at < args_.size();
    if (on) args_.erase(args_.begin() + static_cast<std::ptrdiff_t>(at));
    config_ += std::string(" ") + name + (on ? "=on" : "=off");
    return on;
  }

  // To be called once all options are read: answers --help, refuses what is left over, prints the
  // settings.
  void done() {
    if (take("help") < args_.size()) {
      std::fputs(help_.c_str(), stdout);
      std::exit(0);
    }
    if (!args_.empty()) fail("unknown option", args_[0].c_str());
    std::printf("config:%s\n", config_.c_str());
    std::fflush(stdout);
  }

 private:
  std::size_t take(const std::string& name) const {
    std::size_t at = 0;
    while (at < args_.size() && args_[at] != "--" + name) ++at;
    return at;
  }

  std::size_t parse(const std::string& text) const {
    char* end = nullptr;
    const std::size_t value = std::strtoull(text.c_str(), &end, 10);
    const std::string suffix(end);
    if (end == text.c_str() || text[0] == '-') return fail("not a number:", text.c_str());
    if (suffix.empty()) return value;
    if (suffix == "K") return value << 10;
    if (suffix == "M") return value << 20;
    if (suffix == "G") return value << 30;
    return fail("not a number:", text.c_str());
  }

  void describe(const char* name, const char* help, const std::string& fallback) {
    help_ += std::string("  --") + name + "  " + help + " (default " + fallback + ")\n";
  }

  [[noreturn]] std::size_t fail(const char* what, const char* which) const {
    std::fprintf(stderr, "%s %s\n%s", what, which, help_.c_str());
    std::exit(2);
  }

  std::vector<std::string> args_;
  std::string help_;
  std::string config_;
};

inline double now_seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

// Marsaglia's xorshift64 (2003): a few instructions, so that the allocator and not the dice is
// measured.
class Rng {
 public:
  explicit Rng(std::uint64_t seed) : state_(seed * 0x9E3779B97F4A7C15u + 1) {}

  std::uint64_t next() {
    state_ ^= state_ << 13;
    state_ ^= state_ >> 7;
    state_ ^= state_ << 17;
    return state_;
  }

  std::size_t below(std::size_t bound) { return scale(next() >> 32, bound); }
  std::size_t between(std::size_t low, std::size_t high) { return low + below(high - low + 1); }

  // Maps 32 random bits to [0, bound) without a division; bound must fit into 32 bits.
  static std::size_t scale(std::uint64_t bits, std::size_t bound) {
    return (bits & 0xFFFFFFFFu) * bound >> 32;
  }

 private:
  std::uint64_t state_;
};

// Writes the first and the last byte, as a program that uses its block would.
inline void touch_ends(void* block, std::size_t size) {
  static_cast<volatile char*>(block)[0] = 1;
  static_cast<volatile char*>(block)[size - 1] = 1;
}

// Writes one byte per page, so that every page of the block is resident.
inline void touch_pages(void* block, std::size_t size) {
  constexpr std::size_t kPage = 4096;
  for (std::size_t at = 0; at < size; at += kPage) static_cast<volatile char*>(block)[at] = 1;
  touch_ends(block, size);
}

struct Measured {
  std::size_t ops = 0;
  double seconds = 0;
};

inline void report(const Measured& measured) {
  std::printf("ops: %zu\nseconds: %.4f\n", measured.ops, measured.seconds);
  std::printf("throughput: %.2f Mops/s\n",
              static_cast<double>(measured.ops) / measured.seconds / 1e6);
}

// One thread's stopwatch: start() waits until all threads are warm, stop() ends the time and says
// what was done.
class Lap {
 public:
  explicit Lap(std::barrier<>& gate) : gate_(&gate) {}
  void start() {
    gate_->arrive_and_wait();
    begin_ = now_seconds();
  }
  void stop(std::size_t ops) {
    end_ = now_seconds();
    ops_ = ops;
  }
  double begin() const { return begin_; }
  double end() const { return end_; }
  std::size_t ops() const { return ops_; }

 private:
  std::barrier<>* gate_;
  double begin_ = 0;
  double end_ = 0;
  std::size_t ops_ = 0;
};

// Runs body(thread index, lap) on so many threads; one alone runs on the main thread, where
// allocators may know that no other exists. The time is from the first thread's start to the last
// one's stop.
template <class Body>
Measured run_threads(std::size_t count, Body body) {
  std::barrier<> gate(static_cast<std::ptrdiff_t>(count));
  std::vector<Lap> laps(count, Lap(gate));
  std::vector<std::thread> threads;
  for (std::size_t i = 1; i < count; ++i) threads.emplace_back([&, i] { body(i, laps[i]); });
  body(std::size_t{0}, laps[0]);
  for (std::thread& thread : threads) thread.join();

  Measured total;
  double begin = laps[0].begin();
  double end = laps[0].end();
  for (const Lap& lap : laps) {
    total.ops += lap.ops();
    begin = lap.begin() < begin ? lap.begin() : begin;
    end = lap.end() > end ? lap.end() : end;
  }
  total.seconds = end - begin;
  return total;
}

}  // namespace bench
