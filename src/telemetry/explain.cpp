#include "telemetry/explain.hpp"

#include "telemetry/text.hpp"

namespace hakmem {

namespace {

constexpr std::size_t kNumberColumn = 4;
constexpr std::size_t kReasonColumn = 16;

struct Figure {
  std::uint64_t hak_stats::*bytes;
  const char* why;
};

constexpr Figure kInUse[] = {
    {&hak_stats::small_in_use, "blocks up to 32 KiB"},
    {&hak_stats::large_bytes, "blocks under 32 MiB"},
    {&hak_stats::huge_bytes, "blocks from 32 MiB"},
};

constexpr Figure kHeld[] = {
    {&hak_stats::cached_bytes, "threads' caches: the next small malloc takes these without a lock"},
    {&hak_stats::depot_bytes, "freed by other threads than their owners, on their way home"},
    {&hak_stats::small_free, "free blocks beside used ones of the same slab"},
    {&hak_stats::idle_run_bytes, "idle blocks under 32 MiB: holding them is cheaper, so far"},
    {&hak_stats::idle_run_lazy_bytes, "the same, the kernel's to take when it is short of memory"},
    {&hak_stats::idle_huge_bytes, "idle blocks from 32 MiB: holding them is cheaper, so far"},
    {&hak_stats::idle_huge_lazy_bytes, "the same, the kernel's to take when it is short of memory"},
    {&hak_stats::dirty_bytes, "free pages that wait for HAKMEM_PURGE_DELAY"},
    {&hak_stats::metadata_bytes, "the allocator's own records"},
};

template <std::size_t kCount>
std::uint64_t sum(const hak_stats& stats, const Figure (&figures)[kCount]) {
  std::uint64_t total = 0;
  for (const Figure& figure : figures) total += stats.*figure.bytes;
  return total;
}

template <std::size_t kCount>
void tell(Text& text, const hak_stats& stats, const char* heading,
          const Figure (&figures)[kCount]) {
  text << heading << ": ";
  text.bytes(sum(stats, figures)) << "\n";
  for (const Figure& figure : figures) {
    if (stats.*figure.bytes == 0) continue;
    text.pad_to(kNumberColumn).bytes(stats.*figure.bytes).pad_to(kReasonColumn)
        << figure.why << "\n";
  }
}

void tell_heaps(Text& text, const hak_stats& stats) {
  text << "hakmem: process " << std::uint64_t{stats.process_id} << ", "
       << std::uint64_t{stats.live_heaps} << (stats.live_heaps == 1 ? " heap" : " heaps")
       << " in use, " << std::uint64_t{stats.parked_heaps} << " parked with ";
  text.bytes(stats.parked_bytes) << "; background thread "
                                 << (stats.background != 0 ? "runs" : "does not run") << "\n";
}

// What CPU and memory together have cost, by the learner's arms, and what other choices would have.
void tell_bills(Text& text, const hak_stats& stats) {
  text << "idle large blocks: " << stats.reuses << " used again (" << stats.late_reuses
       << " after their pages had gone), " << stats.releases << " given back\n"
       << "  mode " << stats.mode << ", learning " << stats.learn << ", selector " << stats.selector
       << "\n";
  if (!(stats.bill_1s_s > 0)) return;
  const double saved = stats.bill_1s_s - stats.bill_paid_s;
  text << "  bill so far ";
  text.seconds(stats.bill_paid_s) << "; giving back after 1 s costs ";
  text.seconds(stats.bill_1s_s) << (saved < 0 ? ", lost " : ", saved ");
  text.seconds(saved < 0 ? -saved : saved)
      << "; the best single rule, " << stats.best_fixed_arm << ", costs ";
  text.seconds(stats.bill_best_fixed_s) << "\n";
}

void tell_effort(Text& text, const hak_stats& stats) {
  text << "  spent on learning ";
  text.seconds(stats.learning_s) << ", on giving memory back ";
  text.seconds(stats.release_s) << ", of ";
  text.seconds(stats.process_cpu_s) << " of CPU in all; faulted in again because of that: at most ";
  text.bytes(stats.refault_bytes) << "\n  made resident before it was touched: ";
  text.bytes(stats.prefaulted_bytes) << "\n";
}

void tell_limits(Text& text, const hak_stats& stats) {
  if (stats.limit_bytes == 0 && stats.hard_limit_bytes == 0) return;
  text << "memory limit: ";
  text.bytes(stats.committed_bytes) << " used";
  if (stats.limit_bytes != 0) {
    text << " of ";
    text.bytes(stats.limit_bytes) << "; nothing idle is kept from ";
    text.bytes(stats.soft_limit_bytes) << " on";
  }
  if (stats.hard_limit_bytes != 0) {
    text << "; allocations fail from ";
    text.bytes(stats.hard_limit_bytes) << " on";
  }
  text << "\n";
}

void tell_context(Text& text, const hak_stats_context& context) {
  text.pad_to(kNumberColumn).bytes(context.block_bytes).pad_to(kReasonColumn)
      << std::uint64_t{context.first_depth};
  if (context.last_depth == UINT32_MAX)
    text << " and more";
  else if (context.last_depth != context.first_depth)
    text << " to " << std::uint64_t{context.last_depth};
  text.pad_to(30) << context.arm;
  text.pad_to(48).bytes(context.idle_bytes + context.lazy_bytes).pad_to(60) << context.reuses;
  text.pad_to(71).seconds(context.bill_paid_s).pad_to(83).seconds(context.bill_best_fixed_s);
  text << " " << context.best_fixed_arm
       << (context.site_group != 0 ? ", sites with long pauses" : "") << "\n";
}

void tell_contexts(Text& text, const hak_stats& stats) {
  if (stats.context_count == 0) return;
  text.pad_to(kNumberColumn) << "block";
  text.pad_to(kReasonColumn) << "idle below";
  text.pad_to(30) << "arm";
  text.pad_to(48) << "held";
  text.pad_to(60) << "reuses";
  text.pad_to(71) << "bill";
  text.pad_to(83) << "best arm's\n";
  for (std::uint32_t i = 0; i < stats.context_count; ++i) tell_context(text, stats.contexts[i]);
}

void tell_knob(Text& text, const hak_stats_knob& knob) {
  text << "    " << knob.name;
  text.pad_to(kReasonColumn) << knob.value << " (static " << knob.static_value << "), moved "
                             << std::uint64_t{knob.kept} << " times; last trial: " << knob.last_trial
                             << "\n";
}

void tell_knobs(Text& text, const hak_stats& stats) {
  if (stats.knobs_adapt == 0) return;
  text << "adaptive knobs: " << (stats.knobs_settled != 0 ? "settled" : "on trial") << ", "
       << std::uint64_t{stats.knob_changes} << " changes; slow paths ";
  text.seconds(stats.knob_bill_cpu_s) << ", idle memory ";
  text.seconds(stats.knob_bill_memory_s) << " of the bill\n  spare magazines: ";
  text.bytes(stats.spare_bound_bytes - stats.spare_unclaimed_bytes) << " allowed of ";
  text.bytes(stats.spare_bound_bytes) << "; grown " << stats.allowance_growths << ", shrunk "
                                      << stats.allowance_shrinkings << ", lent "
                                      << stats.allowance_loans << ", idle classes emptied "
                                      << stats.idle_classes_emptied << "\n  bundles leave early in "
                                      << std::uint64_t{stats.cold_classes} << " classes\n";
  for (std::uint32_t i = 0; i < stats.knob_count; ++i) tell_knob(text, stats.knobs[i]);
}

void tell_huge_units(Text& text, const hak_stats& stats) {
  if (stats.huge_wanted_bytes == 0 && stats.huge_resident_bytes == 0) return;
  text << "huge pages: wanted for ";
  text.bytes(stats.huge_wanted_bytes) << "; " << stats.huge_full_units << " of 2 MiB in full use, "
                                      << stats.huge_part_units << " in part, ";
  text.bytes(stats.huge_waste_bytes) << " free in those; ";
  text.bytes(stats.huge_resident_bytes) << " resident, ";
  text.bytes(stats.huge_collapsed_bytes) << " collapsed so far\n";
}

// Who asked for the blocks.
void tell_site(Text& text, const hak_stats_site& site) {
  text.pad_to(kNumberColumn).bytes(site.block_bytes).pad_to(kReasonColumn);
  text.seconds(site.mean_idle_s).pad_to(30).seconds(site.bill_paid_s).pad_to(48).seconds(site.bill_best_fixed_s);
  text << " " << site.best_fixed_arm;
  text.pad_to(71);
  if (site.offset == 0)
    text << "somebody not known";
  else
    (text << site.module << (site.module[0] == '\0' ? "" : "+")).hex(site.offset);
  text << "\n";
}

void tell_sites(Text& text, const hak_stats& stats) {
  if (stats.site_count == 0) return;
  text.pad_to(kNumberColumn) << "block";
  text.pad_to(kReasonColumn) << "idle for";
  text.pad_to(30) << "bill";
  text.pad_to(48) << "best arm's";
  text.pad_to(71) << "asked for by\n";
  for (std::uint32_t i = 0; i < stats.site_count; ++i) tell_site(text, stats.sites[i]);
}

}  // namespace

std::size_t explain(const hak_stats& stats, char* buffer, std::size_t size) {
  Text text(buffer, size);
  tell_heaps(text, stats);
  tell(text, stats, "in use", kInUse);
  tell(text, stats, "held beyond that", kHeld);
  tell_limits(text, stats);
  tell_bills(text, stats);
  tell_effort(text, stats);
  tell_contexts(text, stats);
  tell_sites(text, stats);
  tell_knobs(text, stats);
  tell_huge_units(text, stats);
  return text.length();
}

}  // namespace hakmem
