// See policies.hpp: the names, the fixed arms and the clairvoyant.
#include "policies.hpp"

#include <algorithm>
#include <stdexcept>

namespace hakmem::cli {
namespace {

constexpr std::size_t kArmsInFirstLine = learn::index_of(learn::kKeep) + 1;
constexpr const char* kFixedPrefix = "fixed:";

struct Named {
  const char* name;
  Outcome (*run)(const LargeHistory&, const Pricing&);
};

Outcome run_best(const LargeHistory& history, const Pricing& pricing) {
  return run_fixed_arm(history, pricing,
                       learn::arm_of(best_fixed_arm(fixed_arm_bills(history, pricing))));
}

constexpr Named kNamed[] = {{"best", run_best}, {"warm", run_warm_learner}, {"clairvoyant", run_clairvoyant}};

// One of the library's selectors, but fixed:ARM, which needs no learner.
bool is_selector(const std::string& name) {
  learn::SelectorChoice choice;
  return learn::parse_selector(name.c_str(), choice) && choice.kind != learn::SelectorKind::kFixed;
}

std::optional<learn::ArmId> fixed_arm(const std::string& name) {
  learn::ArmId arm{};
  if (!name.starts_with(kFixedPrefix)) return {};
  if (!learn::find_arm(name.c_str() + std::char_traits<char>::length(kFixedPrefix), arm)) return {};
  return arm;
}

const Named* find_named(const std::string& name) {
  const auto found = std::find_if(std::begin(kNamed), std::end(kNamed),
                                  [&](const Named& one) { return name == one.name; });
  return found == std::end(kNamed) ? nullptr : found;
}

}  // namespace

std::string policy_names() {
  std::string names = learn::kSelectorsAllowed;
  for (const Named& one : kNamed) names += std::string(", ") + one.name;
  names += "\nARM is one of:";
  for (std::size_t i = 0; i < learn::kArms; ++i) {
    names += (i == kArmsInFirstLine ? "\n  " : " ") + std::string(learn::kArm[i].name);
  }
  return names;
}

std::vector<std::string> default_policies() {
  return {"hindsight", "ucb1",  "elo",        "low-water",  "peak",
          "fixed:1s",  "glibc", "fixed:keep", "clairvoyant"};
}

bool is_policy(const std::string& name) {
  return fixed_arm(name).has_value() || is_selector(name) || find_named(name) != nullptr;
}

Outcome run_policy(const std::string& name, const LargeHistory& history, const Pricing& pricing) {
  if (const auto arm = fixed_arm(name)) return run_fixed_arm(history, pricing, learn::arm_of(*arm));
  if (is_selector(name)) return run_selector(history, pricing, name.c_str());
  if (const Named* named = find_named(name)) return named->run(history, pricing);
  throw std::invalid_argument("policy " + name + " is unknown; allowed: " + policy_names());
}

std::vector<double> fixed_arm_bills(const LargeHistory& history, const Pricing& pricing) {
  const Biller biller(history, pricing);
  std::vector<double> sums(learn::kArms, 0.0);
  for (const IdleSpan& span : history.spans) {
    const double idle_s = span.idle_s();
    for (std::size_t i = 0; i < learn::kArms; ++i) {
      sums[i] += learn::arm_cost(biller.costs_of(span), idle_s, span.reused, learn::kArm[i]);
    }
  }
  return sums;
}

learn::ArmId best_fixed_arm(const std::vector<double>& bills) {
  const auto best = std::min_element(bills.begin(), bills.end());
  return static_cast<learn::ArmId>(best - bills.begin());
}

Outcome run_fixed_arm(const LargeHistory& history, const Pricing& pricing, const learn::Arm& arm) {
  Biller biller(history, pricing);
  for (const IdleSpan& span : history.spans) {
    IdleBlock block;
    block.advance(biller, span, arm, span.until_ns);
    if (span.reused) biller.reuse(span, block.stage);
  }
  return biller.finish();
}

Outcome run_clairvoyant(const LargeHistory& history, const Pricing& pricing) {
  constexpr learn::Arm kChoices[] = {learn::arm_of(learn::kKeep),
                                     {learn::kNever, 0, "at once"},
                                     {0, learn::kNever, "lazily at once"}};
  Biller biller(history, pricing);
  for (const IdleSpan& span : history.spans) {
    const auto cost = [&](const learn::Arm& arm) {
      return learn::arm_cost(biller.costs_of(span), span.idle_s(), span.reused, arm);
    };
    const learn::Arm* best = std::min_element(
        std::begin(kChoices), std::end(kChoices),
        [&](const learn::Arm& a, const learn::Arm& b) { return cost(a) < cost(b); });
    IdleBlock block;
    block.advance(biller, span, *best, span.until_ns);
    if (span.reused) biller.reuse(span, block.stage);
  }
  return biller.finish();
}

}  // namespace hakmem::cli
