/* Frees a large block twice; no later block may be handed out twice for it. */
#include "misuse/free_of.h"

int main(void) {
  void* const block = malloc(1000000);
  free_of(block);
  free_of(block);
  free_of(block);
  void* later[4];
  for (int i = 0; i < 4; ++i) {
    later[i] = malloc(1000000);
    for (int j = 0; j < i; ++j) {
      if (later[j] == later[i]) {
        puts("one block for two");
        return 1;
      }
    }
  }
  for (int i = 0; i < 4; ++i) free(later[i]);
  return went_on();
}
