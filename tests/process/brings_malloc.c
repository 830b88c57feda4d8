/* An allocator of the program's own, which its calls find before a preloaded one: nothing is freed. */
#include <stdatomic.h>
#include <stddef.h>
#include <string.h>

static _Alignas(64) unsigned char heap[8 << 20];
static atomic_size_t used;

void* malloc(size_t bytes) {
  const size_t rounded = (bytes + 79) & ~(size_t)63; /* its length lies before a block */
  const size_t at = atomic_fetch_add(&used, rounded);
  if (at + rounded > sizeof heap) return NULL;
  memcpy(heap + at, &bytes, sizeof bytes);
  return heap + at + 16;
}

void free(void* block) { (void)block; }

void* calloc(size_t count, size_t bytes) { return malloc(count * bytes); }

void* realloc(void* block, size_t bytes) {
  void* const made = malloc(bytes);
  size_t before = 0;
  if (block != NULL && made != NULL) {
    memcpy(&before, (unsigned char*)block - 16, sizeof before);
    memcpy(made, block, before < bytes ? before : bytes);
  }
  return made;
}
