/* What the tiny programs share: free a pointer that the compiler knows nothing about, and say that
 * all went on.
 *
 * Each program commits one misuse, twice, so that a report that comes once can be told from one
 * that comes each time, and then uses the allocator as if nothing had happened.
 */
#pragma once

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static inline void free_of(void* pointer) {
  void* volatile hidden = pointer;
  free(hidden);
}

static inline int went_on(void) {
  for (size_t size = 1; size < 1000000; size *= 2) {
    void* const block = malloc(size);
    if (block == NULL) return 1;
    memset(block, 1, size);
    free(block);
  }
  puts("went on");
  return 0;
}
