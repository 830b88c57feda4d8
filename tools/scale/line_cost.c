/* What does a cache line cost that moves between processors 0 and 1? Two threads, one on each, count one variable up in
 * turn; each turn moves its line once. Prints nanoseconds a turn, the least of nine tries. For tools/scale_model. */
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <time.h>

enum { kTurns = 200000, kTries = 9 };

static _Alignas(128) atomic_uint turn;

static void* take_turns(void* parity) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET((size_t)parity, &set);
  if (pthread_setaffinity_np(pthread_self(), sizeof set, &set) != 0) return parity;
  for (unsigned i = (unsigned)(size_t)parity; i < kTurns; i += 2) {
    /* acquire meets the other thread's release below */
    while (atomic_load_explicit(&turn, memory_order_acquire) != i) {}
    atomic_store_explicit(&turn, i + 1, memory_order_release);
  }
  return NULL;
}

static double one_try(void) {
  pthread_t threads[2];
  struct timespec start, end;
  atomic_store(&turn, 0);
  clock_gettime(CLOCK_MONOTONIC, &start);
  for (size_t i = 0; i < 2; ++i) {
    if (pthread_create(&threads[i], NULL, take_turns, (void*)i) != 0) return -1;
  }
  void* failed[2];
  for (size_t i = 0; i < 2; ++i) pthread_join(threads[i], &failed[i]);
  clock_gettime(CLOCK_MONOTONIC, &end);
  if (failed[0] != NULL || failed[1] != NULL) return -1;
  return ((double)(end.tv_sec - start.tv_sec) * 1e9 + (double)(end.tv_nsec - start.tv_nsec)) / kTurns;
}

int main(void) {
  double least = 1e9;
  for (int i = 0; i < kTries; ++i) {
    const double ns = one_try();
    if (ns < 0) return 1;
    if (ns < least) least = ns;
  }
  printf("%.1f\n", least);
  return 0;
}
