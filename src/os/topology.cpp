#include "os/topology.hpp"

#include <cstring>

#include "os/file.hpp"

namespace hakmem::os {

namespace {

constexpr unsigned kMostListed = 1024;  // the kernel's own bound on nodes (CONFIG_NODES_SHIFT)
constexpr unsigned kMostCacheLevels = 10;
constexpr std::uint16_t kNone = 0xffff;

// What a reading needs besides its result.
struct Reading {
  char path[512];
  std::size_t root_length;
  char text[16384];  // every second of 4,096 processors, written as a list
  CpuSet usable;
  CpuSet listed;
  std::uint16_t node_of[kMostCpus];   // the kernel's number
  std::uint16_t group_of[kMostCpus];  // the first processor that shares the cache
  bool has_memory[kMostListed];
  unsigned end;        // above every usable processor
  unsigned nodes_end;  // above every home node
};
constinit Reading reading{};

class Text {
 public:
  explicit Text(std::size_t at) : at_(at) {}
  Text& operator<<(const char* more) {
    for (; *more != '\0' && at_ + 1 < sizeof reading.path; ++more) reading.path[at_++] = *more;
    reading.path[at_] = '\0';
    return *this;
  }
  Text& operator<<(unsigned number) {
    char digits[12];
    unsigned n = sizeof digits;
    digits[--n] = '\0';
    do digits[--n] = static_cast<char>('0' + number % 10);
    while ((number /= 10) != 0);
    return *this << digits + n;
  }

