/* Frees addresses that no user program can have: above 2^47, not canonical, and the last of all. */
#include "misuse/free_of.h"

int main(void) {
  free_of((void*)0x800000000000);
  free_of((void*)0xdead000000000000);
  free_of((void*)0xfffffffffffffff0);
  return went_on();
}
