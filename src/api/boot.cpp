// Boot: the only file that wires everything together.
//
// The first slow path of the process calls boot(): before any constructor, often from the dynamic
// linker. Nothing here may allocate before `ready` is set; what comes after may.
#include "base/lock.hpp"
#include "api/fork.hpp"
#include "api/limit.hpp"
#include "api/profile.hpp"
#include "api/snapshot.hpp"
#include "config/options.hpp"
#include "large/learning.hpp"
#include "os/cpu.hpp"
#include "os/file.hpp"
#include "os/memory.hpp"
#include "os/place.hpp"
#include "pages/page_map.hpp"
#include "pages/run_store.hpp"
#include "thread/background.hpp"
#include "thread/boot_hook.hpp"
#include "thread/huge_choice.hpp"
#include "thread/known_costs.hpp"
#include "thread/large_hooks.hpp"
#include "thread/registry.hpp"
#include "thread/tuner.hpp"

namespace hakmem {

namespace {

constinit Atomic<bool> ready{false};
constinit Lock lock{LockRank::kHeap};

void say_settings() {
  const char* thp[] = {"auto", "always", "never"};
  const char* modes[] = {"static", "adaptive", "hybrid"};
  const char* learns[] = {"off", "shadow", "on", "frozen"};
  os::write_stderr("hakmem: mode ", modes[static_cast<int>(settings.mode)], ", learning ",
                   learns[static_cast<int>(settings.learn)], ", ");
  os::write_stderr("huge pages ", thp[static_cast<int>(settings.huge_pages)], ", page map ",
                   page_map.is_flat() ? "flat" : "compact", "\n");
}

void boot_learning() {
  learn::SelectorChoice choice;
  if (!learn::parse_selector(settings.selector, choice)) report_bad_value("HAKMEM_SELECTOR", settings.selector);
  if (settings.mode == Mode::kStatic) settings.learn = Learn::kOff;
  learning.boot(choice);
  load_profile();
}

void boot_once() {
  if (os::memory.map == nullptr) os::use_kernel_memory();
  if (!os::environment_is_untrusted()) read_options(os::environment_all(), settings);
  page_map.boot(os::address_space_limit() == SIZE_MAX && !os::strict_overcommit());
  boot_limits();
  boot_registry();
  run_store.set_lender(lend_idle_large);
  boot_learning();
  const bool learning_acts = settings.learn == Learn::kOn || settings.learn == Learn::kFrozen;
  boot_known_costs(learning_acts);
  const bool may_ask = settings.huge_pages == HugePagePolicy::kAuto && system_has_huge_pages();
  if (learning_acts) boot_huge_choice(settings.price, may_ask && os::host_takes_free_pages());
  boot_tuner(settings.mode == Mode::kAdaptive && settings.learn == Learn::kOn, os::places.cpus());
}

// The parts of start-up that may allocate.
void boot_late() {
  watch_forks();
  start_snapshots();
  if (settings.verbose) say_settings();
}

}  // namespace

void boot() {
  if (ready.load_acquire()) return;  // pairs with the store below
  {
    const LockGuard guard(lock);
    if (ready.load_relaxed()) return;
    boot_once();
    ready.store_release(true);
  }
  boot_late();
}

namespace {

// Even a program that never allocates keeps what its environment asked for.
[[gnu::constructor]] void boot_at_load() {
  boot();
  const bool wanted = settings.background == Background::kAuto && limit_wants_background();
  if (settings.background == Background::kOn || wanted) start_background();
}

}  // namespace

}  // namespace hakmem
