/* Loads the allocator given as argument into a running program, uses its hak_malloc and hak_free in
 * a thread, unloads it, ends the thread and exits. Exit code 0 when nothing failed; otherwise
 * stderr says what.
 *
 * Needs the library's static TLS to fit the little that the loader keeps for libraries that come
 * late.
 */
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void* (*allocate)(size_t);
static void (*release)(void*);

static void* use(void* unused) {
  void* blocks[1000];
  for (size_t i = 0; i < 1000; ++i) {
    blocks[i] = allocate(i * 50);
    if (blocks[i] == NULL) return "out of memory";
    memset(blocks[i], 1, i * 50);
  }
  for (size_t i = 0; i < 1000; ++i) release(blocks[i]);
  (void)unused;
  return NULL;
}

static int fail(const char* what) {
  fprintf(stderr, "%s\n", what);
  return 1;
}

int main(int argc, char** argv) {
  if (argc != 2) return fail("usage: loads_allocator LIBRARY");
  void* const library = dlopen(argv[1], RTLD_NOW | RTLD_LOCAL);
  if (library == NULL) return fail(dlerror());
  *(void**)&allocate = dlsym(library, "hak_malloc");
  *(void**)&release = dlsym(library, "hak_free");
  if (allocate == NULL || release == NULL) return fail("hak_malloc or hak_free is missing");
  void* result = use(NULL);
  if (result != NULL) return fail(result);
  for (int round = 0; round < 3; ++round) {
    pthread_t thread;
    if (pthread_create(&thread, NULL, use, NULL) != 0 || pthread_join(thread, &result) != 0)
      return fail("no thread");
    if (result != NULL) return fail(result);
  }
  if (dlclose(library) != 0) return fail(dlerror());
  void* const own = malloc(100);
  free(own);
  puts("unloaded");
  return 0;
}
