// Profiles: what was written is read; damage, cuts and newer versions are refused; merging is
// addition.
#include "learn/profile.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <memory>
#include <random>
#include <vector>

#include "base/encoding.hpp"
#include "learn/learner.hpp"
#include "learn/profile_file.hpp"

namespace hakmem::learn {
namespace {

using ProfilePointer = std::unique_ptr<Profile>;
using Bytes = std::vector<std::byte>;

ProfileModule module_named(unsigned number) {
  ProfileModule module;
  module.build_id_bytes = number % 3 == 0 ? 0 : 20;
  for (std::size_t i = 0; i < module.build_id_bytes; ++i)
    module.build_id[i] = static_cast<std::uint8_t>(number + i);
  std::snprintf(module.name, sizeof module.name, "lib%u.so", number);
  return module;
}

ProfileGrowth& growth_of(Profile& profile, Site site, std::uint32_t size_class) {
  const auto is_it = [&](const ProfileGrowth& growth) {
    return growth.site == site && growth.size_class == size_class;
  };
  return *std::find_if(profile.growths, profile.growths + profile.growth_count, is_it);
}

ProfilePointer some_profile(unsigned seed) {
  auto profile = std::make_unique<Profile>();
  std::mt19937_64 random(seed);
  for (unsigned i = 0; i < 200; ++i) {
    const Context context{static_cast<unsigned>(random() % kLargeClasses),
                          static_cast<unsigned>(random() % kDepths),
                          static_cast<unsigned>(random() % kGroups)};
    Evidence& evidence = profile->of(context);
    const double idle_s = static_cast<double>(random() % 1'000'000) * 1e-4;
    const auto kind = random() % 4;
    if (kind == 0) add(evidence.left, idle_s);
    else add_reuse(evidence, idle_s, kind == 1 ? Unwatched{0, kNever} : Unwatched{});
  }
  for (unsigned i = 0; i < 60; ++i) {
    const ProfileModule module = module_named(static_cast<unsigned>(random() % 6));
    const std::uint64_t offset = random() % 20;
    const auto size_class = static_cast<std::uint32_t>(random() % 3);
    add_site(*profile, site_of(module, offset), size_class, 0.01 * (1 + i));
    ProfileSite* site = find_or_add_site(*profile, site_of(module, offset), size_class);
    site->module = find_or_add_module(*profile, module);
    site->offset = offset;
    EXPECT_TRUE(add_growth(*profile, site->site, size_class, 1 + i));
    ProfileGrowth& growth = growth_of(*profile, site->site, size_class);
    growth.module = site->module;
    growth.offset = offset;
  }
  return profile;
}

Bytes encoded(const Profile& profile) {
  Bytes bytes(kMaxProfileBytes);
  bytes.resize(encode_profile(profile, bytes.data()));
  return bytes;
}

ProfilePointer merged(const std::vector<unsigned>& seeds) {
  auto profile = std::make_unique<Profile>();
  for (const unsigned seed : seeds) EXPECT_TRUE(merge(*profile, *some_profile(seed)));
  return profile;
}

const char* refusal(const Bytes& bytes) {
  static const auto into = std::make_unique<Profile>();
  return decode_profile(bytes.data(), bytes.size(), *into);
}

void seal(Bytes& bytes, ProfileHeader header) {
  header.checksum = 0;
  std::uint64_t sum = checksum_more(kChecksumStart, &header, sizeof header);
  header.checksum = checksum_more(sum, bytes.data() + sizeof header, bytes.size() - sizeof header);
  std::memcpy(bytes.data(), &header, sizeof header);
}

TEST(Profile, WhatWasWrittenIsRead) {
  const ProfilePointer first = some_profile(1);
  const Bytes bytes = encoded(*first);
  const auto second = std::make_unique<Profile>();
  ASSERT_EQ(decode_profile(bytes.data(), bytes.size(), *second), nullptr);
  EXPECT_EQ(encoded(*second), bytes);
  for (unsigned c = 0; c < kLargeClasses; ++c) {
    for (unsigned d = 0; d < kDepths; ++d)
      EXPECT_EQ(first->evidence[c][d][1], second->evidence[c][d][1]);
  }
  ASSERT_EQ(first->site_count, second->site_count);
  for (std::size_t i = 0; i < first->site_count; ++i) {
    const ProfileSite& site = first->sites[i];
    EXPECT_EQ(find_or_add_site(*second, site.site, site.size_class)->log2_sum, site.log2_sum);
  }
  ASSERT_EQ(first->growth_count, second->growth_count);
  EXPECT_GT(first->growth_count, 20u);
  for (std::size_t i = 0; i < first->growth_count; ++i) {
    const ProfileGrowth& growth = first->growths[i];
    EXPECT_EQ(growth_of(*second, growth.site, growth.size_class).steps, growth.steps);
  }
}

TEST(Profile, VersionTwoIsRead) {
  const ProfilePointer watched = some_profile(5);
  for (auto& of_class : watched->evidence) {
    for (auto& of_depth : of_class) {
      for (Evidence& evidence : of_depth) std::fill(std::begin(evidence.unwatched), std::end(evidence.unwatched), IdleSum{});
    }
  }
  Bytes bytes = encoded(*watched);
  ProfileHeader header;
  std::memcpy(&header, bytes.data(), sizeof header);
  EXPECT_EQ(header.version, 3u);
  header.version = 2;
  seal(bytes, header);
  const auto read = std::make_unique<Profile>();
  ASSERT_EQ(decode_profile(bytes.data(), bytes.size(), *read), nullptr);
  EXPECT_EQ(encoded(*read), encoded(*watched));
}

// Version 1 ended behind the sites.
TEST(Profile, AnOlderVersionIsReadWithoutGrowths) {
  const ProfilePointer with = some_profile(6);
  const auto without = std::make_unique<Profile>(*with);
  without->growth_count = 0;
  Bytes bytes = encoded(*without);
  bytes.pop_back();  // how many growths: 0
  ProfileHeader header;
  std::memcpy(&header, bytes.data(), sizeof header);
  header.version = 1;
  header.length -= 1;
  seal(bytes, header);
  const auto read = std::make_unique<Profile>();
  ASSERT_EQ(decode_profile(bytes.data(), bytes.size(), *read), nullptr);
  EXPECT_EQ(encoded(*read), encoded(*without));
  EXPECT_EQ(read->site_count, with->site_count);
}

TEST(Profile, GrowthsAddUp) {
  const ProfilePointer sum = merged({1, 1});
  const ProfilePointer one = some_profile(1);
  for (std::size_t i = 0; i < one->growth_count; ++i) {
    const ProfileGrowth& growth = one->growths[i];
    EXPECT_EQ(growth_of(*sum, growth.site, growth.size_class).steps, 2 * growth.steps);
  }
}

TEST(Profile, GrowthsBeyondTheMostStayTheMost) {
  const auto profile = std::make_unique<Profile>();
  EXPECT_TRUE(add_growth(*profile, 7, 3, UINT64_MAX));
  const auto one = std::make_unique<Profile>();
  EXPECT_TRUE(add_growth(*one, 7, 3, 1));
  EXPECT_TRUE(merge(*profile, *one));
  EXPECT_EQ(growth_of(*profile, 7, 3).steps, UINT64_MAX);
  EXPECT_TRUE(add_growth(*profile, 7, 3, 2));
  EXPECT_EQ(growth_of(*profile, 7, 3).steps, UINT64_MAX);
}

TEST(Profile, AnEmptyOneIsRead) {
  const Bytes bytes = encoded(*std::make_unique<Profile>());
  EXPECT_LT(bytes.size(), 64u);
  EXPECT_EQ(refusal(bytes), nullptr);
}

TEST(Profile, EveryDamagedByteIsFound) {
  Bytes bytes = encoded(*some_profile(2));
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    for (const unsigned change : {1u, 0x80u, 0xffu}) {
      bytes[i] ^= static_cast<std::byte>(change);
      EXPECT_NE(refusal(bytes), nullptr) << "byte " << i;
      bytes[i] ^= static_cast<std::byte>(change);
    }
  }
  EXPECT_EQ(refusal(bytes), nullptr);
}

TEST(Profile, EveryCutIsFound) {
  const Bytes bytes = encoded(*some_profile(3));
  for (std::size_t length = 0; length < bytes.size(); ++length) {
    EXPECT_NE(refusal(Bytes(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(length))),
              nullptr)
        << length;
  }
  Bytes longer = bytes;
  longer.push_back({});
  EXPECT_NE(refusal(longer), nullptr);
}

TEST(Profile, ANewerVersionIsNamed) {
  Bytes bytes = encoded(*some_profile(4));
  ProfileHeader header;
  std::memcpy(&header, bytes.data(), sizeof header);
  header.version = kProfileVersion + 1;
  seal(bytes, header);
  ASSERT_NE(refusal(bytes), nullptr);
  EXPECT_NE(std::strstr(refusal(bytes), "newer"), nullptr) << refusal(bytes);
}

TEST(Profile, VersionZeroIsRefused) {
  Bytes bytes = encoded(*some_profile(4));
  ProfileHeader header;
  std::memcpy(&header, bytes.data(), sizeof header);
  header.version = 0;
  seal(bytes, header);
  ASSERT_NE(refusal(bytes), nullptr);
  EXPECT_NE(std::strstr(refusal(bytes), "version 0"), nullptr) << refusal(bytes);
}

TEST(Profile, SealedNonsenseIsRefused) {
  const Bytes bytes = encoded(*some_profile(5));
  ProfileHeader header;
  std::memcpy(&header, bytes.data(), sizeof header);
  const auto empty = std::make_unique<const Profile>();
  const auto into = std::make_unique<Profile>();
  std::mt19937 random(1);
  for (unsigned round = 0; round < 1000; ++round) {
    Bytes changed = bytes;
    for (std::size_t i = 0; i < 8; ++i) {
      const std::size_t at = sizeof header + random() % (bytes.size() - sizeof header);
      changed[at] = static_cast<std::byte>(random());
    }
    seal(changed, header);
    *into = *empty;
    if (decode_profile(changed.data(), changed.size(), *into) == nullptr) continue;
    ASSERT_EQ(std::memcmp(into.get(), empty.get(), sizeof *into), 0) << "what is refused leaves nothing behind";
  }
}

TEST(Profile, MergingIsCommutativeAndAssociative) {
  const Bytes all = encoded(*merged({1, 2, 3}));
  EXPECT_EQ(encoded(*merged({3, 1, 2})), all);
  EXPECT_EQ(encoded(*merged({2, 3, 1})), all);
  const ProfilePointer last_two = merged({2, 3});
  const ProfilePointer nested = some_profile(1);
  EXPECT_TRUE(merge(*nested, *last_two));
  EXPECT_EQ(encoded(*nested), all);
  EXPECT_NE(encoded(*merged({1, 2})), all);
}

TEST(Profile, SitesDoNotDependOnTheNameWhereThereIsABuildId) {
  ProfileModule one = module_named(1);
  ProfileModule other = one;
  std::strcpy(other.name, "renamed.so");
  EXPECT_EQ(site_of(one, 16), site_of(other, 16));
  EXPECT_NE(site_of(one, 16), site_of(one, 17));
  other.build_id[0] ^= 1;
  EXPECT_NE(site_of(one, 16), site_of(other, 16));
}

TEST(Evidence, BinsFollowOneAnother) {
  for (unsigned bin = 1; bin < kBins; ++bin) {
    EXPECT_EQ(bin_of(bin_from_us(bin)), bin);
    EXPECT_EQ(bin_of(bin_from_us(bin) - 1), bin - 1);
  }
  EXPECT_EQ(bin_of(~std::uint64_t{0} >> 1), kBins - 1);
}

TEST(Evidence, IsBilledAsItsBlocksWere) {
  const BlockCosts costs = costs_of(CostModel{}, 0.125, kMiB);
  Evidence evidence;
  Bills wanted{};
  for (const double idle_s : {0.02, 5.0, 40.0}) {
    add(evidence.reused, idle_s);
    add(evidence.left, idle_s);
    for (const bool reused : {true, false}) {
      Bills one;
      arm_bills(costs, idle_s, reused, one);
      for (std::size_t i = 0; i < kArms; ++i) wanted[i] += one[i];
    }
  }
  Bills billed;
  evidence_bills(costs, evidence, billed);
  for (std::size_t i = 0; i < kArms; ++i)
    EXPECT_NEAR(billed[i], wanted[i], 1e-5f * wanted[i]) << kArm[i].name;
}

TEST(Evidence, IsUnwatchedWhereMostOfItsTimeWas) {
  Evidence evidence;
  add_reuse(evidence, 10, {});
  add_reuse(evidence, 10, {1, 5.9});
  add_reuse(evidence, 10, {2, kNever});
  EXPECT_EQ(evidence.unwatched[bin_of(10'000'000)], IdleSum{});
  add_reuse(evidence, 10, {1, 6.1});
  add_reuse(evidence, 10, {0.5, kNever});
  EXPECT_EQ(evidence.unwatched[bin_of(10'000'000)], (IdleSum{2, 20'000'000}));
  EXPECT_EQ(evidence.reused[bin_of(10'000'000)], (IdleSum{3, 30'000'000}));
  EXPECT_EQ(blocks_of(evidence), 5u);
}

TEST(Evidence, WhatWasUnwatchedWasHeldUntilItWasUsed) {
  const BlockCosts costs = costs_of(CostModel{}, 0.125, kMiB);
  Evidence evidence;
  for (unsigned i = 0; i < 3; ++i) add_reuse(evidence, 20, {0, kNever});
  Bills billed;
  evidence_bills(costs, evidence, billed);
  for (std::size_t i = 0; i < kArms; ++i) {
    const double wanted = 3 * arm_cost(costs, 20, true, kArm[i], {0, 20});
    EXPECT_NEAR(billed[i], wanted, 1e-5 * wanted) << kArm[i].name;
  }
  EXPECT_LT(billed[0], billed[index_of(kKeep)]);
  for (std::size_t i = 1; i < kArms; ++i) EXPECT_LT(billed[0], billed[i]) << kArm[i].name;
}

// The second run's first arms are as good as the first run's last ones: within what no arm in force
// makes way for.
TEST(Learner, StartsWhereTheRunBeforeEnded) {
  const auto profile = std::make_unique<Profile>();
  const auto first = std::make_unique<Learner>(CostModel{}, 0.125, SelectorChoice{});
  first->record_in(profile.get());
  constexpr unsigned kClass = 16;
  const auto blocks = [](Learner& learner, auto&& each) {
    each(learner.context_of(kClass, 0, 7), Site{7}, 60.0);
    each(learner.context_of(kClass, 40, 7), Site{7}, 1.5);
    each(learner.context_of(kClass + 8, 0, 1), Site{1}, 1.5);
    each(learner.context_of(kClass + 8, 0, 2), Site{2}, 90.0);
  };
  for (unsigned second = 1; second < 100; ++second) {
    blocks(*first, [&](ContextId context, Site site, double idle_s) {
      first->observe(context, kMiB, idle_s);
      first->observe_site(first->context(context).size_class, site, idle_s);
    });
    first->decide(second);
  }
  for (const char* name : {"hindsight", "ucb1", "elo"}) {
    SelectorChoice choice;
    ASSERT_TRUE(parse_selector(name, choice));
    const auto second = std::make_unique<Learner>(CostModel{}, 0.125, choice);
    second->start_from(*profile);
    EXPECT_TRUE(second->is_split(kClass + 8));
    std::vector<ArmId> last;
    std::vector<ArmId> now;
    blocks(*first,
           [&](ContextId context, Site, double) { last.push_back(first->arm_of(context)); });
    blocks(*second,
           [&](ContextId context, Site, double) { now.push_back(second->arm_of(context)); });
    const BlockCosts costs = costs_of(CostModel{}, 0.125, kMiB);
    const double idle_s[] = {60.0, 1.5, 1.5, 90.0};
    for (std::size_t i = 0; i < std::size(idle_s); ++i) {
      const double paid = arm_cost(costs, idle_s[i], true, arm_of(last[i]));
      EXPECT_NEAR(arm_cost(costs, idle_s[i], true, arm_of(now[i])), paid, 0.05 * paid) << name << i;
    }
    EXPECT_NE(now[0], now[1]);
    EXPECT_NE(now[2], now[3]);
  }
}

TEST(Learner, LeavesWhatItRemembersWhenTheProgramHasChanged) {
  const auto profile = std::make_unique<Profile>();
  for (unsigned i = 0; i < 100'000; ++i) add(profile->of({16, 0, 0}).reused, 60);
  const auto learner = std::make_unique<Learner>(CostModel{}, 0.125, SelectorChoice{});
  learner->start_from(*profile);
  const ContextId context = learner->context_of(16, 0, 0);
  EXPECT_LE(arm_of(learner->arm_of(context)).gone_at, 0.01f);
  for (unsigned second = 1; second < 60; ++second) {
    learner->observe(context, kMiB, 1.5);
    learner->decide(second);
  }
  EXPECT_GE(arm_of(learner->arm_of(context)).gone_at, 2.0f);
}

}  // namespace
}  // namespace hakmem::learn
