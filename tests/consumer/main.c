/* A C program that uses hakmem. Its malloc must be hakmem's. Prints two versions: the header's and the
 * library's. */
#include <hakmem/hakmem.h>
#include <stdio.h>
#include <stdlib.h>

static uint64_t large_blocks(void) {
  struct hak_stats stats;
  if (hak_stats_get(&stats, sizeof stats) != 0) abort();
  return stats.large_blocks;
}

int main(void) {
  char version[32];
  snprintf(version, sizeof version, "%d.%d.%d", HAKMEM_VERSION_MAJOR, HAKMEM_VERSION_MINOR,
           HAKMEM_VERSION_PATCH);
  puts(version);
  puts(hak_version());

  const uint64_t before = large_blocks();
  void* volatile block = malloc(1 << 20); /* volatile: the pair must not be optimised away */
  const uint64_t during = large_blocks();
  free(block);
  if (block == NULL || during != before + 1 || large_blocks() != before) {
    fputs("malloc is not hakmem's\n", stderr);
    return EXIT_FAILURE;
  }
  return EXIT_SUCCESS;
}
