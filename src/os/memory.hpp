// Memory: what the allocator asks of the kernel's virtual memory, behind one table of functions.
//
// The table is what tests replace (os/memory_fake.cpp) to see another page size, a refused
// mapping or every madvise. All of it is slow path, so one indirect call costs nothing that counts.
//
// Units are bytes; addresses and sizes are multiples of the page size. No function sets errno.
// Above: pages, large. Below: the kernel. Any thread.
#pragma once

#include <cstddef>

namespace hakmem::os {

struct MemoryRange {
  std::byte* start;
  std::size_t bytes;
};

struct MemoryOps {
  std::size_t page_size;

  // New zeroed, readable and writable private memory, `alignment`-aligned (a power of two).
  // With `accounted` false the kernel is asked to reserve no swap for it. nullptr when refused.
  std::byte* (*map)(std::size_t bytes, std::size_t alignment, bool accounted);

  // Returns the address range to the kernel. False: refused, as where a mapping would come apart into more than there may be.
  bool (*unmap)(std::byte* start, std::size_t bytes);

  // Returns the pages to the kernel, keeps the range; the next touch reads zero. False: refused.
  bool (*discard)(std::byte* start, std::size_t bytes);

  // discard() for many ranges, in one call where the kernel has one. Returns how many of them, from the
  // first on, are done: the next one was refused.
  std::size_t (*discard_ranges)(const MemoryRange* ranges, std::size_t count);

  // Lets the kernel take the pages whenever it wants, until they are written again. False when it
  // cannot be done; the content is lost either way.
  bool (*free_lazily)(std::byte* start, std::size_t bytes);

  // Makes every page of the range resident, as writing to each would, in one call. What is resident already stays as
  // it is. False: the kernel cannot (before Linux 5.14), or has no memory for all.
  bool (*populate)(std::byte* start, std::size_t bytes);

  // Asks for, or against, transparent huge pages in the range.
  void (*advise_huge)(std::byte* start, std::size_t bytes, bool wanted);

  // Puts the 2 MiB at `start` on a huge page now, by copying: 0.2 ms and more. False: the kernel cannot (before
  // Linux 6.1, other page sizes), or has none.
  bool (*collapse)(std::byte* start, std::size_t bytes);

  // Moves the pages of [from, from + bytes) to `to`, which is mapped and new; `from` stays mapped and reads zero. Returns how many
  // bytes from the start it has moved, 0 where the kernel cannot: what is behind is as it was.
  std::size_t (*move_pages)(std::byte* from, std::size_t bytes, std::byte* to);

  // Keeps the range out of core dumps.
  void (*skip_in_dumps)(std::byte* start, std::size_t bytes);

  // Address space that reads zero and cannot be written, aligned to a page: it counts against no
  // limit but RLIMIT_AS, and mlockall() maps the one page of zeros all over it. nullptr when refused.
  std::byte* (*map_zeros)(std::size_t bytes);

  // What mlockall() has locked counts no more.
  void (*unlock)(std::byte* start, std::size_t bytes);

  // Makes a part of it writable. False when refused.
  bool (*make_writable)(std::byte* start, std::size_t bytes);

  // Asks for pages of this node (the kernel's number) in a range not touched yet. Where it has none, or
  // the kernel does not let us ask, pages come from elsewhere.
  void (*prefer_node)(std::byte* start, std::size_t bytes, unsigned node);
};

// The table in force; set once at boot by use_kernel_memory(), or by a test's fake.
extern MemoryOps memory;

void use_kernel_memory();

enum class HugePages { kNever, kMadvise, kAlways };

// What /sys/kernel/mm/transparent_hugepage/enabled says.
HugePages system_huge_pages();

// Whether a host takes back what this virtual machine has free (free page reporting), so that a huge page may have to be found there.
bool host_takes_free_pages();

// Given what /sys/module/page_reporting/parameters/page_reporting_order says: the least order of pages that is reported.
bool is_reported_order(const char* text);

// Whether anything is mapped at this address. A system call; in a sandbox, without one, true.
bool is_mapped(const void* address);

// Resident pages of [start, start + bytes), at most 4 MiB of it. A system call.
std::size_t resident_pages(const std::byte* start, std::size_t bytes);

// The lower of RLIMIT_AS and RLIMIT_DATA in bytes, or SIZE_MAX when there is none.
std::size_t address_space_limit();

// What the kernel enforces of one resource (RLIMIT_...), in bytes; SIZE_MAX when there is no limit, or in a sandbox.
std::size_t kernel_limit(int resource);

// True when the kernel counts every mapping against a fixed limit (vm.overcommit_memory = 2).
bool strict_overcommit();

// The machine's memory in bytes.
std::size_t physical_bytes();

// What of it is on transparent huge pages, from /proc/self/smaps_rollup; 0 when it cannot be read. The kernel walks
// all mappings for it: milliseconds in a large process.
std::size_t huge_resident_bytes();

// The most that has been resident, in bytes: of this process, or of one that has executed this program, if that was more.
std::size_t peak_resident_bytes();

// Of this process, in bytes, from /proc/self/statm; 0 when it cannot be read.
struct MemoryUse {
  std::size_t mapped;  // address space
  std::size_t resident;
};
MemoryUse memory_use();

}  // namespace hakmem::os
