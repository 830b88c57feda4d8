// See large_history.hpp.
#include "large_history.hpp"

#include <algorithm>
#include <array>
#include <stdexcept>
#include <unordered_map>
#include <utility>

#include "config/size_classes.hpp"
#include "learn/contexts.hpp"

namespace hakmem::cli {
namespace {

constexpr std::uint64_t kPageBytes = 4 * kKiB;

class Builder {
 public:
  explicit Builder(std::uint64_t end_ns) { history_.end_ns = end_ns; }

  void add(const Event& event) {
    add_pages(event);
    const auto found = live_.find(event.block);
    switch (event.op) {
      case Op::kAllocate:
        if (event.size > kMaxSmall) allocate(event);
        break;
      case Op::kFree:
        if (found != live_.end()) release(event.time_ns, found);
        break;
      case Op::kResize:
        resize(event, found);
        break;
    }
  }

  LargeHistory finish() {
    pass_time(history_.end_ns);
    pass_time_of_pages(history_.end_ns);
    return std::move(history_);
  }

 private:
  struct Block {
    unsigned size_class;
    std::uint32_t site;
  };
  using Blocks = std::unordered_map<std::uint64_t, Block>;

  static double bytes_of(unsigned size_class) {
    return static_cast<double>(learn::large_class_bytes(size_class));
  }

  void pass_time(std::uint64_t now_ns) {
    history_.live_gib_s +=
        live_bytes_ / static_cast<double>(kGiB) * static_cast<double>(now_ns - now_ns_) * 1e-9;
    now_ns_ = now_ns;
  }

  void change_live(std::uint64_t time_ns, double bytes) {
    pass_time(time_ns);
    live_bytes_ += bytes;
    history_.live_peak_bytes = std::max(history_.live_peak_bytes, live_bytes_);
    ++history_.large_events;
  }

  void add_fresh(std::uint64_t time_ns, double bytes) {
    history_.fresh.push_back({time_ns, static_cast<std::int64_t>(bytes)});
  }

  void allocate(const Event& event) {
    const unsigned size_class = learn::large_class_of(event.size);
    change_live(event.time_ns, bytes_of(size_class));
    live_[event.block] = {size_class, event.site};
    std::vector<std::uint32_t>& idle = idle_[size_class];
    if (idle.empty()) return add_fresh(event.time_ns, bytes_of(size_class));
    IdleSpan& span = history_.spans[idle.back()];
    span.until_ns = event.time_ns;
    span.reused = true;
    history_.steps.push_back({event.time_ns, idle.back(), false});
    idle.pop_back();
  }

  void release(std::uint64_t time_ns, Blocks::iterator block) {
    const auto [size_class, site] = block->second;
    change_live(time_ns, -bytes_of(size_class));
    std::vector<std::uint32_t>& idle = idle_[size_class];
    const auto span = static_cast<std::uint32_t>(history_.spans.size());
    history_.spans.push_back({time_ns, history_.end_ns, learn::large_class_bytes(size_class),
                              static_cast<std::uint32_t>(idle.size()), site, size_class, false});
    history_.steps.push_back({time_ns, span, true});
    idle.push_back(span);
    live_.erase(block);
  }

  void resize(const Event& event, Blocks::iterator block) {
    if (event.size <= kMaxSmall) {
      if (block != live_.end()) release(event.time_ns, block);
      return;
    }
    if (block == live_.end()) return allocate(event);
    const unsigned size_class = learn::large_class_of(event.size);
    const double growth = bytes_of(size_class) - bytes_of(block->second.size_class);
    change_live(event.time_ns, growth);
    add_fresh(event.time_ns, growth);
    block->second.size_class = size_class;
  }

  void pass_time_of_pages(std::uint64_t now_ns) {
    const double seconds = static_cast<double>(now_ns - pages_now_ns_) * 1e-9;
    history_.live_page_gib_s += static_cast<double>(live_pages_ * kPageBytes) / static_cast<double>(kGiB) * seconds;
    pages_now_ns_ = now_ns;
  }

  // Those left last first; what there is not is fresh.
  void take_pages(std::uint64_t now_ns, std::uint64_t pages) {
    while (pages != 0 && !idle_pages_.empty()) {
      PageSpan& last = idle_pages_.back();
      const std::uint64_t taken = std::min(pages, last.pages);
      history_.page_spans.push_back({last.freed_ns, now_ns, taken});
      pages -= taken;
      last.pages -= taken;
      if (last.pages == 0) idle_pages_.pop_back();
    }
  }

  void add_pages(const Event& event) {
    const bool is_large = event.op != Op::kFree && event.size > kMaxSmall;
    const std::uint64_t bytes = is_large ? event.size : 0;
    const auto block = block_bytes_.find(event.block);
    const std::uint64_t held = block == block_bytes_.end() ? 0 : block->second;
    if (bytes == held) return;
    if (bytes == 0) block_bytes_.erase(block);
    else block_bytes_[event.block] = bytes;
    pass_time_of_pages(event.time_ns);
    page_bytes_ += bytes - held;
    const std::uint64_t before = std::exchange(live_pages_, page_bytes_ / kPageBytes);
    history_.peak_pages = std::max(history_.peak_pages, live_pages_);
    if (live_pages_ > before) take_pages(event.time_ns, live_pages_ - before);
    else if (live_pages_ < before) idle_pages_.push_back({event.time_ns, 0, before - live_pages_});
  }

  LargeHistory history_;
  Blocks live_;
  std::array<std::vector<std::uint32_t>, learn::kLargeClasses> idle_;
  std::uint64_t now_ns_ = 0;
  double live_bytes_ = 0;
  std::unordered_map<std::uint64_t, std::uint64_t> block_bytes_;
  std::uint64_t page_bytes_ = 0;
  std::vector<PageSpan> idle_pages_;
  std::uint64_t live_pages_ = 0;
  std::uint64_t pages_now_ns_ = 0;
};

}  // namespace

LargeHistory large_history_of(const Trace& trace) {
  Builder builder(trace.end_ns);
  std::uint64_t before_ns = 0;
  for (const Event& event : trace.events) {
    if (event.time_ns < before_ns || event.time_ns > trace.end_ns) {
      throw std::runtime_error("the trace's events are not in time order");
    }
    before_ns = event.time_ns;
    builder.add(event);
  }
  return builder.finish();
}

}  // namespace hakmem::cli
