/* Frees a large block twice. */
#include "misuse/free_of.h"

int main(void) {
  void* const block = malloc(1000000);
  free_of(block);
  free_of(block);
  free_of(block);
  return went_on();
}
