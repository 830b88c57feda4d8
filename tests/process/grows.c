/* What blocks that realloc grows take of what a process has little of; exit code 0: not much.
 *
 *   grows limit       under HAKMEM_HARD_LIMIT=512M: what a site's blocks have grown to is no reason to fail others
 *   grows mappings    many short blocks that grow where one grows far do not use the process's mappings up
 */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KIB ((size_t)1 << 10)
#define MIB ((size_t)1 << 20)

static void* resize_or_exit(void* block, size_t bytes) {
  void* resized = realloc(block, bytes);
  if (resized == NULL) exit(2);
  return resized;
}

/* One caller of realloc for all, as in most programs: the compiler must not make several of it. */
static void* (*volatile resize)(void*, size_t) = resize_or_exit;

static int within_limit(void) {
  void* vector = malloc(40 * MIB);
  for (size_t bytes = 41 * MIB; bytes <= 400 * MIB; bytes += MIB) vector = resize(vector, bytes);
  free(vector);
  malloc_trim(0);
  void* grown = resize(malloc(40 * MIB), 51 * MIB);
  if (malloc_usable_size(grown) > 80 * MIB) return 3; /* programs count by it */
  void* other = malloc(150 * MIB);
  const int failed = other == NULL;
  free(other);
  free(grown);
  return failed ? 4 : 0;
}

static size_t mappings(void) {
  size_t lines = 0;
  FILE* maps = fopen("/proc/self/maps", "r");
  if (maps == NULL) return 0;
  for (int c = getc(maps); c != EOF; c = getc(maps)) lines += c == '\n';
  fclose(maps);
  return lines;
}

static int few_mappings(void) {
  enum { kBlocks = 10000 };
  static void* blocks[kBlocks];
  for (size_t i = 0; i < kBlocks; ++i) {
    blocks[i] = malloc(40 * KIB);
    if (blocks[i] == NULL) return 6;
    *(char*)blocks[i] = 1;
  }
  size_t far = 5 * MIB;
  void* vector = resize(malloc(40 * KIB), far);
  for (size_t i = 0; i < kBlocks; ++i) {
    far += 64 * KIB;
    vector = resize(vector, far);
    blocks[i] = resize(blocks[i], 70 * KIB);
  }
  const size_t now = mappings();
  for (size_t i = 0; i < kBlocks; ++i) free(blocks[i]);
  free(vector);
  return now > 4000 ? 5 : 0;
}

int main(int count, char** words) {
  if (count != 2) return 1;
  return strcmp(words[1], "limit") == 0 ? within_limit() : few_mappings();
}
