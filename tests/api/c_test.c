/* The C interface from plain C11: compiled by the C compiler, linked without a C++ runtime.
 *
 * Prints the first thing that is wrong and exits with 1.
 */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hakmem/hakmem.h"
#include "hakmem/stats.h"

#define CHECK(condition)                                                    \
  do {                                                                      \
    if (!(condition)) {                                                     \
      fprintf(stderr, "line %d: %s does not hold\n", __LINE__, #condition); \
      exit(1);                                                              \
    }                                                                       \
  } while (0)

static void check_version(void) {
  char expected[32];
  snprintf(expected, sizeof expected, "%d.%d.%d", HAKMEM_VERSION_MAJOR, HAKMEM_VERSION_MINOR,
           HAKMEM_VERSION_PATCH);
  CHECK(strcmp(hak_version(), expected) == 0);
}

static void check_family(void) {
  for (size_t size = 0; size < 3000000; size = size * 3 / 2 + 1) {
    unsigned char* block = hak_malloc(size);
    CHECK(block != NULL && (uintptr_t)block % 16 == 0);
    CHECK(hak_usable_size(block) >= size);
    memset(block, 0x5A, hak_usable_size(block));
    block = hak_realloc(block, 2 * size + 1);
    CHECK(block != NULL && (size == 0 || (block[0] == 0x5A && block[size - 1] == 0x5A)));
    errno = EXDEV;
    hak_free(block);
    CHECK(errno == EXDEV);
    block = hak_calloc(size, 1);
    for (size_t i = 0; i < size; ++i) CHECK(block[i] == 0);
    hak_free(block);
  }
  hak_free(NULL);
  CHECK(hak_usable_size(NULL) == 0);
}

static void check_aligned(void) {
  for (size_t alignment = 1; alignment <= 4u << 20; alignment *= 2) {
    void* const block = hak_aligned_alloc(alignment, 100);
    CHECK(block != NULL && (uintptr_t)block % alignment == 0);
    hak_free(block);
  }
  errno = 0;
  CHECK(hak_aligned_alloc(24, 100) == NULL && errno == EINVAL);
  errno = 0;
  CHECK(hak_aligned_alloc(0, 100) == NULL && errno == EINVAL);
}

static void check_absurd_sizes(void) {
  const size_t absurd[] = {(size_t)1 << 50, PTRDIFF_MAX, SIZE_MAX - 4096, SIZE_MAX};
  for (size_t i = 0; i < sizeof absurd / sizeof absurd[0]; ++i) {
    errno = 0;
    CHECK(hak_malloc(absurd[i]) == NULL && errno == ENOMEM);
    errno = 0;
    CHECK(hak_calloc(absurd[i], 3) == NULL && errno == ENOMEM);
    errno = 0;
    CHECK(hak_realloc(NULL, absurd[i]) == NULL && errno == ENOMEM);
    errno = 0;
    CHECK(hak_aligned_alloc(4096, absurd[i]) == NULL && errno == ENOMEM);
  }
}

static void check_stats(void) {
  struct hak_stats before;
  struct hak_stats with_block;
  CHECK(hak_stats_get(&before, sizeof before) == 0);
  CHECK(before.magic == HAK_STATS_MAGIC && before.version == HAK_STATS_VERSION);
  CHECK(before.size == sizeof before && before.class_count <= HAK_STATS_MAX_CLASSES);
  void* const large = hak_malloc(10u << 20);
  void* const huge = hak_malloc(100u << 20);
  CHECK(hak_stats_get(&with_block, sizeof with_block) == 0);
  CHECK(with_block.large_blocks == before.large_blocks + 1);
  CHECK(with_block.large_bytes >= before.large_bytes + (10u << 20));
  CHECK(with_block.huge_blocks == before.huge_blocks + 1);
  CHECK(with_block.huge_bytes >= before.huge_bytes + (100u << 20));
  hak_free(large);
  hak_free(huge);
  errno = 0;
  CHECK(hak_stats_get(NULL, sizeof before) == -1 && errno == EINVAL);
  errno = 0;
  CHECK(hak_stats_get(&before, 1) == -1 && errno == EINVAL);
}

/* A caller built against an older, shorter record must not be written past its end. */
static void check_short_stats(void) {
  unsigned char record[sizeof(struct hak_stats)];
  memset(record, 0xEE, sizeof record);
  const size_t shorter = offsetof(struct hak_stats, large_bytes);
  CHECK(hak_stats_get((struct hak_stats*)(void*)record, shorter) == 0);
  for (size_t i = shorter; i < sizeof record; ++i) CHECK(record[i] == 0xEE);
}

/* Every byte in runs is in use, idle, free or the tail of a slab; huge blocks are apart. */
static void check_sums(void) {
  void* const idle_large = hak_malloc(10u << 20);
  void* const idle_huge = hak_malloc(100u << 20);
  struct hak_stats in_use;
  CHECK(hak_stats_get(&in_use, sizeof in_use) == 0);
  hak_free(idle_large);
  hak_free(idle_huge);
  struct hak_stats s;
  CHECK(hak_stats_get(&s, sizeof s) == 0);
  CHECK(s.idle_run_bytes + s.idle_run_lazy_bytes >= 10u << 20);
  CHECK(s.idle_huge_bytes + s.idle_huge_lazy_bytes >= 100u << 20);
  CHECK(s.huge_bytes + (100u << 20) <= in_use.huge_bytes);
  const uint64_t sum = s.small_in_use + s.small_free + s.cached_bytes + s.depot_bytes + s.large_bytes +
                       s.idle_run_bytes + s.idle_run_lazy_bytes + s.free_run_bytes;
  uint64_t slabs = 0;
  for (uint32_t c = 0; c < s.class_count; ++c) slabs += s.classes[c].slabs;
  CHECK(sum <= s.mapped_bytes);
  CHECK(s.mapped_bytes - sum <= slabs * 32768); /* a tail is shorter than a block */
}

/* An idle block that is used again is told of, with the arm that kept it. */
static void check_learning(void) {
  const size_t bytes = 24u << 20;
  struct hak_stats before;
  struct hak_stats after;
  hak_free(hak_malloc(bytes));
  CHECK(hak_stats_get(&before, sizeof before) == 0);
  void* const again = hak_malloc(bytes);
  void* const another = hak_malloc(bytes);
  hak_free(again); /* one of them may wait in the thread's hand, which no context counts */
  hak_free(another);
  CHECK(hak_stats_get(&after, sizeof after) == 0);
  CHECK(after.reuses == before.reuses + 1);
  CHECK(strcmp(after.mode, "hybrid") == 0 && strcmp(after.learn, "on") == 0);
  CHECK(strcmp(after.selector, "hindsight") == 0);
  CHECK(after.price > 0 && after.costs.fault_s > 0);
  CHECK(after.context_count >= 1 && after.context_count <= after.contexts_seen);
  const struct hak_stats_context* found = NULL;
  for (uint32_t i = 0; i < after.context_count; ++i) {
    if (after.contexts[i].block_bytes == bytes && after.contexts[i].first_depth == 0) found = &after.contexts[i];
  }
  CHECK(found != NULL && found->reuses >= 1 && found->idle_blocks >= 1);
  CHECK(found->idle_bytes + found->lazy_bytes >= bytes && found->arm[0] != '\0');
}

static void check_explain(void) {
  static char text[1 << 16];
  const size_t length = hak_explain(text, sizeof text);
  CHECK(length > 0 && length < sizeof text && strlen(text) == length);
  CHECK(strstr(text, "held beyond that: ") != NULL && strstr(text, "selector hindsight") != NULL);
  char start[10] = "#########";
  CHECK(hak_explain(start, 5) >= 5 && strcmp(start, "hakm") == 0 && start[5] == '#');
  CHECK(hak_explain(NULL, 0) > 0);
}

int main(void) {
  check_version();
  check_family();
  check_aligned();
  check_absurd_sizes();
  check_stats();
  check_short_stats();
  check_sums();
  check_learning();
  check_explain();
  hak_trim();
  return 0;
}
