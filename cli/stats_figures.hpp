// The figures of a statistics record, one list for the text, for JSON and for OpenMetrics, so that
// they cannot tell different things.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "hakmem/stats.h"

namespace hakmem::cli {

struct Figure {
  const char* name;   // in JSON, as in the record
  const char* kind;   // in OpenMetrics, where figures of one list are told apart by a label
  const char* title;  // in text
  std::uint64_t hak_stats::*value;
};

inline constexpr Figure kInUse[] = {
    {"small_in_use", "small", "blocks up to 32 KiB", &hak_stats::small_in_use},
    {"large_bytes", "large", "blocks under 32 MiB", &hak_stats::large_bytes},
    {"huge_bytes", "huge", "blocks from 32 MiB, mappings of their own", &hak_stats::huge_bytes},
};
inline constexpr Figure kHeld[] = {
    {"cached_bytes", "cached", "free blocks in threads' spare magazines", &hak_stats::cached_bytes},
    {"depot_bytes", "depot", "free blocks on their way between threads", &hak_stats::depot_bytes},
    {"small_free", "slabs", "free blocks in slabs", &hak_stats::small_free},
    {"idle_run_bytes", "idle_run", "idle blocks under 32 MiB", &hak_stats::idle_run_bytes},
    {"idle_run_lazy_bytes", "idle_run_lazy", "  lazily freed", &hak_stats::idle_run_lazy_bytes},
    {"idle_huge_bytes", "idle_huge", "idle blocks from 32 MiB", &hak_stats::idle_huge_bytes},
    {"idle_huge_lazy_bytes", "idle_huge_lazy", "  lazily freed", &hak_stats::idle_huge_lazy_bytes},
    {"dirty_bytes", "dirty", "free runs that wait for their delay", &hak_stats::dirty_bytes},
    {"metadata_bytes", "metadata", "the allocator's own records", &hak_stats::metadata_bytes},
};
inline constexpr Figure kOther[] = {
    {"resident_bytes", "", "resident, whole process", &hak_stats::resident_bytes},
    {"mapped_bytes", "", "address space in runs", &hak_stats::mapped_bytes},
    {"free_run_bytes", "", "free runs, resident or not", &hak_stats::free_run_bytes},
    {"parked_bytes", "", "of the above, in parked heaps", &hak_stats::parked_bytes},
    {"page_map_reserved_bytes", "", "address space of the page map",
     &hak_stats::page_map_reserved_bytes},
};
// 0: there is none.
inline constexpr Figure kLimits[] = {
    {"committed_bytes", "", "counts against the limits", &hak_stats::committed_bytes},
    {"limit_bytes", "", "memory limit", &hak_stats::limit_bytes},
    {"soft_limit_bytes", "", "nothing idle is kept from here on", &hak_stats::soft_limit_bytes},
    {"hard_limit_bytes", "", "allocations fail from here on", &hak_stats::hard_limit_bytes},
};
inline constexpr Figure kPurged = {"purged_bytes", "", "free runs given back to the kernel so far",
                                   &hak_stats::purged_bytes};
inline constexpr Figure kCounts[] = {
    {"releases", "", "idle blocks given back to the kernel", &hak_stats::releases},
    {"reuses", "", "idle blocks used again", &hak_stats::reuses},
    {"late_reuses", "", "idle blocks used again after their pages had gone",
     &hak_stats::late_reuses},
    {"refault_bytes", "", "length of those: at most so much was faulted in again",
     &hak_stats::refault_bytes},
    {"prefaulted_bytes", "", "new memory made resident before it was touched, so far",
     &hak_stats::prefaulted_bytes},
};

// Adaptive knobs.
inline constexpr Figure kSpares[] = {
    {"spare_bound_bytes", "", "bound of all threads' spare magazines",
     &hak_stats::spare_bound_bytes},
    {"spare_unclaimed_bytes", "", "of it, in no thread's allowance",
     &hak_stats::spare_unclaimed_bytes},
};
inline constexpr Figure kAllowances[] = {
    {"allowance_growths", "", "times that a thread's allowance grew",
     &hak_stats::allowance_growths},
    {"allowance_shrinkings", "", "times that a thread's allowance shrank",
     &hak_stats::allowance_shrinkings},
    {"allowance_loans", "", "times that an idle thread's allowance was lent",
     &hak_stats::allowance_loans},
    {"idle_classes_emptied", "", "times that a thread's idle blocks of a class went home",
     &hak_stats::idle_classes_emptied},
};
// Of 2 MiB each.
inline constexpr Figure kHugeUnits[] = {
    {"huge_full_units", "full", "in full use", &hak_stats::huge_full_units},
    {"huge_part_units", "part", "in part", &hak_stats::huge_part_units},
};
inline constexpr Figure kHugeBytes[] = {
    {"huge_wanted_bytes", "", "of regions that ask for huge pages, on them or to be",
     &hak_stats::huge_wanted_bytes},
    {"huge_resident_bytes", "", "on huge pages, the whole process", &hak_stats::huge_resident_bytes},
    {"huge_collapsed_bytes", "", "put on huge pages after they had been used, so far",
     &hak_stats::huge_collapsed_bytes},
    {"huge_waste_bytes", "", "free in its 2 MiB units in part use", &hak_stats::huge_waste_bytes},
};

struct Seconds {
  const char* name;
  const char* title;
  double hak_stats::*value;
};

inline constexpr Seconds kSeconds[] = {
    {"learning_s", "spent on learning", &hak_stats::learning_s},
    {"release_s", "CPU spent on giving memory back", &hak_stats::release_s},
    {"process_cpu_s", "CPU of the whole process", &hak_stats::process_cpu_s},
    {"bill_paid_s", "bill of the learner's arms", &hak_stats::bill_paid_s},
    {"bill_best_fixed_s", "bill of the best single arm", &hak_stats::bill_best_fixed_s},
    {"bill_1s_s", "bill of giving everything back after 1 s", &hak_stats::bill_1s_s},
    {"knob_bill_cpu_s", "bill of the adaptive knobs, slow paths", &hak_stats::knob_bill_cpu_s},
    {"knob_bill_memory_s", "bill of the adaptive knobs, idle memory",
     &hak_stats::knob_bill_memory_s},
};

struct Cost {
  const char* name;
  double hak_stats_costs::*value;
};

inline constexpr Cost kCosts[] = {
    {"madvise_call_s", &hak_stats_costs::madvise_call_s},
    {"remap_call_s", &hak_stats_costs::remap_call_s},
    {"fault_s", &hak_stats_costs::fault_s},
    {"populate_s", &hak_stats_costs::populate_s},
    {"dontneed_s", &hak_stats_costs::dontneed_s},
    {"free_s", &hak_stats_costs::free_s},
    {"touch_after_free_s", &hak_stats_costs::touch_after_free_s},
    {"unmap_s", &hak_stats_costs::unmap_s},
    {"huge_fault_s", &hak_stats_costs::huge_fault_s},
    {"huge_dontneed_s", &hak_stats_costs::huge_dontneed_s},
    {"huge_free_s", &hak_stats_costs::huge_free_s},
    {"huge_touch_after_free_s", &hak_stats_costs::huge_touch_after_free_s},
    {"lazy_share", &hak_stats_costs::lazy_share},
};

inline std::span<const hak_stats_class> classes_of(const hak_stats& stats) {
  return std::span(stats.classes).first(stats.class_count);
}

inline std::span<const hak_stats_context> contexts_of(const hak_stats& stats) {
  return std::span(stats.contexts).first(stats.context_count);
}

inline std::span<const hak_stats_site> sites_of(const hak_stats& stats) {
  return std::span(stats.sites).first(stats.site_count);
}

inline std::span<const hak_stats_knob> knobs_of(const hak_stats& stats) {
  return std::span(stats.knobs).first(stats.knob_count);
}

// A text of the record. The file may hold anything: what is not printable ASCII becomes '?'.
template <std::size_t kSize>
std::string text_of(const char (&field)[kSize]) {
  std::string text(
      std::string_view(field, kSize).substr(0, std::string_view(field, kSize).find('\0')));
  for (char& c : text) {
    if (c < ' ' || c > '~') c = '?';
  }
  return text;
}

// "auto", "always", "never".
const char* huge_pages_text(const hak_stats& stats);

// Idle blocks of the class below: "0", "2-3", "1024+".
std::string depth_text(const hak_stats_context& context);

}  // namespace hakmem::cli
