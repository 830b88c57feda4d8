// See profile_file.hpp.
#include "learn/profile_file.hpp"

#include <cstring>
#include <new>

#include "base/encoding.hpp"

namespace hakmem::learn {
namespace {

constexpr std::size_t kMostSums = 3 * kBins;
constexpr std::size_t kMostContexts = std::size_t{kLargeClasses} * kDepths * kGroups;
static_assert(kMostContexts * (4 + kMostSums * (2 + 2 * kMaxNumberBytes)) < 5 * kMiB);

// The order in which modules, sites or growths are written: numbers of their entries.
struct Order {
  static constexpr std::size_t kMost = Profile::kMaxGrowths;
  static_assert(kMost >= Profile::kMaxSites && kMost >= Profile::kMaxModules);
  std::uint32_t entry[kMost];
  std::size_t count = 0;

  template <class Before>
  void insert(std::size_t new_entry, const Before& before) {
    std::size_t at = count++;
    for (; at > 0 && before(new_entry, entry[at - 1]); --at) entry[at] = entry[at - 1];
    entry[at] = static_cast<std::uint32_t>(new_entry);
  }
};

int compare(const ProfileModule& a, const ProfileModule& b) {
  const int by_id = std::memcmp(a.build_id, b.build_id, sizeof a.build_id);
  return by_id != 0 ? by_id : std::strcmp(a.name, b.name);
}

Order order_of_modules(const Profile& profile) {
  Order order;
  for (std::size_t i = 0; i < profile.module_count; ++i) {
    order.insert(i, [&](std::size_t a, std::size_t b) {
      return compare(profile.modules[a], profile.modules[b]) < 0;
    });
  }
  return order;
}

// Sites or growths, by where they lie and their class.
template <class Entry>
Order order_of(const Profile& profile, const Entry* entries, std::size_t count) {
  Order order;
  const auto before = [&](std::size_t a, std::size_t b) {
    const Entry& x = entries[a];
    const Entry& y = entries[b];
    const int modules =
        x.module == y.module ? 0 : compare(profile.modules[x.module], profile.modules[y.module]);
    if (modules != 0) return modules < 0;
    return x.offset != y.offset ? x.offset < y.offset : x.size_class < y.size_class;
  };
  for (std::size_t i = 0; i < count; ++i) {
    if (entries[i].module != ProfileSite::kNoModule) order.insert(i, before);
  }
  return order;
}

unsigned sums_used(const IdleSum (&sums)[kBins]) {
  unsigned used = 0;
  for (const IdleSum& sum : sums) used += sum.blocks != 0 ? 1 : 0;
  return used;
}

std::byte* put_sums(std::byte* to, const IdleSum (&sums)[kBins], unsigned first_number) {
  for (unsigned i = 0; i < kBins; ++i) {
    if (sums[i].blocks == 0) continue;
    to = put_number(to, first_number + i);
    to = put_number(to, sums[i].blocks);
    to = put_number(to, sums[i].total_us);
  }
  return to;
}

std::byte* put_context(std::byte* to, std::size_t number, const Evidence& evidence) {
  to = put_number(to, number);
  to = put_number(to, sums_used(evidence.reused) + sums_used(evidence.left) + sums_used(evidence.unwatched));
  to = put_sums(to, evidence.reused, 0);
  to = put_sums(to, evidence.left, kBins);
  return put_sums(to, evidence.unwatched, 2 * kBins);
}

std::byte* put_contexts(std::byte* to, const Profile& profile) {
  const Evidence* evidence = &profile.evidence[0][0][0];
  std::size_t used = 0;
  for (std::size_t i = 0; i < kMostContexts; ++i) used += blocks_of(evidence[i]) != 0 ? 1 : 0;
  to = put_number(to, used);
  for (std::size_t i = 0; i < kMostContexts; ++i) {
    if (blocks_of(evidence[i]) != 0) to = put_context(to, i, evidence[i]);
  }
  return to;
}

std::byte* put_bytes(std::byte* to, const void* bytes, std::size_t count) {
  to = put_number(to, count);
  std::memcpy(to, bytes, count);
  return to + count;
}

// Where sites lie: the number that its module is written as.
struct Modules {
  std::uint32_t written_as[Profile::kMaxModules];
};

std::byte* put_modules(std::byte* to, const Profile& profile, Modules& numbers) {
  const Order modules = order_of_modules(profile);
  to = put_number(to, modules.count);
  for (std::size_t i = 0; i < modules.count; ++i) {
    const ProfileModule& module = profile.modules[modules.entry[i]];
    numbers.written_as[modules.entry[i]] = static_cast<std::uint32_t>(i);
    to = put_bytes(to, module.build_id, module.build_id_bytes);
    to = put_bytes(to, module.name, std::strlen(module.name));
  }
  return to;
}

template <class Entry>
std::byte* put_place(std::byte* to, const Entry& entry, const Modules& numbers) {
  to = put_number(to, numbers.written_as[entry.module]);
  to = put_number(to, entry.offset);
  return put_number(to, entry.size_class);
}

std::byte* put_sites(std::byte* to, const Profile& profile, const Modules& numbers) {
  const Order sites = order_of(profile, profile.sites, profile.site_count);
  to = put_number(to, sites.count);
  for (std::size_t i = 0; i < sites.count; ++i) {
    const ProfileSite& site = profile.sites[sites.entry[i]];
    to = put_place(to, site, numbers);
    to = put_number(to, site.blocks);
    to = put_number(to, site.log2_sum);
  }
  return to;
}

std::byte* put_growths(std::byte* to, const Profile& profile, const Modules& numbers) {
  const Order growths = order_of(profile, profile.growths, profile.growth_count);
  to = put_number(to, growths.count);
  for (std::size_t i = 0; i < growths.count; ++i) {
    const ProfileGrowth& growth = profile.growths[growths.entry[i]];
    to = put_number(put_place(to, growth, numbers), growth.steps);
  }
  return to;
}

std::byte* put_content(std::byte* to, const Profile& profile) {
  Modules numbers;
  to = put_modules(put_contexts(to, profile), profile, numbers);
  return put_growths(put_sites(to, profile, numbers), profile, numbers);
}

bool get_below(Input& input, std::uint64_t limit, std::uint64_t* value) {
  return get_number(input, value) && *value < limit;
}

bool get_sum(Input& input, Evidence& into) {
  std::uint64_t number = 0;
  IdleSum sum;
  if (!get_below(input, kMostSums, &number)) return false;
  if (!get_number(input, &sum.blocks) || !get_number(input, &sum.total_us)) return false;
  IdleSum* const sums[] = {into.reused, into.left, into.unwatched};
  sums[number / kBins][number % kBins] = sum;
  return sum.blocks != 0;
}

bool get_contexts(Input& input, Profile& into) {
  std::uint64_t contexts = 0;
  if (!get_below(input, kMostContexts + 1, &contexts)) return false;
  for (; contexts > 0; --contexts) {
    std::uint64_t number = 0;
    std::uint64_t sums = 0;
    if (!get_below(input, kMostContexts, &number) || !get_below(input, kMostSums + 1, &sums))
      return false;
    for (; sums > 0; --sums) {
      if (!get_sum(input, (&into.evidence[0][0][0])[number])) return false;
    }
  }
  return true;
}

// At most capacity bytes; `count` may be nullptr where '\0' ends them.
bool get_bytes(Input& input, void* to, std::size_t capacity, std::size_t* count) {
  std::uint64_t length = 0;
  if (!get_below(input, capacity + 1, &length) || length > input.left()) return false;
  std::memcpy(to, input.at, length);
  input.at += length;
  if (count != nullptr) *count = length;
  return true;
}

bool get_modules(Input& input, Profile& into) {
  std::uint64_t count = 0;
  if (!get_below(input, Profile::kMaxModules + 1, &count)) return false;
  for (; into.module_count < count; ++into.module_count) {
    ProfileModule& module = into.modules[into.module_count];
    if (!get_bytes(input, module.build_id, sizeof module.build_id, &module.build_id_bytes))
      return false;
    if (!get_bytes(input, module.name, sizeof module.name - 1, nullptr)) return false;
  }
  return true;
}

template <class Entry>
bool get_place(Input& input, const Profile& profile, Entry& into) {
  std::uint64_t module = 0;
  std::uint64_t size_class = 0;
  if (!get_below(input, profile.module_count, &module) || !get_number(input, &into.offset))
    return false;
  if (!get_below(input, kLargeClasses, &size_class)) return false;
  into.module = static_cast<std::uint32_t>(module);
  into.size_class = static_cast<std::uint32_t>(size_class);
  into.site = site_of(profile.modules[module], into.offset);
  return true;
}

bool get_sites(Input& input, Profile& into) {
  std::uint64_t count = 0;
  if (!get_below(input, Profile::kMaxSites + 1, &count)) return false;
  for (; into.site_count < count; ++into.site_count) {
    ProfileSite& site = into.sites[into.site_count];
    if (!get_place(input, into, site)) return false;
    if (!get_number(input, &site.blocks) || !get_number(input, &site.log2_sum)) return false;
    if (site.blocks == 0) return false;
  }
  return true;
}

bool get_growths(Input& input, Profile& into) {
  std::uint64_t count = 0;
  if (!get_below(input, Profile::kMaxGrowths + 1, &count)) return false;
  for (; into.growth_count < count; ++into.growth_count) {
    ProfileGrowth& growth = into.growths[into.growth_count];
    if (!get_place(input, into, growth) || !get_number(input, &growth.steps)) return false;
    if (growth.steps == 0) return false;
  }
  return true;
}

bool get_content(Input& input, std::uint32_t version, Profile& into) {
  if (!get_contexts(input, into) || !get_modules(input, into) || !get_sites(input, into))
    return false;
  return version == 1 || get_growths(input, into);
}

std::uint64_t checksum_of(ProfileHeader header, const std::byte* content, std::size_t length) {
  header.checksum = 0;
  return checksum_more(checksum_more(kChecksumStart, &header, sizeof header), content, length);
}

const char* check_header(const std::byte* bytes, std::size_t count, ProfileHeader& header) {
  if (count < sizeof header) return "it is too short to be a profile";
  std::memcpy(&header, bytes, sizeof header);
  if (std::memcmp(header.magic, kProfileMagic, sizeof kProfileMagic) != 0)
    return "it is no profile of hakmem";
  if (header.version == 0) return "it is of version 0, which there never was";
  if (header.version > kProfileVersion) return "it is of a newer version than this one reads";
  if (header.length != count - sizeof header) return "it is cut off, or longer than it says";
  if (header.checksum != checksum_of(header, bytes + sizeof header, header.length))
    return "its checksum is wrong";
  return nullptr;
}

}  // namespace

std::size_t encode_profile(const Profile& profile, std::byte* to) {
  std::byte* content = to + sizeof(ProfileHeader);
  const std::byte* end = put_content(content, profile);
  ProfileHeader header{};
  std::memcpy(header.magic, kProfileMagic, sizeof header.magic);
  header.version = kProfileVersion;
  header.length = static_cast<std::uint64_t>(end - content);
  header.checksum = checksum_of(header, content, header.length);
  std::memcpy(to, &header, sizeof header);
  return sizeof header + header.length;
}

const char* decode_profile(const std::byte* bytes, std::size_t count, Profile& into) {
  ProfileHeader header;
  if (const char* wrong = check_header(bytes, count, header)) return wrong;
  Input input{bytes + sizeof(ProfileHeader), bytes + count};
  if (get_content(input, header.version, into) && input.left() == 0) return nullptr;
  new (&into) Profile();
  return "its content makes no sense";
}

}  // namespace hakmem::learn
