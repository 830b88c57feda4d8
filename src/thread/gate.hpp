// Gate: what a thread uses by plain loads and stores in its slow paths, and others while it sleeps.
//
//   the thread   enter(): busy, then is it closed?   ... works ...   leave()
//   another      close(), os::process_barrier(), is_busy()?  no: works   reopen()
//
// The whole cost is on the other's side: docs/concurrency.md has the argument. Above: heap. Below:
// nothing. close() and reopen() under one lock, which a fork takes too, so that no gate is closed then.
#pragma once

#include "base/atomics.hpp"
#include "base/check.hpp"

namespace hakmem {

class Gate {
 public:
  // False: somebody is at work.
  bool enter() {
    busy_.store_relaxed(true);
    compiler_barrier();  // the core's part is done by os::process_barrier()
    if (HAK_LIKELY(!closed_.load_acquire())) return true;  // pairs with reopen()
    leave();
    return false;
  }
  void leave() { busy_.store_release(false); }  // pairs with is_busy()

  void close() { closed_.store_relaxed(true); }
  bool is_closed() const { return closed_.load_relaxed(); }
  bool is_busy() const { return busy_.load_acquire(); }   // pairs with leave()
  void reopen() { closed_.store_release(false); }         // pairs with enter()

 private:
  Atomic<bool> busy_;
  Atomic<bool> closed_;
};

}  // namespace hakmem
