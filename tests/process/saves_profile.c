/* Learns a little, then saves its profile: again and again ("forever"), or once by request ("once").
 * "exit" leaves it to the end of the process; "grow" does too, and first prints how often a block moved while it grew. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "hakmem/hakmem.h"

static void use_blocks(unsigned milliseconds) {
  const struct timespec pause = {0, milliseconds * 1000000L};
  for (unsigned i = 0; i < 8; ++i) {
    char* volatile block = malloc((size_t)(i % 4 + 1) << 18);
    block[0] = 1;
    free(block);
    if (milliseconds != 0) nanosleep(&pause, NULL);
  }
}

/* From 1 to 250 MiB, in steps of 1 MiB: beyond 32 MiB it moves again and again. */
static void grow_block(void) {
  unsigned moves = 0;
  char* block = malloc((size_t)1 << 20);
  for (size_t mib = 2; mib <= 250; ++mib) {
    const uintptr_t before = (uintptr_t)block;
    block = realloc(block, mib << 20);
    block[(mib << 20) - 1] = 1;
    moves += (uintptr_t)block != before;
  }
  free(block);
  printf("%u\n", moves);
}

int main(int count, char** words) {
  const char* how = count > 1 ? words[1] : "exit";
  if (strcmp(how, "grow") == 0) {
    grow_block();
    return 0;
  }
  use_blocks(strcmp(how, "forever") == 0 ? 0 : 20);
  if (strcmp(how, "exit") == 0) return 0;
  printf("%d\n", hak_profile_save());
  fflush(stdout);
  while (strcmp(how, "forever") == 0) {
    use_blocks(0);
    hak_profile_save();
  }
  _exit(0);
}
