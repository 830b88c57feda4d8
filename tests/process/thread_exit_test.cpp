// Allocating and freeing while a thread is being taken down: in pthread keys' and thread_local
// destructors.
//
// The allocator's own clean-up is such a destructor too, so some of these calls come after it: they
// must work, and what they take must not be lost.
#include <dlfcn.h>
#include <gtest/gtest.h>
#include <pthread.h>

#include <atomic>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "support/opaque.hpp"
#include "support/resident.hpp"

namespace {

using support::opaque;

std::atomic<int> destructor_runs{0};

void churn() {
  for (std::size_t size = 1; size < 200'000; size = size * 2 + 7) {
    void* const block = std::malloc(opaque(size));
    std::memset(block, 1, size);
    std::free(std::realloc(block, opaque(size * 2)));
  }
}

// A key whose destructor sets the key again, so that it runs as often as POSIX allows (four times),
// each time freeing a block of the last time and allocating a new one.
pthread_key_t stubborn_key;

void stubborn_destructor(void* block) {
  std::free(block);
  churn();
  if (++destructor_runs % PTHREAD_DESTRUCTOR_ITERATIONS != 0) {
    pthread_setspecific(stubborn_key, std::malloc(opaque(std::size_t{40'000})));
  }
}

TEST(ThreadExit, PthreadKeysThatSetThemselvesAgain) {
  ASSERT_EQ(pthread_key_create(&stubborn_key, stubborn_destructor), 0);
  destructor_runs = 0;
  std::size_t first = 0;
  for (int i = 0; i < 2000; ++i) {
    std::thread([] {
      pthread_setspecific(stubborn_key, std::malloc(opaque(std::size_t{100})));
    }).join();
    if (i == 100) first = support::resident_mib();
  }
  EXPECT_EQ(destructor_runs.load(), 2000 * PTHREAD_DESTRUCTOR_ITERATIONS);
  EXPECT_LE(support::resident_mib(), first + support::slack_mib());
  pthread_key_delete(stubborn_key);
}

// Many keys: some run after the allocator's own. Beyond 32 the C library keeps a thread's values in
// blocks of malloc's, which it frees when all destructors have run.
TEST(ThreadExit, ManyPthreadKeys) {
  std::vector<pthread_key_t> keys(100);
  for (pthread_key_t& key : keys) {
    ASSERT_EQ(pthread_key_create(&key,
                                 [](void* block) {
                                   churn();
                                   std::free(block);
                                 }),
              0);
  }
  std::size_t first = 0;
  for (int i = 0; i < 2000; ++i) {
    std::thread([&] {
      for (const pthread_key_t key : keys)
        pthread_setspecific(key, std::malloc(opaque(std::size_t{3000})));
    }).join();
    if (i == (support::has_several_nodes() ? 1000 : 30)) first = support::resident_mib();
  }
  EXPECT_LE(support::resident_mib(), first + support::slack_mib());
  for (const pthread_key_t key : keys) pthread_key_delete(key);
}

struct Hoard {
  std::vector<std::unique_ptr<std::string>> strings;

  ~Hoard() {
    strings.clear();
    churn();
    ++destructor_runs;
  }
};

thread_local Hoard hoard;
thread_local Hoard second_hoard;

TEST(ThreadExit, ThreadLocalDestructors) {
  destructor_runs = 0;
  std::size_t first = 0;
  for (int i = 0; i < 2000; ++i) {
    std::thread([] {
      for (std::size_t length = 0; length < 300; ++length) {
        hoard.strings.push_back(std::make_unique<std::string>(length * 5, 'x'));
        second_hoard.strings.push_back(std::make_unique<std::string>(length, 'y'));
      }
    }).join();
    if (i == 100) first = support::resident_mib();
  }
  EXPECT_EQ(destructor_runs.load(), 4000);
  EXPECT_LE(support::resident_mib(), first + support::slack_mib());
}

// The thread's first allocation of all happens while it ends.
pthread_key_t late_key;

TEST(ThreadExit, FirstAllocationInADestructor) {
  ASSERT_EQ(pthread_key_create(&late_key, [](void*) { churn(); }), 0);
  std::size_t first = 0;
  for (int i = 0; i < 2000; ++i) {
    pthread_t thread;
    ASSERT_EQ(pthread_create(
                  &thread, nullptr,
                  [](void*) -> void* {
                    pthread_setspecific(late_key, &late_key);
                    return nullptr;
                  },
                  nullptr),
              0);
    pthread_join(thread, nullptr);
    if (i == 100) first = support::resident_mib();
  }
  EXPECT_LE(support::resident_mib(), first + 4);
  pthread_key_delete(late_key);
}

// Per-thread buffers of the C library's own: it frees them when all destructors have run.
TEST(ThreadExit, BuffersOfTheCLibrary) {
  std::size_t first = 0;
  for (int i = 0; i < 2000; ++i) {
    std::thread([] {
      EXPECT_EQ(dlopen("/no/such/library.so", RTLD_NOW), nullptr);
      EXPECT_NE(strerror(opaque(12345)), nullptr);
    }).join();
    if (i == 100) first = support::resident_mib();
  }
  EXPECT_LE(support::resident_mib(), first + 4);
}

// Blocks that one ending thread leaves to another ending thread.
TEST(ThreadExit, BlocksHandedOnFromDestructorToDestructor) {
  static std::vector<void*> handed_on;
  pthread_key_t key;
  ASSERT_EQ(pthread_key_create(&key,
                               [](void*) {
                                 for (void* block : handed_on) std::free(block);
                                 for (void*& block : handed_on)
                                   block = std::malloc(opaque(std::size_t{500}));
                               }),
            0);
  handed_on.assign(200, nullptr);
  for (int i = 0; i < 1000; ++i) {
    std::thread([&] { pthread_setspecific(key, &handed_on); }).join();
  }
  for (void* block : handed_on) std::free(block);
  handed_on = std::vector<void*>();
  pthread_key_delete(key);
  EXPECT_LT(support::resident_mib(), 100u);
}

}  // namespace
