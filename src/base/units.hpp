// Units: the quantities that cross boundaries, each a type of its own.
//
//   Bytes      plain std::size_t, written `bytes` or `size`
//   Granule    index of a 64 KiB piece of the address space: address / kGranuleBytes
//   Granules   a number of such pieces
//   ClassId    index of a size class (config/size_classes.hpp)
//
// Above: everything. Below: nothing. Any thread.
#pragma once

#include <cstddef>
#include <cstdint>

namespace hakmem {

inline constexpr std::size_t kKiB = 1024;
inline constexpr std::size_t kMiB = 1024 * kKiB;
inline constexpr std::size_t kGiB = 1024 * kMiB;

inline constexpr unsigned kGranuleShift = 16;
inline constexpr std::size_t kGranuleBytes = std::size_t{1} << kGranuleShift;

// What the kernel backs by one entry of the table above pages of 4 KiB, on x86-64 and AArch64.
inline constexpr std::size_t kHugePageBytes = 2 * kMiB;

// What a core moves between caches, on every machine we measure.
inline constexpr std::size_t kCacheLine = 64;

// The alignment every block has (x86-64 and AArch64 psABI: max_align_t).
inline constexpr std::size_t kMinAlign = 16;

// Bits of an address that the kernel hands out unasked: x86-64 gives 47-bit addresses even with
// five-level tables (Documentation/arch/x86/x86_64/5level-paging.rst), AArch64 48.
#if defined(__x86_64__)
inline constexpr unsigned kAddressBits = 47;
#else
inline constexpr unsigned kAddressBits = 48;
#endif

enum class ClassId : std::uint8_t {};
enum class Granule : std::uint64_t {};
enum class Granules : std::uint64_t {};

constexpr std::size_t index_of(ClassId id) { return static_cast<std::size_t>(id); }
constexpr std::uint64_t index_of(Granule g) { return static_cast<std::uint64_t>(g); }
constexpr std::uint64_t count_of(Granules n) { return static_cast<std::uint64_t>(n); }

constexpr Granule operator+(Granule g, Granules n) { return Granule{index_of(g) + count_of(n)}; }
constexpr Granule operator+(Granule g, std::uint64_t n) { return Granule{index_of(g) + n}; }
constexpr Granule operator-(Granule g, std::uint64_t n) { return Granule{index_of(g) - n}; }
constexpr Granules operator+(Granules a, Granules b) { return Granules{count_of(a) + count_of(b)}; }
constexpr Granules operator-(Granules a, Granules b) { return Granules{count_of(a) - count_of(b)}; }
constexpr Granules operator-(Granule a, Granule b) { return Granules{index_of(a) - index_of(b)}; }

constexpr std::size_t bytes_of(Granules n) {
  return static_cast<std::size_t>(count_of(n)) << kGranuleShift;
}

// Rounds up; the caller bounds `bytes` so that it cannot overflow.
constexpr Granules granules_for(std::size_t bytes) {
  return Granules{(bytes + kGranuleBytes - 1) >> kGranuleShift};
}

constexpr Granule granule_at(std::uintptr_t address) { return Granule{address >> kGranuleShift}; }
inline Granule granule_of(const void* p) { return granule_at(reinterpret_cast<std::uintptr_t>(p)); }

inline std::byte* address_of(Granule g) {
  return reinterpret_cast<std::byte*>(static_cast<std::uintptr_t>(index_of(g)) << kGranuleShift);
}

}  // namespace hakmem
