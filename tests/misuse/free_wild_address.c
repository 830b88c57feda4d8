/* Frees an address where nothing is mapped. */
#include "misuse/free_of.h"

int main(void) {
  free_of((void*)0x1234500000);
  free_of((void*)0x1234500000);
  return went_on();
}
