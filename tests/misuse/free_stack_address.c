/* Frees the address of a local variable. */
#include "misuse/free_of.h"

int main(void) {
  long local[8] = {0};
  free_of(&local[2]);
  free_of(&local[2]);
  return local[2] == 0 ? went_on() : 1;
}
