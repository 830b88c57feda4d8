/* Holds a reserve that it frees when hakmem says that the hard limit is reached; exit code 0: all well.
 * To be run under HAKMEM_HARD_LIMIT=128M. */
#include <errno.h>
#include <stdlib.h>

#include "hakmem/hakmem.h"

/* Volatile: the C library declares that malloc calls nothing of ours. */
static void* volatile reserve;
static volatile int calls;

static void free_reserve(size_t bytes) {
  (void)bytes;
  calls = calls + 1;
  free(reserve);
  reserve = NULL;
  if (malloc((size_t)1 << 30) != NULL) _Exit(10); /* refused, and not asked again */
}

int main(void) {
  reserve = malloc((size_t)60 << 20);
  if (reserve == NULL || hak_on_limit(free_reserve) != NULL) return 1;
  void* first = malloc((size_t)50 << 20);
  if (first == NULL || calls != 0) return 2;
  void* second = malloc((size_t)50 << 20);
  if (second == NULL || calls != 1) return 3;
  errno = 0;
  if (malloc((size_t)50 << 20) != NULL || errno != ENOMEM || calls != 2) return 4;
  if (hak_on_limit(NULL) != free_reserve) return 5;
  if (malloc((size_t)50 << 20) != NULL || calls != 2) return 6;
  free(first);
  free(second);
  return malloc((size_t)100 << 20) == NULL ? 7 : 0;
}
