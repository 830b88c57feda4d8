#include "large/new_pages.hpp"

#include "base/bits.hpp"
#include "config/knobs.hpp"
#include "large/request_class.hpp"
#include "large/touched.hpp"
#include "os/memory.hpp"
#include "thread/huge_choice.hpp"
#include "thread/prefault.hpp"

namespace hakmem {

namespace {

// Of a long block so many stretches are looked at.
constexpr unsigned kStretches = 8;
constexpr std::size_t kStretch = kGranuleBytes;
constexpr std::size_t kLookedAtWhole = 2 * kMiB;

// What is used to its end may still have a header, or a page at its end, that is not.
constexpr float kFull = 0.95F;

// Fewer are left alone.
constexpr std::size_t kLeast = 16 * kKiB;

float resident_share(const std::byte* start, std::size_t bytes) {
  const std::size_t resident = os::resident_pages(start, bytes) * os::memory.page_size;
  return static_cast<float>(resident) / static_cast<float>(bytes);
}

bool is_full(const std::byte* start, std::size_t bytes) { return touched_share(start, bytes) >= kFull; }

// As many as fit inside; what is left at its ends is populated.
bool have_huge_pages(const Run* run, std::byte* start, std::size_t bytes) {
  const auto from = reinterpret_cast<std::uintptr_t>(start);
  const std::uintptr_t first = align_up(from, kHugePageBytes);
  const std::uintptr_t end = (from + bytes) & ~(kHugePageBytes - 1);
  if (first >= end || !get_huge_pages(run, start + (first - from), end - first)) return false;
  if (first != from) prefault(start, first - from);
  if (end != from + bytes) prefault(start + (end - from), from + bytes - end);
  return true;
}

// A site whose blocks live on has filled the one before by the time it asks again, or is not known to fill them.
void look_at_last(learn::Site site, unsigned size_class) {
  const Touched::Block last = touched.remembered(site, size_class);
  if (last.bytes != 0)
    touched.note(site, size_class, is_full(reinterpret_cast<const std::byte*>(last.start), last.bytes));
}

bool make_resident(const Run* run, std::byte* start, std::size_t bytes) {
  if (have_huge_pages(run, start, bytes)) return true;
  return bytes <= knobs::kMostTouchedAhead && prefault(start, bytes);
}

}  // namespace

// The first and the last stretch, and others in between.
float touched_share(const std::byte* start, std::size_t bytes) {
  if (bytes <= kLookedAtWhole) return resident_share(start, bytes);
  float sum = 0;
  const std::size_t step = (bytes - kStretch) / (kStretches - 1) / kStretch * kStretch;
  for (unsigned i = 0; i + 1 < kStretches; ++i) sum += resident_share(start + i * step, kStretch);
  return (sum + resident_share(start + bytes - kStretch, kStretch)) / kStretches;
}

bool fills_its_blocks(learn::Site site, std::size_t bytes) {
  return prefault_pays(touched.expect(site, request_class(bytes)));
}

void trust_site(learn::Site site, std::size_t bytes) { touched.use_allowance(site, request_class(bytes)); }

void begin_new_pages(Run* run, std::size_t from, std::size_t to, learn::Site site) {
  const std::size_t page = os::memory.page_size;
  const unsigned size_class = request_class(to);
  from = align_up(from, page);
  to = align_up(to, page);
  run->new_pages = 0;
  if (to < from + kLeast) return;
  std::byte* const start = run->start() + from;
  const std::size_t bytes = to - from;
  look_at_last(site, size_class);
  if (prefault_pays(touched.expect(site, size_class)) && make_resident(run, start, bytes))
    return touched.use_allowance(site, size_class);
  run->new_from = static_cast<std::uint32_t>(from / page);
  run->new_pages = static_cast<std::uint32_t>(bytes / page);
  touched.remember(site, size_class, {reinterpret_cast<std::uintptr_t>(start), bytes});
}

void end_new_pages(Run* run) {
  if (run->new_pages == 0) return;
  const std::size_t from = run->new_from * os::memory.page_size;
  const std::size_t bytes = run->new_pages * os::memory.page_size;
  run->new_pages = 0;
  if (from + bytes > run->bytes()) return;  // it has become shorter
  const bool full = is_full(run->start() + from, bytes);
  touched.note(run->site, request_class(from + bytes), full);
  if (full && bytes >= kHugePageBytes) pay_on_small_pages(bytes);  // once a block; those that live on pay by what their site is refused
}

// Where its first page is resident already, the block has taken what others have used.
void grow_new_pages(Run* run, std::size_t from, std::size_t to, learn::Site site) {
  end_new_pages(run);
  run->site = site;
  const std::size_t page = os::memory.page_size;
  from = align_up(from, page);
  if (to >= from + kLeast && os::resident_pages(run->start() + from, page) == 0) begin_new_pages(run, from, to, site);
}

}  // namespace hakmem
