/* Frees the address of a static variable. */
#include "misuse/free_of.h"

static long variable[1000];

int main(void) {
  free_of(&variable[500]);
  free_of(&variable[500]);
  return variable[500] == 0 ? went_on() : 1;
}
