// Says on stderr how far a comparison is: one line that is redrawn on a terminal, one line per
// finished round elsewhere.
#pragma once

#include <chrono>
#include <cstddef>
#include <string>

namespace hakmem::cli {

class Progress {
 public:
  // `steps` are the runs planned in all.
  explicit Progress(std::size_t steps);
  ~Progress() { clear(); }
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  // A run begins: "python3, round 2 of 3, jemalloc".
  void begin(const std::string& what);
  void finish_steps(std::size_t count) { done_ += count; }
  void end_round(const std::string& what);

  // Removes the redrawn line, so that something else can be printed.
  void clear();

 private:
  std::string remaining() const;

  using Clock = std::chrono::steady_clock;
  std::size_t steps_;
  std::size_t done_ = 0;
  Clock::time_point start_ = Clock::now();
  bool terminal_;
};

// "0:07", "12:30", "1:02:05".
std::string clock_text(long seconds);

}  // namespace hakmem::cli
