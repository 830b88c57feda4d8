// Costs: what it costs to give pages back and to take them again, on this machine, in seconds.
//
//   block freed --- idle, resident ---> released (FREE: lazily, DONTNEED: at once) ---> touched
//   again
//                   price x GiB-s       call + pages                                   faults
//
// A CostModel holds the constants; BlockCosts is the model worked out for blocks of one length at
// one price, so that scoring an observation is a few additions for each arm (arms.hpp).
//
// The defaults were measured on a 2-processor KVM guest, Linux 6.18, x86-64, without huge pages;
// they move 3 to 10 times with the load of the host, so whoever can measure should.
//
// Above: arms, selectors, learner, the simulator. Below: base. Any thread.
#pragma once

#include <cstddef>

#include "base/units.hpp"

namespace hakmem::learn {

struct CostModel {
  // Seconds a call, whatever it covers.
  double madvise_call_s = 0.5e-6;
  double remap_call_s = 2.8e-6;  // munmap and the mmap that follows it

  // Seconds a page of 4 KiB.
  double fault_s = 1.75e-6;             // first touch of a page that the kernel has
  double populate_s = 0.9e-6;           // the same where it is one of many that one call makes resident
  double dontneed_s = 0.25e-6;          // MADV_DONTNEED
  double free_s = 0.06e-6;              // MADV_FREE
  double touch_after_free_s = 0.27e-6;  // first write after MADV_FREE, the page still there
  double unmap_s = 0.3e-6;              // munmap
  double copy_s = 0.3e-6;               // memcpy between pages that are there, of blocks longer than caches; not measured again

  // Seconds a huge page of 2 MiB; used for blocks of at least huge_from bytes, 0: for none.
  double huge_fault_s = 130e-6;
  double huge_dontneed_s = 10e-6;
  double huge_free_s = 1e-6;
  double huge_touch_after_free_s = 2e-6;
  std::size_t huge_from = 0;

  // What a lazily freed byte costs of a resident one. It counts as resident until the kernel takes
  // it, which it does only when it is short of memory; hence 1.
  double lazy_share = 1.0;
};

// One block's constants: seconds, and seconds of bill for each second held.
struct BlockCosts {
  double dontneed_s;          // giving all of it back
  double free_s;              // offering all of it
  double fault_s;             // touching all of it after DONTNEED
  double touch_after_free_s;  // touching all of it after FREE
  double unmap_s;             // munmap and mmap instead of DONTNEED
  double hold_rate;           // price x GiB
  double lazy_rate;           // the same while lazily freed

  double cycle_s() const { return dontneed_s + fault_s; }

  // The idle time at which holding has cost as much as releasing and faulting in again.
  double break_even_s() const { return hold_rate > 0 ? cycle_s() / hold_rate : kForever; }

  static constexpr double kForever = 1e18;
};

// `price`: seconds of CPU that one GiB held for one second may cost.
BlockCosts costs_of(const CostModel& model, double price, std::size_t bytes);

}  // namespace hakmem::learn
