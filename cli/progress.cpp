// See progress.hpp.
#include "progress.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>

namespace hakmem::cli {
namespace {

constexpr std::size_t kBarWidth = 20;
constexpr std::size_t kTextWidth = 50;

}  // namespace

std::string clock_text(long seconds) {
  const long minutes = seconds / 60;
  if (minutes < 60) return fmt::format("{}:{:02}", minutes, seconds % 60);
  return fmt::format("{}:{:02}:{:02}", minutes / 60, minutes % 60, seconds % 60);
}

Progress::Progress(std::size_t steps) : steps_(steps), terminal_(::isatty(STDERR_FILENO) == 1) {}

void Progress::begin(const std::string& what) {
  if (!terminal_) return;
  const std::size_t filled = steps_ == 0 ? 0 : done_ * kBarWidth / steps_;
  fmt::print(stderr, "\r\033[K[{:#<{}}{:.<{}}] {:3}% {}  {:.{}}", "", filled, "",
             kBarWidth - filled, steps_ == 0 ? 0 : done_ * 100 / steps_, remaining(), what,
             kTextWidth);
  std::fflush(stderr);
}

void Progress::end_round(const std::string& what) {
  if (!terminal_) fmt::print(stderr, "{}\n", what);
}

void Progress::clear() {
  if (terminal_) fmt::print(stderr, "\r\033[K");
}

std::string Progress::remaining() const {
  if (done_ == 0) return "";
  const double elapsed = std::chrono::duration<double>(Clock::now() - start_).count();
  const double left = elapsed * static_cast<double>(steps_ - done_) / static_cast<double>(done_);
  return clock_text(static_cast<long>(left)) + " left";
}

}  // namespace hakmem::cli
