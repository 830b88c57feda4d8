/* Allocates a little and says whether the kernel started it in secure mode (setuid). */
#include <stdio.h>
#include <stdlib.h>
#include <sys/auxv.h>

int main(void) {
  for (size_t size = 1; size < 1000000; size *= 3) free(malloc(size));
  printf("AT_SECURE %lu\n", getauxval(AT_SECURE));
  return 0;
}