 private:
  std::size_t at_;
};

Text path() { return Text(reading.root_length); }
bool read_file() { return read_small_file(reading.path, reading.text, sizeof reading.text); }
const char* fault() { return reading.path + reading.root_length; }

const char* skip_number(const char* text, unsigned* value) {
  *value = 0;
  for (; *text >= '0' && *text <= '9'; ++text) {
    if (*value < 1'000'000) *value = *value * 10 + static_cast<unsigned>(*text - '0');
  }
  return text;
}

// "0-3,8,10-11": calls visit(number). False: that is no such list. An empty one is.
template <typename Visit>
bool read_list(Visit visit) {
  const char* text = reading.text;
  while (*text != '\0' && *text != '\n') {
    unsigned first = 0;
    const char* end = skip_number(text, &first);
    unsigned last = first;
    if (end == text) return false;
    if (*end == '-') {
      text = end + 1;
      end = skip_number(text, &last);
      if (end == text || last < first) return false;
    }
    for (unsigned i = first; i <= last && i < kMostCpus; ++i) visit(i);
    if (*end == ',')
      ++end;
    else if (*end != '\0' && *end != '\n')
      return false;
    text = end;
  }
  return true;
}

bool read_online(const CpuSet* allowed) {
  path() << "/devices/system/cpu/online";
  reading.usable = CpuSet{};
  if (allowed != nullptr) {  // the kernel names none that is offline; sysfs may be hidden, or a container's
    reading.usable = *allowed;
  } else if (!read_file() || !read_list([](unsigned cpu) { reading.usable.add(cpu); })) {
    return false;
  }
  reading.end = 0;
  for (unsigned cpu = 0; cpu < kMostCpus; ++cpu) {
    if (reading.usable.has(cpu)) reading.end = cpu + 1;
  }
  return reading.end != 0;
}

bool read_nodes_with_memory() {
  path() << "/devices/system/node/has_memory";
  const bool known = read_file();
  for (bool& has : reading.has_memory) has = !known;
  return !known || read_list([](unsigned node) {
    if (node < kMostListed) reading.has_memory[node] = true;
  });
}

// The nearest node with memory, by the kernel's distances, which are in the order of online nodes.
bool read_home(unsigned node, const std::uint16_t* online, unsigned count, unsigned* home) {
  *home = node;
  if (reading.has_memory[node]) return true;
  path() << "/devices/system/node/node" << node << "/distance";
  if (!read_file()) return false;
  unsigned least = ~0U;
  const char* text = reading.text;
  for (unsigned i = 0; i < count; ++i) {
    unsigned distance = 0;
    while (*text == ' ') ++text;
    const char* end = skip_number(text, &distance);
    if (end == text) return false;
    if (reading.has_memory[online[i]] && distance < least) {
      least = distance;
      *home = online[i];
    }
    text = end;
  }
  return least != ~0U;
}

bool read_nodes() {
  for (std::uint16_t& node : reading.node_of) node = 0;
  reading.nodes_end = 1;
  static constinit std::uint16_t online[kMostListed];
  unsigned count = 0;
  if (!read_nodes_with_memory()) return false;
  path() << "/devices/system/node/online";
  if (!read_file()) return true;  // a kernel without nodes
  const auto note = [&count](unsigned node) {
    if (count < kMostListed && node < kMostListed)
      online[count++] = static_cast<std::uint16_t>(node);
  };
  if (!read_list(note)) return false;
  for (unsigned i = 0; i < count; ++i) {
    unsigned home = 0;
    reading.listed = CpuSet{};
    path() << "/devices/system/node/node" << online[i] << "/cpulist";
    if (!read_file() || !read_list([](unsigned cpu) { reading.listed.add(cpu); })) return false;
    reading.listed.keep_only(reading.usable);
    if (reading.listed.count() == 0) continue;  // memory alone: nobody is next to it
    if (!read_home(online[i], online, count, &home)) return false;
    if (home >= reading.nodes_end) reading.nodes_end = home + 1;
    for (unsigned cpu = 0; cpu < reading.end; ++cpu) {
      if (reading.listed.has(cpu)) reading.node_of[cpu] = static_cast<std::uint16_t>(home);
    }
  }
  return true;
}

// Reads who shares the processor's last cache into `listed`. Without caches: all.
bool read_sharers(unsigned cpu) {
  unsigned last_index = kMostCacheLevels;
  unsigned last_level = 0;
  for (unsigned index = 0; index < kMostCacheLevels; ++index) {
    path() << "/devices/system/cpu/cpu" << cpu << "/cache/index" << index << "/level";
    if (!read_file()) break;
    unsigned level = 0;
    if (skip_number(reading.text, &level) == reading.text) return false;
    if (level <= last_level) continue;
    last_level = level;
    last_index = index;
  }
  reading.listed = reading.usable;
  if (last_index == kMostCacheLevels) return true;
  path() << "/devices/system/cpu/cpu" << cpu << "/cache/index" << last_index << "/shared_cpu_list";
  reading.listed = CpuSet{};
  return read_file() && read_list([](unsigned other) { reading.listed.add(other); });
}

bool read_groups() {
  for (std::uint16_t& group : reading.group_of) group = kNone;
  for (unsigned cpu = 0; cpu < reading.end; ++cpu) {
    if (!reading.usable.has(cpu) || reading.group_of[cpu] != kNone) continue;
    if (!read_sharers(cpu)) return false;
    reading.listed.add(cpu);
    for (unsigned other = cpu; other < reading.end; ++other) {
      if (reading.listed.has(other)) reading.group_of[other] = static_cast<std::uint16_t>(cpu);
    }
  }
  return true;
}

bool is_together(unsigned a, unsigned b) {
  return reading.usable.has(b) && reading.node_of[a] == reading.node_of[b] &&
         reading.group_of[a] == reading.group_of[b];
}

// How many processors are together with this one; 0 when an earlier one leads them.
unsigned count_led_by(unsigned cpu) {
  unsigned size = 0;
  for (unsigned other = 0; other < reading.end; ++other) {
    if (!is_together(cpu, other)) continue;
    if (other < cpu) return 0;
    ++size;
  }
  return size;
}

// Deals the processors of `node` out to places of at most `most`; returns the number of places
// then.
unsigned deal_node(unsigned node, unsigned most, unsigned places, Topology& into) {
  unsigned in_last = most;  // so that the first group opens a place
  for (unsigned cpu = 0; cpu < reading.end; ++cpu) {
    if (!reading.usable.has(cpu) || reading.node_of[cpu] != node) continue;
    const unsigned size = count_led_by(cpu);
    if (size == 0) continue;
    const bool joins = in_last + size <= most;
    const unsigned pieces = joins ? 1 : (size + most - 1) / most;
    const unsigned first = joins ? places - 1 : places;
    if (first + pieces > kMostPlaces) return kMostPlaces + 1;
    unsigned nth = 0;
    for (unsigned other = cpu; other < reading.end; ++other) {
      if (!is_together(cpu, other)) continue;
      into.place_of_cpu[other] = Place{static_cast<std::uint8_t>(first + nth++ * pieces / size)};
    }
    in_last = pieces > 1 ? most : (joins ? in_last : 0) + size;
    places = first + pieces;
  }
  return places;
}

// False: more places than there may be.
bool deal(unsigned most, Topology& into) {
  into.nodes = 0;
  into.places = 0;
  for (unsigned node = 0; node < reading.nodes_end; ++node) {
    const unsigned before = into.places;
    into.places = deal_node(node, most, before, into);
    if (into.places > kMostPlaces) return false;
    if (into.places == before) continue;
    for (unsigned p = before; p < into.places; ++p)
      into.node_of_place[p] = Node{static_cast<std::uint8_t>(into.nodes)};
    into.first_place_of[into.nodes] = Place{static_cast<std::uint8_t>(before)};
    into.number_of_node[into.nodes++] = static_cast<std::uint16_t>(node);
  }
  return true;
}

unsigned count_nodes() {
  unsigned n = 0;
  for (unsigned node = 0; node < reading.nodes_end; ++node) {
    unsigned cpu = 0;
    while (cpu < reading.end && (!reading.usable.has(cpu) || reading.node_of[cpu] != node)) ++cpu;
    n += unsigned{cpu < reading.end};
  }
  return n;
}

}  // namespace

const char* read_topology(const char* root, const CpuSet* allowed, unsigned quota, Topology& into) {
  reading.root_length = 0;
  const std::size_t length = std::strlen(root);
  Text(0) << root;
  reading.root_length = length < sizeof reading.path ? length : sizeof reading.path - 1;
  if (!read_online(allowed) || !read_nodes() || !read_groups()) return fault();
  const unsigned usable = reading.usable.count();
  if (count_nodes() > kMostNodes) {
    for (std::uint16_t& node : reading.node_of) node = 0;
  }
  into.cpus = quota < usable ? (quota == 0 ? 1 : quota) : usable;
  const unsigned wanted = (into.cpus + kCpusPerPlace - 1) / kCpusPerPlace;
  for (Place& place : into.place_of_cpu) place = Place{0};
  for (unsigned most = (usable + wanted - 1) / wanted; !deal(most, into); most *= 2) {
  }
  into.highest_cpu = reading.end - 1;
  return nullptr;
}

}  // namespace hakmem::os
