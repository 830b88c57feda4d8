/* Frees an address inside a large block, which stays what it was. */
#include "misuse/free_of.h"

int main(void) {
  char* const block = malloc(1000000);
  memset(block, 7, 1000000);
  free_of(block + 500000);
  free_of(block + 500000);
  for (size_t i = 0; i < 1000000; ++i) {
    if (block[i] != 7) return 1;
  }
  free(block);
  return went_on();
}
