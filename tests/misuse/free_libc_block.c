/* Hands blocks of the C library's own malloc to the functions that replace its family. */
#include "misuse/free_of.h"

#include <malloc.h>

extern void* __libc_malloc(size_t size);

int main(void) {
  for (size_t size = 1; size < 1000000; size = size * 3 + 1) {
    char* const block = __libc_malloc(size);
    memset(block, 5, size);
    if (malloc_usable_size(block) < size) return 1;
    free_of(block);
    char* const moved = realloc(__libc_malloc(size), 2 * size);
    memset(moved, 5, 2 * size);
    free_of(moved);
  }
  return went_on();
}
