/* Asks for the usable size of what is no block. */
#include "misuse/free_of.h"

#include <malloc.h>

int main(void) {
  void* volatile wild = (void*)0x1234500000;
  printf("%zu bytes\n", malloc_usable_size(wild));
  return went_on();
}
