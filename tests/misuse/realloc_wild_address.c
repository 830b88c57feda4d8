/* Reallocates an address where nothing is mapped; there is no block to give back. */
#include "misuse/free_of.h"

int main(void) {
  void* volatile wild = (void*)0x1234500000;
  if (realloc(wild, 100) != NULL || realloc(wild, 100) != NULL) return 1;
  return went_on();
}
