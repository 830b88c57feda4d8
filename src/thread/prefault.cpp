#include "thread/prefault.hpp"

#include "base/atomics.hpp"
#include "learn/prefault.hpp"
#include "os/memory.hpp"
#include "thread/known_costs.hpp"
#include "thread/price.hpp"

namespace hakmem {

namespace {

// What is not touched is held until its block is freed: about as long as the process has run, as ever, but
// nobody knows what a server will do in an hour.
constexpr double kMostHeld_s = 60;

constinit Atomic<std::size_t> total_bytes{0};

// What a limit leaves is for what is touched.
bool is_near_limit() { return commitment.has_limit() && commitment.bytes() > commitment.soft() / 2; }

}  // namespace

bool prefault_pays(double touched_share) {
  if (touched_share <= 0 || settings.learn == Learn::kOff || settings.learn == Learn::kShadow || is_near_limit()) return false;
  const double age = process_age_s();
  return learn::prefault_pays({touched_share, age < kMostHeld_s ? age : kMostHeld_s}, known_costs(), price_now());
}

bool prefault(std::byte* start, std::size_t bytes) {
  if (!os::memory.populate(start, bytes)) return false;
  total_bytes.fetch_add_relaxed(bytes);
  return true;
}

std::size_t prefaulted_bytes() { return total_bytes.load_relaxed(); }

}  // namespace hakmem
