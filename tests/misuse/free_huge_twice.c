/* Frees a huge block, which has a mapping of its own, twice. */
#include "misuse/free_of.h"

int main(void) {
  void* const block = malloc((size_t)300 << 20);
  free_of(block);
  free_of(block);
  free_of(block);
  return went_on();
}
